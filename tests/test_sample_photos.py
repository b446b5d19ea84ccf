"""What sample_photos/expected.json says of the files themselves. What is in the pictures is the
taggers' business."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from phototag.reading.decode import open_photo
from phototag.reading.walk import Walk

SAMPLES = Path(__file__).parent.parent / "sample_photos"
EXPECTED = json.loads((SAMPLES / "expected.json").read_text())["photos"]


def test_scan_finds_exactly_the_photos_whose_truth_is_written_down():
    assert [file.path for file in Walk([SAMPLES])] == sorted(
        EXPECTED, key=lambda path: (path.count("/"), path)
    )


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_facts_of_each_sample_photo(name):
    truth = EXPECTED[name]
    photo = open_photo(SAMPLES / name, working_side=640)
    assert [photo.width, photo.height] == truth["size"]
    assert photo.exif.orientation == truth["orientation"]
    assert photo.exif.utc_offset_minutes == truth["utc_offset_minutes"]
    if truth["taken_at"]:
        assert (photo.exif.taken_at, photo.exif.taken_from) == (
            datetime.fromisoformat(truth["taken_at"]),
            "exif",
        )
    else:
        assert photo.exif.taken_from == "file"
    if truth["gps"]:
        assert [photo.exif.latitude, photo.exif.longitude] == pytest.approx(truth["gps"], abs=1e-4)
    else:
        assert photo.exif.latitude is None


def test_every_sample_photo_has_its_source_told():
    sources = (SAMPLES / "SOURCES.md").read_text()
    assert all(f"`{name}`" in sources for name in EXPECTED)


def test_there_is_a_smile_for_every_year_and_a_bad_case_for_every_rule():
    smiling_days = {truth["taken_at"][:10] for truth in EXPECTED.values() if truth["everyone_smiling"]}
    assert len({day for day in smiling_days if day.startswith("2016")}) >= 3
    assert any(day.startswith("2015") for day in smiling_days)
    assert any(True in truth["smiles"] and False in truth["smiles"] for truth in EXPECTED.values())
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*")) < 3_000_000
