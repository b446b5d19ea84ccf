"""What a person says in the browser is what the command line's words say, and can be undone."""

import json
import shutil

import pytest


@pytest.fixture
def served(serve, own_copy, catalogs):
    folder, file = own_copy
    address = catalogs.take(file)
    served = serve(address)
    served.folder, served.catalog = folder, address
    yield served
    catalogs.remove(file)


@pytest.fixture
def library(served):
    from phototag import Library

    with Library.open(served.catalog) as library:
        yield library


def post(served, path, body):
    answer = served.request("POST", path, body=json.dumps(body))
    return answer.status, json.loads(answer.body)


def shown(served, photo_id):
    return json.loads(served.request("GET", f"/api/photo/{photo_id}").body)


def offers(described):
    """What the elements of a page offer to say: title -> the button's or the form's offer."""
    found = {}
    for part in described:
        if isinstance(part, list):
            found |= offers(part)
        elif isinstance(part, dict) and "offer" in part:
            field = next((each[1] for each in described if isinstance(each, list) and "input" in each), part)
            found[field["ariaLabel"]] = part["offer"] | {"is_on": part.get("ariaPressed")}
    return found


def test_what_the_page_offers_to_say_of_a_photo_is_obeyed(served, library):
    photo_id = library.photo(served.folder / "2016" / "booth-one-serious.jpg").photo_id

    def offered(title):
        return offers(shown(served, photo_id)["panel"])[title]

    def say(title, word=None):
        offer = offered(title)
        typed = {} if word is None else {offer["word"]: [word] if offer["word"] == "add" else word}
        assert post(served, offer["path"], offer["sends"] | typed)[0] == 200, title

    assert offered("Everyone smiles")["is_on"] is False
    say("Everyone smiles")
    assert offered("Everyone smiles")["is_on"] is True
    say("Name of Face 1", "Grace")
    assert library.count("person:Grace path:booth-one-serious") == 1
    say("Grace: does not smile")
    assert offered("Grace: does not smile")["is_on"] is True
    say("Add a label", "booth")
    say("There is no tie in it")
    assert library.count("booth path:booth-one-serious ^tie") == 1
    say("Take the label booth away")
    say("Grace: is not a face")
    say("Face 1 is one")
    assert len(shown(served, photo_id)["faces"]) == 3


def test_every_word_about_a_face_is_obeyed_and_undone(served, library):
    photo = library.photo(served.folder / "2016" / "booth-one-serious.jpg")
    serious = next(face for face in photo.faces if face.smile < 0.5)
    at = [[photo.photo_id, serious.number]]

    def question(text):
        return library.count(f"{text} path:booth-one-serious")

    before = shown(served, photo.photo_id)
    assert question("smiling:all") == 0
    status, done = post(served, "/api/faces", {"faces": at, "is_face": False})
    assert status == 200 and question("smiling:all") == 1 and "booth-one-serious" in done["summary"]
    page = shown(served, photo.photo_id)
    assert len(page["faces"]) == 2 and page["denied_faces"][0]["number"] == serious.number
    assert page["why"] == "All 2 faces that count smile."
    assert post(served, "/api/undo", {"change": done["change"]})[0] == 200
    assert shown(served, photo.photo_id) == before and question("smiling:all") == 0
    assert post(served, "/api/undo", {"change": done["change"]})[0] == 400  # it was undone already

    status, done = post(served, "/api/faces", {"faces": at, "smiling": True, "person": "Grace H."})
    assert status == 200 and question("smiling:all") == 1 and question('person:"Grace H."') == 1
    (face,) = [face for face in shown(served, photo.photo_id)["faces"] if face["number"] == serious.number]
    assert (face["person"], face["smile_word"], face["has_words"]) == ("Grace H.", True, True)
    assert json.loads(served.request("GET", "/api/persons").body) == ["Grace H."]
    post(served, "/api/faces/untag", {"faces": at})
    assert shown(served, photo.photo_id) == before


def test_a_face_is_drawn(served, library):
    cat = library.photo(served.folder / "2015" / "cat.jpg")
    status, done = post(
        served, "/api/face", {"id": cat.photo_id, "box": [0.3, 0.2, 0.7, 1.2], "person": "Chelsea"}
    )
    assert status == 200 and library.count("person:Chelsea faces:1") == 1
    (face,) = shown(served, cat.photo_id)["faces"]
    assert face["is_added"] and face["box"] == [0.3, 0.2, 0.7, 1.0]
    assert post(served, "/api/undo", {"change": done["change"]})[0] == 200
    assert shown(served, cat.photo_id)["faces"] == []


