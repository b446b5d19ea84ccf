"""What the query language understands, and what it says when it does not."""

import re
from datetime import date

import pytest

from phototag.errors import UsageError
from phototag.query.parse import group, parse, split
from phototag.query.related import read_related
from phototag.query.terms import (
    EMOTIONS,
    AnyTerm,
    CameraTerm,
    DayTerm,
    FacesTerm,
    LabelTerm,
    NamedTerm,
    NearTerm,
    PathTerm,
    PersonTerm,
    PlaceTerm,
    Query,
    SharpTerm,
    SizeTerm,
    SmilingPersonTerm,
    SmilingTerm,
    StateTerm,
    TakenTerm,
    TypeTerm,
    UnknownWord,
)
from phototag.query.vocabulary import expand, vocabulary

KNOWN = ["dog", "cat", "potted plant", "person", "Anna", "happiness", "trip: Rome"]


def one(text, **options):
    (term,) = parse([text], KNOWN, **options).terms
    return term


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("dog", LabelTerm(("dog",))),
        ("DOG", LabelTerm(("dog",))),
        ("anna", LabelTerm(("Anna",))),
        ("dog:0.8", LabelTerm(("dog",), 0.8)),
        ("dog:0", LabelTerm(("dog",), 0.0)),
        ("potted plant", LabelTerm(("potted plant",))),
        ('"potted plant"', LabelTerm(("potted plant",))),
        ('"potted plant":0.3', LabelTerm(("potted plant",), 0.3)),
        ("potted plant:0.3", LabelTerm(("potted plant",), 0.3)),
        ("trip: Rome", LabelTerm(("trip: Rome",))),
        ("faces:2..", FacesTerm(2, None)),
        ("faces:..3", FacesTerm(None, 3)),
        ("faces-any:2..", FacesTerm(2, None, any_face=True)),
        ("faces:1..3", FacesTerm(1, 3)),
        ("faces:0", FacesTerm(0, 0)),
        ("smiling:all", SmilingTerm("all")),
        ("smiling:unknown", SmilingTerm("unknown")),
        ("smiling:Anna", SmilingPersonTerm("Anna")),
        ('smiling:"all"', SmilingPersonTerm("all")),
        ("person:Anna", PersonTerm("Anna")),
        ('person:"Anna Smith"', PersonTerm("Anna Smith")),
        ("person:any", NamedTerm("any")),
        ("person:unknown", NamedTerm("unknown")),
        ('person:"any"', PersonTerm("any")),
        ("happy", LabelTerm(("happiness",), 0.0)),
        ("sad:0.7", LabelTerm(("sadness",), 0.7)),
        ("Angry", LabelTerm(("anger",), 0.0)),
        ("taken:2016", TakenTerm(date(2016, 1, 1), date(2017, 1, 1))),
        ("taken:2016-12", TakenTerm(date(2016, 12, 1), date(2017, 1, 1))),
        ("taken:2016-02-29", TakenTerm(date(2016, 2, 29), date(2016, 3, 1))),
        ("taken:2016-06..2016-08", TakenTerm(date(2016, 6, 1), date(2016, 9, 1))),
        ("taken:..2016", TakenTerm(None, date(2017, 1, 1))),
        ("taken:2016-12-31..", TakenTerm(date(2016, 12, 31), None)),
        ("taken:9999", TakenTerm(date(9999, 1, 1), None)),
        ("taken:9999-12-31", TakenTerm(date(9999, 12, 31), None)),
        ("day:06-24", DayTerm("06-24", "06-24")),
        ("day:12-24..1-6", DayTerm("12-24", "01-06")),
        ("day:2-29", DayTerm("02-29", "02-29")),
        ("path:Italy", PathTerm("Italy")),
        ("path:a:b", PathTerm("a:b")),
        ('camera:"Pixel 3"', CameraTerm("Pixel 3")),
        ("camera:Pixel", CameraTerm("Pixel")),
        ("taken:2016-summer", TakenTerm(date(2016, 6, 1), date(2016, 9, 1))),
        ("taken:2016-Autumn..2016", TakenTerm(date(2016, 9, 1), date(2017, 1, 1))),
        ("place:Rome", PlaceTerm("rome")),
        ('place:"New  York"', PlaceTerm("new york")),
        ("place:all", PlaceTerm("all")),
        ("near:41.9,12.5,10km", NearTerm(41.9, 12.5, 10.0)),
        ("near:-41.9,-12,500m", NearTerm(-41.9, -12.0, 0.5)),
        ("near:0,0,10 mi", NearTerm(0.0, 0.0, 16.09344)),
        ("sharp:..0.3", SharpTerm(None, 0.3)),
        ("sharp:.5..1", SharpTerm(0.5, 1.0)),
        ("type:jpg", TypeTerm(("jfif", "jpe", "jpeg", "jpg", "mpo"))),
        ("type:.TIF", TypeTerm(("tif", "tiff"))),
        ("size:20MP..", SizeTerm("pixels", 20e6, None)),
        ("size:..500kB", SizeTerm("bytes", None, 500e3)),
        ("size:1mb..2.5MB", SizeTerm("bytes", 1e6, 2.5e6)),
        ("size:10MP", SizeTerm("pixels", 9.5e6, 10.5e6)),
        ("duplicates", StateTerm("duplicates")),
        ("untagged", StateTerm("untagged")),
        ("failed", StateTerm("failed")),
        ("missing", StateTerm("missing")),
    ],
)
def test_every_kind_of_term_is_understood_and_negated(text, term):
    assert one(text) == term
    assert term.negated is False
    opposite = one("^" + text)
    assert opposite.negated is True
    assert opposite == type(term)(*[getattr(term, name) for name in term.__match_args__[:-1]], True)


