"""Who is who: what is said of faces, joined with what nets see."""

import pytest
from PIL import Image

from phototag.faces import (
    FaceWord,
    Grouped,
    Mention,
    Region,
    Said,
    WordKind,
    find_persons,
    resolve,
    turn_box,
)
from phototag.reading.decode import UPRIGHT
from phototag.records import Box, Person, Tag
from phototag.smiling import join_faces

ANNA, BEN, CLEO = Person(1, "Anna"), Person(2, "Ben"), Person(3, "Cleo")
LEFT, MIDDLE, RIGHT = Box(0.1, 0.1, 0.3, 0.4), Box(0.4, 0.1, 0.6, 0.4), Box(0.7, 0.1, 0.9, 0.4)
NEAR_LEFT = Box(0.12, 0.12, 0.32, 0.42)  # as another net would see the left face


def seen(*boxes, smile=0.2):
    """Faces as the taggers see them."""
    return join_faces(
        {
            "faces": [Tag("face", 0.99, box) for box in boxes],
            "smiles": [Tag("smile", smile, box) for box in boxes],
        }
    )


def who(resolved):
    return [(face.number, face.person and face.person.name, face.person_source) for face in resolved.faces]


def words(*said):
    return Said(words=[FaceWord(WordKind(kind), box, *person) for kind, box, *person in said])


def test_faces_of_which_nothing_is_said_are_as_the_nets_see_them():
    faces = seen(LEFT, RIGHT)
    assert resolve(faces).faces == tuple(faces)
    assert [face.number for face in faces] == [1, 2]


def test_a_word_belongs_to_the_face_that_overlaps_it():
    said = words(("person", NEAR_LEFT, ANNA), ("smiling", NEAR_LEFT))
    left, right = resolve(seen(LEFT, RIGHT), said).faces
    assert (left.box, left.person, left.person_source, left.smile, left.smile_word) == (
        LEFT, ANNA, "word", 1.0, True
    )  # fmt: skip
    assert (right.person, right.smile, right.smile_word) == (None, 0.2, None)


def test_a_later_word_goes_before_an_earlier_one():
    said = words(("person", LEFT, ANNA), ("person", NEAR_LEFT, BEN), ("smiling", LEFT), ("not_smiling", LEFT))
    (face,) = resolve(seen(LEFT), said).faces
    assert (face.person, face.smile) == (BEN, 0.0)


def test_what_is_no_face_keeps_its_number_to_itself():
    resolved = resolve(seen(LEFT, MIDDLE, RIGHT), words(("not_a_face", MIDDLE)))
    assert [face.number for face in resolved.faces] == [1, 3]
    assert [(face.number, face.box) for face in resolved.denied] == [(2, MIDDLE)]


@pytest.mark.parametrize("kind", ["face", "smiling", "not_smiling", "person"])
def test_a_face_of_which_a_person_speaks_is_one_though_no_net_sees_it(kind):
    said = words((kind, RIGHT, *([ANNA] if kind == "person" else [])))
    left, right = resolve(seen(LEFT), said).faces
    assert (right.number, right.box, right.is_added, right.is_vouched) == (2, RIGHT, True, True)
    assert not left.is_added


def test_what_was_said_not_to_be_a_face_makes_none():
    assert resolve(seen(LEFT), words(("not_person", RIGHT, ANNA), ("not_a_face", RIGHT))).faces == tuple(
        seen(LEFT)
    )


def test_two_people_stay_two_where_a_net_sees_one_face():
    """Boxes of two faces that another net told apart, both over the one that this net sees."""
    upper, lower = Box(0.1, 0.1, 0.3, 0.34), Box(0.1, 0.2, 0.3, 0.44)
    said = words(("person", upper, ANNA), ("person", lower, BEN))
    faces = resolve(seen(Box(0.1, 0.14, 0.3, 0.41)), said).faces
    assert {face.person for face in faces} == {ANNA, BEN}


