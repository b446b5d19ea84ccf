"""Whatever is typed: it is a question that a catalog answers, or it is refused with one sentence."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from phototag.errors import UsageError
from phototag.library import Library
from phototag.query.parse import parse, split
from phototag.query.terms import STATES, TERMS

# With lone surrogates, as undecodable bytes of arguments arrive.
words = st.text(st.characters(), max_size=40)
numbers = st.one_of(
    st.integers().map(str), st.floats().map(str), st.from_regex(r"\A\d{1,5}(-\d{1,3}){0,3}\Z")
)
values = st.one_of(words, numbers, st.tuples(numbers, numbers).map("..".join), st.sampled_from(["all", ".."]))
terms = st.one_of(
    words,
    st.sampled_from(sorted(STATES)),
    st.sampled_from(["or", "(", ")", "^(", "(dog or cat)"]),
    st.tuples(st.sampled_from(["", "^"]), st.sampled_from([*TERMS, "dog"]), values).map(
        lambda part: f"{part[0]}{part[1]}:{part[2]}"
    ),
)


@given(st.lists(terms, max_size=6), st.sets(words, max_size=3))
def test_every_question_is_parsed_or_refused(asked, labels):
    try:
        query = parse(asked, labels)
    except UsageError as error:
        assert str(error)
    else:
        assert bool(query.terms) == bool(asked)


@given(words)
def test_a_line_is_split_or_refused(line):
    try:
        parts = split(line)
    except UsageError:
        assert line.count('"') % 2
    else:
        assert "".join("".join(parts).split()) == "".join(line.split())


@pytest.fixture(scope="module")
def library(tmp_path_factory, catalogs):
    path = tmp_path_factory.mktemp("asked") / "catalog.db"
    with Library.open(catalogs.address(path)) as library:
        yield library
    catalogs.remove(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(asked=st.lists(terms, max_size=3))
@example(asked=["person:\udcff"])
@example(asked=["smiling:\udcff"])
def test_a_catalog_answers_every_question_that_is_understood(library, asked):
    try:
        assert library.count(asked) == 0
        assert list(library.photos(asked)) == []
    except UsageError as error:
        assert str(error)