def test_terms_are_kept_in_order_and_none_means_every_photo():
    assert parse([]) == Query()
    assert [type(term) for term in parse(["dog", "faces:1", "^cat"], KNOWN).terms] == [
        LabelTerm,
        FacesTerm,
        LabelTerm,
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("face:2", "Did you mean faces:2?"),
        ("everyone smiling", "type smiling:all"),
        ('"Anyone  Smiling"', "type smiling:any"),
        ("everyone smiling:0.9", "type smiling:all"),
        ("takn:2016", "Did you mean taken:2016?"),
        ("smiling:al", "Did you mean smiling:all?"),
        ("smiling", "smiling:all"),
        ("smiling:", "smiling:all"),
        ("faces:", "faces:1..3"),
        ("faces:x", "faces:1..3"),
        ("faces:3..1", "fits no number"),
        ("faces:..", "fits no number"),
        ("faces:-1", "no number"),
        ("taken:soon", "no date"),
        ("taken:2016-13", "no date"),
        ("taken:2016-00", "no date"),
        ("taken:2016-05-00", "no date"),
        ("taken:0000", "no date"),
        ("taken:２０１６", "no date"),
        ("taken:2015-02-29", "no date"),
        ("taken:2017..2016", "fits no date"),
        ("taken:..", "fits no date"),
        ("day:2016", "no day of a year"),
        ("day:02-30", "no day of a year"),
        ("day:06-24..", "no day of a year"),
        ("taken:2016-winter", "type 2016-12..2017-02"),
        ("taken:2016-monsoon", "no date"),
        ("taken:next-month", "last-month"),
        ("near:41.9,12.5", "a distance"),
        ("near:91,0,1km", "no place on the earth"),
        ("near:1,2,3", "lacks a unit"),
        ("near:1,2,3000km", "goes up to"),
        ("near:1,2,0km", "goes up to"),
        ("near:nan,2,1km", "no number"),
        ("near:1e3,2,1km", "no number"),
        ("sharp:2..", "from 0 to 1"),
        ("sharp:0.5..0.3", "fits no sharpness"),
        ("sharp:..", "fits no sharpness"),
        ("type:jpge", "Did you mean type:jpeg?"),
        ("type:video", "the types are jpeg"),
        ("size:20", "lacks a unit"),
        ("size:1MB..2MP", "different units"),
        ("size:3MB..2MB", "fits no size"),
        ("size:-1MB", "less than nothing"),
        ("dog:1.5", "between 0 and 1"),
        ("dog:nan", "between 0 and 1"),
        ("dog:high", "not understood"),
        ("^", "nothing to look for"),
        ("", "nothing to look for"),
        ('""', "nothing to look for"),
        ("()", "nothing between"),
        ("(dog", "not closed"),
        ("dog)", "closes nothing"),
        ("dog or", "between two terms"),
        ("or dog", "between two terms"),
        ("(" * 60 + "dog" + ")" * 60, "open at once"),
    ],
)
def test_a_mistake_is_answered_with_what_is_understood(text, says):
    with pytest.raises(UsageError, match=says.replace("?", "[?]").replace(".", "[.]")) as caught:
        parse([text], KNOWN)
    assert caught.value.exit_code == 2