def test_names_for_many_are_given_where_a_photo_shows_one_face(served, library):
    ids = library.ids("taken:2016")
    alone = [photo for photo in library.photos("taken:2016") if len(photo.faces) == 1]
    status, done = post(served, "/api/name", {"ids": ids, "person": "Eileen"})
    assert status == 200 and (done["photos"], done["skipped"]) == (len(alone), len(ids) - len(alone))
    assert library.count("person:Eileen") == len(alone) > 0
    lines = json.loads(served.request("GET", f"/api/photos?ids={alone[0].photo_id}").body)
    assert lines[0]["persons"] == ["Eileen"]


def test_labels_of_many_are_one_change(served, library):
    ids = library.ids("taken:2016")
    status, done = post(served, "/api/labels", {"ids": ids, "add": ["holiday"]})
    assert status == 200 and library.count("holiday") == len(ids)
    post(served, "/api/undo", {"change": done["change"]})
    assert library.count("holiday") == 0


def test_nothing_is_forgotten_before_it_is_asked(served, library):
    ids = library.ids("animal")
    post(served, "/api/labels", {"ids": ids, "add": ["Chelsea"]})
    for body in ({"ids": ids}, {"ids": ids, "dry_run": True}):
        status, counted = post(served, "/api/forget", body)
        assert (status, counted.pop("question")[-49:]) == (
            200,
            "again. What you said of 1 photo is lost for good.",
        )
        assert counted == {"photos": 1, "with_words": 1, "in_albums": 0}
        assert library.count() == 15
    assert post(served, "/api/forget", {"ids": ids, "dry_run": False})[1]["photos"] == 1
    assert library.count() == 14 and (served.folder / "2015" / "cat.jpg").is_file()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/faces", {}),
        ("/api/faces", {"faces": [[1, 1]]}),
        ("/api/faces", {"faces": [[1, 99]], "smiling": True}),
        ("/api/faces", {"faces": [[1]], "smiling": True}),
        ("/api/faces", {"faces": [[2, 1]], "smiling": "yes"}),
        ("/api/faces", {"faces": [[2, 1]], "person": 7}),
        ("/api/faces", {"faces": [[2, 1]], "person": " "}),
        ("/api/faces", {"faces": [[2, 1]], "person": "x" * 500}),
        ("/api/faces", {"faces": [[2, 1]], "person": "A", "not_persons": ["a"]}),
        ("/api/faces/untag", {"faces": "all"}),
        ("/api/face", {"id": 1, "box": [0, 0, 1]}),
        ("/api/face", {"id": 1, "box": [0, 0, "1", 1]}),
        ("/api/face", {"id": 1, "box": [2, 2, 3, 3]}),
        ("/api/face", {"id": 1, "box": [0.5, 0.5, 0.4, 0.4]}),
        ("/api/face", {"id": 999, "box": [0, 0, 1, 1]}),
        ("/api/name", {"ids": [1]}),
        ("/api/forget", {"ids": [1], "dry_run": 0}),
        ("/api/undo", {}),
        ("/api/labels", {"ids": [1], "add": ["cat"], "remove": ["cat"]}),
    ],
)
def test_words_that_mean_nothing_are_one_sentence(served_once, path, body):
    status, said = post(served_once, path, body)
    assert status in (400, 409) and said["error"] and "Traceback" not in said["error"]


@pytest.fixture(scope="module")
def served_once(serve, scanned, tmp_path_factory):
    catalog = tmp_path_factory.mktemp("changes") / "catalog.db"
    shutil.copy(scanned[1], catalog)
    return serve(catalog)


def test_what_is_said_on_the_command_line_meanwhile_is_shown(served, library):
    """Grids are kept, but none that is not true any more."""
    asked = "/api/grid?q=Chelsea%20or%20animal"

    def photos():
        data = served.request("GET", asked).body
        return json.loads(data[4 : 4 + int.from_bytes(data[:4], "little")])["photos"]

    assert (photos(), photos()) == (1, 1)
    library.correct([served.folder / "2016" / "rocket.jpg"], add=["Chelsea"])
    assert photos() == 2
    library.undo()
    assert photos() == 1
