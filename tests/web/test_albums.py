"""Albums, films, moments and the map over HTTP."""

import contextlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from http.client import HTTPException
from pathlib import Path

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


def film_file(served, name):
    from phototag import Library
    from phototag.web.albums import Albums

    with Library.open(served.catalog) as library:
        return Albums(library, served.catalog.parent / "cache" / "phototag" / "films").film_file(name)


def test_an_album_is_kept_shown_its_film_sent_in_parts_and_forgotten(served):
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

    film = film_file(served, "Smiles & <more>")
    assert served.request("GET", f"/film?album={asked}").status == 404
    assert get(served, f"/api/film?name={asked}")["ready"] is False
    film.parent.mkdir(parents=True, exist_ok=True)
    film.write_bytes(b"\0\0\0\x18ftypmp42")
    assert get(served, f"/api/film?name={asked}")["ready"] is True
    whole = served.request("GET", f"/film?album={asked}")
    assert whole.getheader("Content-Type") == "video/mp4" and whole.body == film.read_bytes()
    part = served.request("GET", f"/film?album={asked}", {"Range": "bytes=4-7"})
    assert (part.status, part.body) == (206, b"ftyp")
    assert served.request("GET", f"/film?album={asked}", {"Range": "bytes=99999999-"}).status == 416

    assert post(served, "/api/album/delete", {"name": "Smiles & <more>"})[0] == 200
    assert get(served, "/api/albums") == []


@pytest.mark.slow
def test_the_film_of_an_album_is_made_beside_everything_else(served):
    assert post(served, "/api/album/save", {"theme": "smiles", "q": "taken:2016", "name": "2016"})[0] == 200
    status, state = post(served, "/api/film/make", {"name": "2016"})
    assert status == 200 and not state["ready"]
    end = time.monotonic() + 240
    while not state["ready"]:
        assert state["error"] is None and time.monotonic() < end
        time.sleep(1)
        state = get(served, "/api/film?name=2016")
    assert served.request("GET", "/film?album=2016").body == film_file(served, "2016").read_bytes()
    assert post(served, "/api/album/delete", {"name": "2016"})[0] == 200


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
    status, kept = post(served, "/api/album/save", wish)
    assert (status, kept["name"], kept["photos"]) == (200, name, 4)
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


def test_links_and_films_of_undecodable_names_are_made_all_the_same():
    from phototag.web.albums import film_elements
    from phototag.web.elements import link

    assert link({"q": "a\udcff & b"})[1]["href"] == "/?q=a%3F+%26+b"
    (video,) = film_elements("\udcff", {"ready": True})
    assert video[1]["src"] == "/film?album=%3F"


WORLD = "west=-180&east=180&south=-90&north=90"


def test_the_map_has_the_places_of_the_photos_that_fit(served):
    from phototag import Library

    with Library.open(served.catalog) as library:
        known = {
            photo.photo_id: (photo.latitude, photo.longitude)
            for photo in library.photos()
            if photo.latitude is not None
        }
    found = get(served, "/api/places")
    assert found["told"] == f"{len(known)} photos say where they were taken."
    norths, easts = zip(*known.values(), strict=True)
    edges = found["west"], found["east"], found["south"], found["north"]
    assert edges == pytest.approx((min(easts), max(easts), min(norths), max(norths)))
    spots = get(served, f"/api/spots?{WORLD}&cell=0.01")
    for _, about, image, number in spots:
        photo_id = int(image[1]["src"].removeprefix("/320/"))
        assert number is None and (about["north"], about["east"]) == pytest.approx(known.pop(photo_id))
        assert about["value"].startswith("near:")
    assert not known
    nowhere = get(served, "/api/places?q=faces:9..")
    assert "0 photos of “faces:9..” say" in nowhere["told"] and nowhere["west"] < nowhere["east"]
    assert get(served, f"/api/spots?q=faces:9..&{WORLD}&cell=1") == []


def test_photos_close_to_each_other_are_one_spot_that_is_looked_into_or_asked_for():
    from phototag.web.places import Window, spot_element

    positions = [(1, 48.0, 11.0), (2, 48.2, 11.2), (3, 48.1, 11.1), (4, -33.0, 151.0)]
    world = Window(-180, 180, -90, 90, cell=10)
    many, one = world.gather(positions)
    assert (many.photos, one.photos) == (3, 1)
    assert (many.north, many.east) == pytest.approx((48.1, 11.1))
    assert spot_element(many, world.cell, "dog")[1]["value"] == ""  # a thousand kilometres: looked into
    assert spot_element(one, world.cell, "dog")[1]["value"] == "dog near:-33.0000,151.0000,1km"
    assert spot_element(many, 0.1, "cat or dog")[1]["value"] == "( cat or dog ) near:48.1000,11.1000,12km"
    assert [spot.photos for spot in Window(0, 20, 40, 50, cell=0.01).gather(positions)] == [1, 1, 1]


@pytest.mark.parametrize("cell", ["", "0", "-1", "nan", "inf", "x"])
def test_what_is_no_window_of_the_map_is_refused(served, cell):
    assert served.request("GET", f"/api/spots?{WORLD}&cell={cell}").status == 400