def test_the_answer_to_a_mistake_lists_the_language():
    with pytest.raises(
        UsageError,
        match=r"faces:2\.\., smiling:all, person:Anna, happy, taken:2016-06.*\^ before a term means not",
    ):
        parse(["^"], KNOWN)


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("dogg", ("dog",)),
        ("untaged", ("untagged",)),
        ("^dog", ("dog",)),
        ("xylophone", ()),
        ("sunset", ()),  # alike in letters to disgust, which no photo of the sea shows
        ("grin", ("smiling:any", "smiling:all")),
        ("Kids", ("person", "faces:1..")),
        ("barbecue", ()),  # food, of which this catalog knows nothing
    ],
)
def test_a_word_that_nobody_knows_finds_nothing_and_says_what_is_near(word, near):
    query = parse([f"^{word}", "dog"], [*KNOWN, "disgust"])
    assert query.unknown_words == (UnknownWord(word, near),)
    assert isinstance(query.terms[0], LabelTerm) and query.terms[0].labels == (word,)
    with pytest.raises(UsageError, match=re.escape(f"No photo has the label {word!r}. ")):
        query.require_known_words()


def test_a_question_in_known_words_may_change_something():
    parse(["dog", "smiling:all", "happy"], KNOWN).require_known_words()


def test_near_words_are_words_that_can_be_asked_for():
    known = sorted({label for label in vocabulary().labels} | set(EMOTIONS))
    for word, near in read_related().items():
        assert not parse([word], known, expand).terms[0].score, word
        query = parse(near, known, expand)
        assert not query.unknown_words, word


DOG, CAT, PERSON = (LabelTerm((name,)) for name in ("dog", "cat", "person"))


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (["dog", "or", "cat"], [LabelTerm(("dog", "cat"))]),
        (["dog or cat"], [LabelTerm(("dog", "cat"))]),
        (["dog", "OR", "cat", "faces:1"], [AnyTerm(((DOG,), (CAT, FacesTerm(1, 1))))]),
        (["(dog or cat) faces:1"], [LabelTerm(("dog", "cat")), FacesTerm(1, 1)]),
        (["(dog", "or", "cat)", "faces:1"], [LabelTerm(("dog", "cat")), FacesTerm(1, 1)]),
        (["(", "dog", ")"], [DOG]),
        (["dog:0.9 or cat"], [AnyTerm(((LabelTerm(("dog",), 0.9),), (CAT,)))]),
        (["dog or ^cat"], [AnyTerm(((DOG,), (LabelTerm(("cat",), None, True),)))]),
        (["^(dog)"], [LabelTerm(("dog",), None, True)]),
        (["^(^dog)"], [DOG]),
        (["^(dog cat)"], [AnyTerm(((DOG, CAT),), negated=True)]),
        (["^(dog or faces:1)"], [AnyTerm(((DOG,), (FacesTerm(1, 1),)), negated=True)]),
        (["dog", "(cat or (faces:1 person))"], [DOG, AnyTerm(((CAT,), (FacesTerm(1, 1), PERSON)))]),
        (['(dog or "potted plant")'], [LabelTerm(("dog", "potted plant"))]),
        (["potted plant"], [LabelTerm(("potted plant",))]),
        (["path:Photos(1)"], [PathTerm("Photos(1)")]),
        (["(path:Photos(1))"], [PathTerm("Photos(1)")]),
        (['path:"a or b"'], [PathTerm("a or b")]),
        (["path:a faces:1"], [PathTerm("a"), FacesTerm(1, 1)]),
        (["path:a dog ^faces:1"], [PathTerm("a"), DOG, FacesTerm(1, 1, negated=True)]),
        (['path:"a faces:1"'], [PathTerm("a faces:1")]),
    ],
)
def test_or_and_parentheses(terms, expected):
    assert parse(terms, KNOWN).terms == tuple(expected)


