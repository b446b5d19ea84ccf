"""Albums, films, moments and positions over HTTP."""

import json
import shutil
import struct
import time

import pytest


@pytest.fixture(scope="module")
def served(serve, scanned, tmp_path_factory):
    catalog = tmp_path_factory.mktemp("albums") / "catalog.db"
    shutil.copy(scanned[1], catalog)
    served = serve(catalog)
    served.catalog = catalog
    return served


def get(served, path):
    answer = served.request("GET", path)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def post(served, path, body):
    answer = served.request("POST", path, body=json.dumps(body))
    return answer.status, json.loads(answer.body)


def test_a_preview_chooses_what_highlights_chooses(served, scanned):
    from phototag import Library
    from phototag.highlights import theme
    from phototag.highlights.appearance import measure_appearance
    from phototag.highlights.choose import choose

    status, found = post(served, "/api/album/preview", {"theme": "smiles", "q": "taken:2016", "top": None})
    with Library.open(scanned[1]) as library:
        choice = choose(
            list(library.photos("taken:2016")), theme.load("smiles"), measure_appearance, None, True
        )
    assert status == 200 and found["title"] == "Smiles 2016"
    assert [(each["id"], each["sentence"]) for each in found["kept"]] == [
        (verdict.photo.photo_id, verdict.sentence()) for verdict in choice.kept
    ]
    assert found["considered"] == len(choice.verdicts) == 8
    assert sum(each["photos"] for each in found["counts"]) == 8 - len(choice.kept)
    assert {each["sentence"] for each in found["left_out"]} <= {each["sentence"] for each in found["counts"]}


def test_an_album_is_kept_shown_filmed_in_parts_and_forgotten(served):
    status, done = post(
        served, "/api/album/save", {"theme": "smiles", "q": "taken:2016", "name": "Smiles & <more>"}
    )
    assert (status, done["photos"]) == (200, 4)
    (album,) = get(served, "/api/albums")
    assert (album["name"], album["photos"], album["film"]) == ("Smiles & <more>", 4, False)
    asked = "Smiles%20%26%20%3Cmore%3E"
    members = get(served, f"/api/album?name={asked}")
    assert members[0]["id"] == album["cover"] and "smile" in members[0]["reason"]
    data = served.request("GET", f"/api/grid?album={asked}").body
    (length,) = struct.unpack_from("<I", data)
    assert list(struct.unpack_from("<4I", data, 4 + length)) == [each["id"] for each in members]

    assert served.request("GET", f"/film?album={asked}").status == 404
    status, state = post(served, "/api/film/make", {"name": "Smiles & <more>"})
    assert status == 200 and not state["ready"]
    end = time.monotonic() + 240
    while not state["ready"]:
        assert state["error"] is None and time.monotonic() < end
        time.sleep(1)
        state = get(served, f"/api/film?name={asked}")
    whole = served.request("GET", f"/film?album={asked}")
    assert whole.getheader("Content-Type") == "video/mp4" and whole.body[4:8] == b"ftyp"
    part = served.request("GET", f"/film?album={asked}", {"Range": "bytes=4-7"})
    assert (part.status, part.body) == (206, b"ftyp")
    assert served.request("GET", f"/film?album={asked}", {"Range": "bytes=99999999-"}).status == 416

    assert post(served, "/api/album/delete", {"name": "Smiles & <more>"})[0] == 200
    assert get(served, "/api/albums") == []


@pytest.mark.parametrize(
    "name",
    [
        "../<b>x",
        "/etc/passwd",
        "CON",
        "x" * 200,
        "شروق",
        "\u202egnp.exe",
        "🎉👨‍👩‍👧",
        "a\\b:c|d?*",
        "' OR 1=1 --",
        "%2e%2e",
    ],
)
def test_an_album_may_have_any_name_of_one_line(served, name):
    """It is no path: what is made of it is named by a hash, and listed under the very name."""
    from urllib.parse import quote

    wish = {"theme": "smiles", "q": "taken:2016", "name": name}
    assert post(served, "/api/album/save", wish) == (200, {"name": name, "photos": 4})
    assert [album["name"] for album in get(served, "/api/albums")] == [name]
    assert len(get(served, f"/api/album?name={quote(name)}")) == 4
    assert get(served, f"/api/film?name={quote(name)}")["ready"] is False
    assert served.request("GET", f"/film?album={quote(name)}").status == 404
    assert post(served, "/api/album/delete", {"name": name})[0] == 200


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\nb", "a\u2028b", "a\0b", "\ud800", 7, None])
def test_what_is_no_name_of_one_line_is_refused(served, name):
    status, said = post(served, "/api/album/save", {"theme": "smiles", "q": "taken:2016", "name": name})
    assert status == 400 and set(said) == {"error"} and get(served, "/api/albums") == []


def test_too_few_photos_are_one_sentence(served):
    status, said = post(served, "/api/album/save", {"theme": "smiles", "q": "faces:3", "name": "x"})
    assert status == 409 and "which wants at least" in said["error"]


def test_the_shots_of_a_moment_and_the_one_that_is_kept(served):
    from phototag import Library

    with Library.open(served.catalog) as library:
        shots = {photo.path.rpartition("/")[2]: photo for photo in library.photos("path:burst")}
        alone = next(iter(library.photos("path:cat"))).photo_id
    for photo in shots.values():
        found = get(served, f"/api/moment/{photo.photo_id}")
        assert [each["id"] for each in found] == [
            shots[f"burst-{number}.jpg"].photo_id
            for number in (1, 2, 3)
            if shots[f"burst-{number}.jpg"].photo_id in {each["id"] for each in found}
        ]
        assert len(found) >= 2 and sum(each["kept"] for each in found) == 1
        best = next(each for each in found if each["kept"])
        assert best["least_smile"] == max(each["least_smile"] or 0 for each in found)
    assert [each["id"] for each in get(served, f"/api/moment/{alone}")] == [alone]
    assert get(served, "/api/moment/99999") == []


def test_positions_are_those_of_the_photos_that_fit(served):
    from phototag import Library

    with Library.open(served.catalog) as library:
        known = {photo.photo_id: photo for photo in library.photos() if photo.latitude is not None}
    data = served.request("GET", "/api/positions").body
    (count,) = struct.unpack_from("<I", data)
    ids = struct.unpack_from(f"<{count}I", data, 4)
    degrees = struct.unpack_from(f"<{2 * count}f", data, 4 + 4 * count)
    assert set(ids) == set(known) and count > 0
    for place, photo_id in enumerate(ids):
        assert degrees[2 * place : 2 * place + 2] == pytest.approx(
            (known[photo_id].latitude, known[photo_id].longitude), abs=1e-4
        )
    assert struct.unpack_from("<I", served.request("GET", "/api/positions?q=faces:9..").body) == (0,)


def test_a_scan_beside_it_is_news(served, tmp_path):
    from PIL import Image

    from phototag import Library
    from phototag.reading.files import hash_file
    from phototag.reading.walk import Walk

    before = get(served, "/api/news")["revision"]
    Image.new("RGB", (90, 60)).save(tmp_path / "new.jpg")
    with Library.open(served.catalog) as library:
        walk = Walk([str(tmp_path)])
        library.reconcile(walk.roots, walk, hash_file=lambda file: hash_file(file.full_path()))
    after = get(served, "/api/news")["revision"]
    assert after != before
    data = served.request("GET", "/api/grid?q=untagged").body
    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length])
    assert header["photos"] == 1 and header["revision"] == after
