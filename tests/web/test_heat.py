"""Heat maps over HTTP: made by a child process when one is asked for, kept, one at a time."""

import io
import json
import shutil
import threading

import pytest
from PIL import Image


@pytest.fixture(scope="module")
def served(serve, scanned, tmp_path_factory):
    catalog = tmp_path_factory.mktemp("heat") / "catalog.db"
    shutil.copy(scanned[1], catalog)
    served = serve(catalog, "--read-only")
    served.catalog = catalog
    return served


def photo(served, name):
    from phototag import Library

    with Library.open(served.catalog) as library:
        return next(photo for photo in library.photos() if photo.path.endswith(name))


def heat(served, photo_id, of):
    return served.request("GET", f"/api/photo/{photo_id}/heatmap?of={of}")


def test_one_at_a_time_kept_and_of_the_photos_shape(served):
    """Where nothing may be changed, too: it is a picture, and the catalog stays as it is."""
    cat = photo(served, "cat.jpg")
    assert json.loads(served.request("GET", f"/api/photo/{cat.photo_id}").body)["heat"] == ["cat"]
    answers = []

    def ask():
        answers.append(heat(served, cat.photo_id, "cat"))

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    busy, made = sorted(answers, key=lambda answer: -answer.status)
    assert made.status == 200 and made.getheader("Content-Type") == "image/webp"
    assert busy.status == 409 and "another heat map is being made" in json.loads(busy.body)["error"]
    with Image.open(io.BytesIO(made.body)) as picture:
        assert picture.size == (cat.width, cat.height) and picture.mode == "RGBA"
        low, high = picture.getchannel("A").getextrema()
    assert low == 0 and high > 150  # nothing speaks for it everywhere, something does somewhere
    kept = list((served.catalog.parent / "cache").rglob(f"{cat.content_hash}-1600-heat-*.webp"))
    assert [file.read_bytes() for file in kept] == [made.body]
    assert heat(served, cat.photo_id, "cat").body == made.body  # at once, without another process


@pytest.mark.parametrize(
    ("of", "why"),
    [
        pytest.param("smile", "no face is large, sharp and whole", marks=pytest.mark.slow),
        ("horse", "finds no horse"),
    ],
)
def test_why_there_is_none_is_one_sentence(of, why, served):
    answer = heat(served, photo(served, "cat.jpg").photo_id, of)
    assert answer.status == 409 and why in json.loads(answer.body)["error"]


def test_the_server_itself_loads_no_net(served):
    """What a net takes of the memory is given back with the child process."""
    maps = f"/proc/{served.process.pid}/maps"
    try:
        with open(maps) as file:
            assert "torch" not in file.read()
    except FileNotFoundError:
        pytest.skip("only Linux tells what a process has loaded")