def test_a_group_of_terms_stands_beside_others():
    alone, beside = ["dog", "or", "cat"], ["faces:1"]
    assert parse([*group(alone), *group(beside)], KNOWN).terms == (
        LabelTerm(("dog", "cat")),
        FacesTerm(1, 1),
    )
    assert group(["dog", "potted plant"]) == ["dog", "potted plant"]


def test_an_empty_catalog_finds_nothing_instead_of_complaining():
    assert parse(["zebra"], ()).terms == (LabelTerm(("zebra",)),)


def test_a_quoted_word_is_a_label_whatever_it_is():
    assert parse(['"failed"'], ["failed"]).terms == (LabelTerm(("failed",)),)
    assert parse(['"happy"'], ["happy"]).terms == (LabelTerm(("happy",)),)


def test_synonyms_stand_for_the_labels_the_catalog_has():
    table = {"animal": {"dog", "cat", "zebra"}, "zebra": {"zebra"}}
    assert one("animal", synonyms=table) == LabelTerm(("cat", "dog"))
    assert one("animal", synonyms=table.get) == LabelTerm(("cat", "dog"))
    assert one("Animal:0.9", synonyms=table) == LabelTerm(("cat", "dog"), 0.9)
    assert one("zebra", synonyms=table) == LabelTerm(("zebra",)), (
        "a word with a meaning, though no photo shows it"
    )
    assert parse(["animl"], KNOWN, table).unknown_words == (UnknownWord("animl", ("animal",)),)


def test_a_users_own_label_joins_the_emotion_of_that_name():
    assert parse(["happy"], ["happiness", "happy"]).terms == (LabelTerm(("happiness", "happy"), 0.0),)


def test_thresholds_go_from_the_term_to_the_label_to_the_default():
    query = parse(["dog", "cat", "cat:0.9"], KNOWN, thresholds={"cat": 0.3}, default_score=0.6)
    dog, cat, sure_cat = query.terms
    assert query.least_score(dog, "dog") == 0.6
    assert query.least_score(cat, "cat") == 0.3
    assert query.least_score(sure_cat, "cat") == 0.9


def test_relevance_means_something_where_a_thing_is_asked_for():
    assert parse(["dog"], KNOWN).has_label
    assert not parse(["^dog", "faces:1"], KNOWN).has_label


def test_one_line_is_split_at_blanks_outside_quotes():
    assert split('dog  "potted plant" ^camera:"Pixel 3"') == ["dog", '"potted plant"', '^camera:"Pixel 3"']
    assert split("  ") == []
    with pytest.raises(UsageError, match="not closed"):
        split('dog "potted')


def test_accents_in_one_character_or_two_and_any_case_are_the_same_label():
    composed, apart = "\u00d6ma Stra\u00dfe", "O\u0308MA STRASSE"
    for known, asked in ((composed, apart), (apart, composed)):
        assert parse([f'"{asked}"'], [known]).terms == (LabelTerm((known,)),)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("person:ann", "person:Anna"),
        ("person:smith", 'person:"Ben Smith"'),
        ("smiling:Smith", 'smiling:"Ben Smith"'),
        ("person:Zoe", "phototag tag PHOTO#1 NAME"),
    ],
)
def test_the_name_of_nobody_is_an_unknown_word(text, hint):
    query = parse([text], KNOWN, known_persons=lambda: ["Anna", "Ben Smith"])
    (unknown,) = query.unknown_words
    assert "No face has the name" in str(unknown) and hint in str(unknown)


def test_names_are_known_whatever_their_case_and_accents():
    for text in ("person:anna", "smiling:ANNA", "^person:jose\u0301"):
        assert parse([text], KNOWN, known_persons=lambda: ["Anna", "Jos\u00e9"]).unknown_words == ()


def test_persons_are_asked_for_only_where_a_name_stands():
    def refuse():
        raise AssertionError("nobody is asked for")

    parse(["dog", "smiling:all", "person:any"], KNOWN, known_persons=refuse)
