"""Photos of a bucket, looked at by the actors of a real Ray cluster of this machine."""

import importlib.util
from contextlib import closing

import pytest

from phototag import Library, Ray, scan
from phototag.scanning import ScanOptions
from phototag.taggers import table
from tests.conftest import SAMPLES
from tests.engines.cluster import ANSWERS, answers_of, environment, tidy
from tests.engines.taggers import register


@pytest.fixture
def slow_tagger():
    before = dict(table.SPECS)
    register()
    yield ScanOptions(taggers=("slow",), batch_size=2)
    table.SPECS.clear()
    table.SPECS.update(before)


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs ray: pip install 'phototag[cluster]'"
)
def test_photos_in_a_bucket(s3_server, s3, bucket, slow_tagger, catalogs, tmp_path, monkeypatch):
    """The actors download them, each once; the answers are those of threads. Of a catalog on a server each
    actor saves its own."""
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    files = sorted(SAMPLES.rglob("*.jpg"))
    names = {f"photos/{file.relative_to(SAMPLES).as_posix()}" for file in files}
    for name, file in zip(sorted(names), files, strict=True):
        s3.put_object(Bucket=bucket, Key=name, Body=file.read_bytes())
    with closing(Library.open(tmp_path / "threads.db")) as library:
        scan(library, ["s3://museum/photos"], slow_tagger)
    s3_server.forget()
    catalog = tmp_path / "ray.db"
    with closing(Library.open(catalogs.address(catalog))) as library:
        report = scan(library, ["s3://museum/photos"], slow_tagger, engine=Ray(actors=1))
    assert (report.tagged, report.failed) == (len(names), 0)
    assert sorted(s3_server.fetched()) == sorted(f"/museum/{name}" for name in names)
    assert tidy(catalogs.execute(catalog, ANSWERS)) == answers_of(tmp_path / "threads.db") != []
    catalogs.remove(catalog)