def test_the_word_goes_before_the_sidecar_and_that_before_the_photo_and_that_before_the_group():
    said = Said(
        words=[FaceWord(WordKind.PERSON, LEFT, ANNA)],
        regions=[
            Region(LEFT, BEN, "sidecar"),
            Region(MIDDLE, CLEO, "embedded"),
            Region(MIDDLE, BEN, "sidecar"),
        ],
        groups=[Grouped(MIDDLE, ANNA), Grouped(RIGHT, CLEO, certain=False)],
    )
    resolved = resolve(seen(LEFT, MIDDLE, RIGHT), said)
    assert who(resolved) == [(1, "Anna", "word"), (2, "Ben", "sidecar"), (3, "Cleo", "group")]
    assert [face.is_person_certain for face in resolved.faces] == [True, True, False]


def test_nobody_is_twice_in_a_photo_unless_the_person_says_so():
    said = Said(
        words=[FaceWord(WordKind.PERSON, LEFT, ANNA)],
        regions=[Region(MIDDLE, ANNA, "sidecar")],
        groups=[Grouped(RIGHT, ANNA)],
    )
    assert who(resolve(seen(LEFT, MIDDLE, RIGHT), said)) == [
        (1, "Anna", "word"), (2, None, None), (3, None, None)
    ]  # fmt: skip
    said = words(("person", LEFT, ANNA), ("person", RIGHT, ANNA))
    assert [name for _, name, _ in who(resolve(seen(LEFT, RIGHT), said))] == ["Anna", "Anna"]


def test_a_face_is_not_whom_the_person_denies():
    said = Said(
        words=[FaceWord(WordKind.NOT_PERSON, LEFT, ANNA)],
        regions=[Region(LEFT, ANNA, "sidecar")],
        groups=[Grouped(LEFT, ANNA)],
    )
    (face,) = resolve(seen(LEFT), said).faces
    assert face.person is None and face.not_persons == (ANNA,)


def test_one_face_in_several_forms_of_metadata_is_one():
    """Programs write a region in two schemas, and both into the photo and beside it."""
    regions = [Region(NEAR_LEFT, ANNA, source) for source in ("embedded", "sidecar", "sidecar")]
    assert who(resolve(seen(LEFT), Said(regions=regions))) == [(1, "Anna", "sidecar")]
    regions.append(Region(RIGHT, BEN, "embedded"))
    assert who(resolve(seen(LEFT), Said(regions=regions))) == [(1, "Anna", "sidecar"), (2, "Ben", "embedded")]


def test_a_region_over_what_is_no_face_names_nobody():
    said = Said(words=[FaceWord(WordKind.NOT_A_FACE, LEFT)], regions=[Region(LEFT, ANNA, "sidecar")])
    resolved = resolve(seen(LEFT), said)
    assert resolved.faces == () and len(resolved.denied) == 1


def test_who_is_in_a_photo():
    said = words(("person", LEFT, ANNA), ("person", RIGHT, ANNA), ("not_smiling", RIGHT))
    faces = resolve(seen(LEFT, MIDDLE, RIGHT), said).faces
    mentions = [Mention(BEN, "embedded"), Mention(ANNA, "embedded")]
    anna, ben = find_persons(faces, [True] * 3, mentions)
    assert (anna.person, anna.faces, anna.smile, anna.source) == (ANNA, 2, 0.2, "word")
    assert (ben.person, ben.faces, ben.smile, ben.source) == (BEN, 0, None, "embedded")
    (anna,) = find_persons(faces, [False, True, True])
    assert anna.smile == 0.0


@pytest.mark.parametrize("seen_at", range(1, 9))
@pytest.mark.parametrize("now", range(1, 9))
def test_a_box_turns_with_its_photo(seen_at, now):
    """Against Pillow, which turns a picture with one white spot."""
    stored = Image.new("L", (40, 30))
    stored.paste(255, (4, 6, 12, 9))

    def box_in(orientation):
        upright = stored.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else stored
        left, top, right, bottom = upright.getbbox()
        width, height = upright.size
        return Box(left / width, top / height, right / width, bottom / height)

    assert list(turn_box(box_in(seen_at), seen_at, now)) == pytest.approx(list(box_in(now)))