def test_the_land_is_a_path_in_degrees(served):
    land = get(served, "/api/land")
    outlines = [outline.split() for outline in land.removeprefix("M").removesuffix("Z").split("ZM")]
    assert len(outlines) > 100
    degrees = [float(each) for outline in outlines for each in outline]
    assert all(len(outline) % 2 == 0 for outline in outlines)
    assert max(map(abs, degrees[1::2])) <= 90 and max(map(abs, degrees)) <= 360


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


def make_one_smile_doubtful(folder, catalog):
    """Mix a quarter of a serious face into a smile, and scan it; gives the photo's id. SmileNet is not sure
    at its first look (0.975 of the 0.98 that an album wants), and is at its second."""
    from PIL import Image

    from phototag import Library, scan

    with Library.open(catalog) as library:
        photos = {photo.path.rpartition("/")[2]: photo for photo in library.photos()}
        smiling, serious = photos["astronaut.jpg"], photos["portrait-serious.jpg"]
        with Image.open(serious.path) as picture:
            face = picture.convert("RGB").crop(edges_of_face(serious, picture.size))
        with Image.open(smiling.path) as picture:
            exif, mixed = picture.info["exif"], picture.convert("RGB")
        edges = edges_of_face(smiling, mixed.size)
        smile = mixed.crop(edges)
        mixed.paste(Image.blend(smile, face.resize(smile.size), 0.25), edges[:2])
        mixed.save(smiling.path, quality=92, exif=exif)
        scan(library, [folder])
    return smiling.photo_id


def edges_of_face(photo, size):
    (face,) = photo.faces
    return tuple(int(edge * side) for edge, side in zip(face.box, size * 2, strict=True))


def children_of(process, module):
    """The ids of the processes of this module that the server has started and that run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process.pid and module in (folder / "cmdline").read_text():
                found.append(int(folder.name))
        except OSError:
            continue  # ended meanwhile
    return found


def test_a_kept_album_is_that_of_highlights_with_its_second_look(serve, own_copy):
    """A smile that is sure only at the second look is in both albums, and not yet in the preview."""
    folder, catalog = own_copy
    photo_id = make_one_smile_doubtful(folder, catalog)
    served = serve(catalog)
    wish = {"theme": "smiles", "q": "taken:2015..2016", "top": None}
    status, found = post(served, "/api/album/preview", wish)
    assert status == 200 and found["enough"] and photo_id not in [each["id"] for each in found["kept"]]
    assert "looked at once more when the album is kept" in found["told"]
    assert post(served, "/api/album/save", wish | {"name": "page"})[0] == 200
    assert children_of(served.process, "phototag.web.second_look") == []
    if sys.platform.startswith("linux"):
        assert "torch" not in Path(f"/proc/{served.process.pid}/maps").read_text()

    options = "--db", str(catalog), "--name", "line"
    command = [
        sys.executable,
        "-m",
        "phototag",
        "highlights",
        "--theme",
        "smiles",
        "taken:2015..2016",
        *options,
    ]
    subprocess.run(command, check=True, capture_output=True)
    page, line = (get(served, f"/api/album?name={name}") for name in ("page", "line"))
    assert page == line and photo_id in [each["id"] for each in page]

    few = wish | {"q": "taken:2016-03", "top": 1}  # that photo alone
    status, found = post(served, "/api/album/preview", few)
    assert (status, found["kept"], found["enough"]) == (200, [], True)
    status, kept = post(served, "/api/album/save", few | {"name": "one"})
    assert (status, kept["name"], kept["photos"]) == (200, "one", 1)
    status, found = post(served, "/api/album/preview", wish | {"theme": "year"})
    assert status == 200 and "once more" not in found["told"]  # it takes smiles as the scan saw them


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize(
    ("module", "method", "path", "body"),
    [
        (
            "phototag.web.second_look",
            "POST",
            "/api/album/save",
            {"theme": "smiles", "q": "taken:2016", "name": "x"},
        ),
        ("phototag.web.heat", "GET", "/api/photo/{cat}/heatmap?of=cat", None),
    ],
)
def test_no_process_outlives_the_server(serve, own_copy, module, method, path, body):
    """Not even one that hangs: it is stopped here, and cannot end by itself."""
    from phototag import Library

    with Library.open(own_copy[1]) as library:
        (cat,) = [photo.photo_id for photo in library.photos("path:cat.jpg")]
    served = serve(own_copy[1])
    sent = json.dumps(body) if body else None

    def ask():
        with contextlib.suppress(OSError, HTTPException):  # the server ends
            served.request(method, path.format(cat=cat), body=sent)

    asking = threading.Thread(target=ask)
    asking.start()
    end = time.monotonic() + 60
    while not (children := children_of(served.process, module)):
        assert time.monotonic() < end
        time.sleep(0.02)
    (child,) = children
    os.kill(child, signal.SIGSTOP)
    if body:  # a second album does not wait for the first one
        status, said = post(served, path, body)
        assert status == 409 and "another album is being made" in said["error"]
    try:
        served.process.terminate()
        served.process.wait(30)
        asking.join()
        end = time.monotonic() + 5
        while is_running(child, module):
            assert time.monotonic() < end, "it outlives the server"
            time.sleep(0.1)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def is_running(process_id, module):
    try:
        return module in Path(f"/proc/{process_id}/cmdline").read_text()  # empty where it waits to be reaped
    except OSError:
        return False
