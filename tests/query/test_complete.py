"""Completion of half-typed questions."""

import pytest

from phototag.query.complete import complete, quoted

LABELS = [("dog", 30), ("person", 20), ("potted plant", 4), ("hot dog", 3), ("Grandma", 1), ("happiness", 9)]
VALUES = {"taken": ["2016", "2015"], "camera": ["Pixel 3", "Canon"], "person": ["Anna Smith"]}


def terms(text, at=None):
    return [choice.term for choice in complete(text, len(text) if at is None else at, LABELS, VALUES).choices]


@pytest.mark.parametrize(
    ("typed", "best"),
    [
        ("do", "dog"),
        ("DO", "dog"),
        ("smiling:all gran", "Grandma"),
        ("^pot", '"potted plant"'),
        ('"pot', '"potted plant"'),
        ("(pers", "person"),
        ("smi", "smiling:"),
        ("smiling:", "smiling:all"),
        ("smiling:un", "smiling:unknown"),
        ("taken:", "taken:2016"),
        ("taken:2015", "taken:2015"),
        ("camera:pix", 'camera:"Pixel 3"'),
        ('camera:"pi', 'camera:"Pixel 3"'),
        ("person:", "person:any"),
        ("person:smi", 'person:"Anna Smith"'),
        ("happ", "happy"),
        ("untag", "untagged"),
    ],
)
def test_the_best_completion(typed, best):
    assert terms(typed)[0] == best


def test_labels_that_begin_so_come_before_those_of_which_a_word_does():
    assert terms("do") == ["dog", '"hot dog"']
    assert complete("do", 2, LABELS, VALUES).choices[0].note == "30 photos"
    assert complete("gran", 4, LABELS, VALUES).choices[0].note == "1 photo"


def test_what_is_replaced_is_the_word_around_the_cursor():
    found = complete('dog "potted pl" taken:2016', 10, LABELS, VALUES)
    assert (found.start, found.end) == (4, 15) and found.choices[0].term == '"potted plant"'
    found = complete("^do smiling:all", 3, LABELS, VALUES)
    assert (found.start, found.end) == (1, 3)


def test_emotions_are_offered_as_people_say_them():
    assert "happiness" not in terms("") and terms("nonsense") == []


@pytest.mark.parametrize(
    ("label", "term"), [("dog", "dog"), ("hot dog", '"hot dog"'), ("a:b", '"a:b"'), ("missing", '"missing"')]
)
def test_a_label_is_quoted_where_it_would_be_something_else(label, term):
    assert quoted(label) == term
