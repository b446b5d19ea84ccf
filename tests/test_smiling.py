"""Who counts, and whether everyone smiles."""

from phototag.records import Box, Face, Tag
from phototag.smiling import (
    ANYONE,
    EVERYONE,
    Judgement,
    Rule,
    count,
    decide,
    eligible,
    everyone_smiles,
    join_faces,
    judge,
)


def everyone_smiling(faces):
    return everyone_smiles(decide(faces)[0])


def face(left=0.4, top=0.4, size=0.2, score=0.999, smile=0.9, sharpness=0.8, points=None):
    box = Box(max(left, 0), max(top, 0), min(left + size, 1), min(top + size, 1))
    if points is None:
        points = tuple(
            (left + dx * size, top + dy * size)
            for dx, dy in ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))
        )
    return Face(box, score, points, smile, {}, sharpness)


def test_nobody_means_cannot_tell():
    assert everyone_smiling([]) is None
    assert everyone_smiling([face(score=0.8)]) is None
    assert everyone_smiling([face(smile=None)]) is None


def test_it_is_the_minimum_not_the_mean():
    assert everyone_smiling([face(0.1), face(0.5)]) is True
    assert everyone_smiling([face(0.1), face(0.3), face(0.5), face(0.7, smile=0.2)]) is False


def test_a_blurred_passer_by_neither_vetoes_nor_approves():
    assert everyone_smiling([face(0.1), face(0.6, smile=0.05, sharpness=0.1)]) is True
    assert everyone_smiling([face(0.1, smile=0.1), face(0.6, smile=0.95, sharpness=0.1)]) is False
    assert everyone_smiling([face(0.1, sharpness=0.1)]) is None


def test_a_tiny_face_in_the_distance_has_no_say_but_a_child_does():
    assert eligible([face(0.1, size=0.3), face(0.6, size=0.05)]) == [True, False]
    assert eligible([face(0.1, size=0.3), face(0.6, size=0.15)]) == [True, True]


def test_a_poster_sized_face_cut_by_the_border_has_no_say_and_sets_no_scale():
    poster = face(-0.4, 0.0, size=0.9)
    assert eligible([poster, face(0.6, size=0.12)]) == [False, True]


def test_hair_beyond_the_border_is_not_a_cut_face():
    assert eligible([face(0.4, -0.03, size=0.3)]) == [True]


def test_without_landmarks_the_border_decides():
    assert eligible([face(0.0, 0.2, points=())]) == [False]
    assert eligible([face(0.3, 0.2, points=())]) == [True]


def test_a_face_that_a_person_drew_counts_wherever_it_lies():
    drawn = Face(Box(0.3, 0.2, 0.7, 1.0), 1.0, is_added=True, is_vouched=True)
    assert eligible([drawn]) == [True] and count([drawn]) == (1, 1)


def test_join_is_by_box():
    a, b = Box(0, 0, 0.5, 0.5), Box(0.5, 0.5, 1, 1)
    faces = join_faces(
        {
            "faces": [Tag("face", 0.99, a), Tag("face", 0.98, b)],
            "sharpness": [Tag("sharpness", 0.5), Tag("sharpness", 0.7, b)],
            "smiles": [
                Tag("smile", 0.2, b),
                Tag("anger", 0.6, b),
                Tag("neutral", 0.4, b),
                Tag("smile", 0.9, Box(0.2, 0.2, 0.4, 0.4)),
            ],
        }
    )
    assert (faces[0].smile, faces[0].sharpness, faces[0].emotion) == (None, None, None)
    assert (faces[1].smile, faces[1].sharpness, faces[1].emotion) == (0.2, 0.7, "anger")


def test_the_least_and_the_greatest_smile_are_those_of_eligible_faces():
    blurred = face(0.7, smile=0.01, sharpness=0.1)
    assert decide([face(0.1, smile=0.4), face(0.4, smile=0.9), blurred]) == (0.4, 0.9)
    assert decide([blurred]) == (None, None)


def test_a_persons_word_goes_before_the_scores():
    mixed = [face(0.1, smile=0.2), face(0.5, smile=0.8)]
    assert decide(mixed, {EVERYONE: True}) == (1.0, 1.0)
    assert decide(mixed, {EVERYONE: False}) == (0.0, 0.8)
    assert decide(mixed, {ANYONE: True}) == (0.2, 1.0)
    assert decide(mixed, {ANYONE: False}) == (0.0, 0.0)
    assert decide(mixed, {ANYONE: True, EVERYONE: False}) == (0.0, 1.0)
    assert decide([], {EVERYONE: True}) == (1.0, 1.0), "also where no face was found"
    assert decide(mixed, {"dog": True}) == (0.2, 0.8)


def test_each_face_that_is_not_eligible_fails_a_named_rule_with_its_number():
    cut = face(-0.05, 0.3, size=0.2, points=((0.004, 0.4), (0.1, 0.5)))
    faces = [
        face(0.1, size=0.3),
        face(0.6, score=0.9),
        cut,
        face(0.0, 0.6, points=()),
        face(0.6, 0.6, size=0.06),
        face(0.45, 0.7, size=0.2, sharpness=0.2),
    ]
    judged = judge(faces)
    assert [one.failed for one in judged] == [
        None,
        Rule.CERTAIN,
        Rule.WHOLE,
        Rule.WHOLE,
        Rule.LARGE,
        Rule.SHARP,
    ]
    assert judged[0] == Judgement()
    assert (judged[1].value, judged[1].threshold) == (0.9, 0.95)
    assert judged[2].value < judged[2].threshold == 0.06
    assert judged[3].value is None, "no landmark to measure"
    assert abs(judged[4].value - 0.2) < 1e-6 and judged[4].threshold == 0.4
    assert (judged[5].value, judged[5].threshold) == (0.2, 0.4 * 0.8)


def test_a_celebrity_before_a_blurred_crowd_is_one_person():
    crowd = [face(0.02 * n, size=0.05, sharpness=0.1) for n in range(20)]
    faces = [face(0.3, size=0.4), *crowd, face(0.8, score=0.3)]
    assert count(faces) == (21, 1), "what is hardly a face is none of them"
    assert everyone_smiling(faces) is True


def test_what_any_tagger_says_with_a_faces_box_is_said_of_that_face():
    a, b = Box(0, 0, 0.5, 0.5), Box(0.5, 0.5, 1, 1)
    faces = join_faces(
        {
            "glasses": [Tag("glasses", 0.4, a), Tag("glasses", 0.9, a), Tag("hat", 0.2, b)],
            "objects": [Tag("person", 0.9, Box(0, 0, 0.6, 1))],
            "faces": [Tag("face", 0.99, a), Tag("face", 0.98, b)],
        }
    )
    assert [face.said for face in faces] == [{"glasses": 0.9}, {"hat": 0.2}]
