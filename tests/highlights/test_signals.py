import pytest

from phototag.highlights import signals
from phototag.records import Box, Tag


def test_signals_are_fractions_and_absent_where_nothing_is_known(make):
    photo = make.photo("a.jpg", faces=(), sharpness=None, width=None, height=None)
    assert signals.measure(photo, ()) == {}
    measured = signals.measure(make.photo("a.jpg"), (make.face(),))
    assert {
        "smile",
        "group_size",
        "face_size",
        "face_place",
        "face_sharpness",
        "sharpness",
        "resolution",
    } == set(measured)
    assert all(0 <= value <= 1 for value in measured.values())


def test_the_least_smiling_and_the_least_sharp_face_decide(make):
    faces = (make.face(0.99, at=(0.3, 0.4)), make.face(0.6, at=(0.7, 0.4), sharpness=0.3))
    measured = signals.measure(make.photo("a.jpg", faces=faces), faces)
    assert measured["smile"] == 0.6 and measured["face_sharpness"] == 0.3


def test_more_people_larger_faces_and_air_around_them_are_better(make):
    def of(*faces):
        return signals.measure(make.photo("a.jpg", faces=faces), faces)

    assert (
        of(make.face(at=(0.3, 0.4)), make.face(at=(0.7, 0.4)))["group_size"] > of(make.face())["group_size"]
    )
    assert of(make.face(size=0.2))["face_size"] > of(make.face(size=0.1))["face_size"]
    assert of(make.face(at=(0.5, 0.5)))["face_place"] == 1 > of(make.face(at=(0.12, 0.5)))["face_place"]
    assert of(make.face(at=(0.05, 0.5)))["face_place"] == 0


def test_a_large_animal_is_more_of_a_subject_than_a_distant_one_or_a_mere_kind(make):
    def of(**tags):
        return signals.measure(make.photo("a.jpg", faces=(), **tags), (), ("dog",)).get("subject")

    large = of(objects=(Tag("dog", 0.9, Box(0.2, 0.2, 0.8, 0.8)),))
    distant = of(objects=(Tag("dog", 0.9, Box(0.2, 0.2, 0.25, 0.25)),))
    assert large == pytest.approx(0.9) and large > distant > of(kinds=(Tag("dog", 0.9),)) > 0
    assert of(objects=(Tag("cat", 0.9),)) is None


def test_weights_are_renormalised_over_the_signals_that_exist():
    weights = {"smile": 3.0, "exposure": 1.0, "sharpness": 1.0}
    assert signals.mean({"smile": 0.8}, weights) == pytest.approx(0.8)
    assert signals.mean({"smile": 0.8, "exposure": 0.4}, weights) == pytest.approx(0.7)
    assert signals.mean({"group_size": 1.0}, weights) == 0.0


def test_the_bound_is_never_below_what_any_exposure_gives():
    weights = {"smile": 3.0, "exposure": 1.0}
    for smile in (0.0, 0.5, 1.0):
        bound = signals.bound({"smile": smile}, weights)
        assert bound >= signals.mean({"smile": smile}, weights)
        assert all(bound >= signals.mean({"smile": smile, "exposure": e / 10}, weights) for e in range(11))
