"""What a filter makes of a question, and words as terms."""

import pytest

from phototag.query.complete import quoted
from phototag.web.refine import is_required, toggle


@pytest.mark.parametrize(
    ("question", "term", "becomes"),
    [
        ("", "dog", "dog"),
        ("dog", "dog", ""),
        ("dog taken:2016", "dog", "taken:2016"),
        ('person:"Grace H." dog', 'person:"Grace H."', "dog"),
        ("smiling:all", "taken:2016", "smiling:all taken:2016"),
        ("dog or cat", "taken:2016", "( dog or cat ) taken:2016"),
        ("dog or cat", "dog", "( dog or cat ) dog"),
        ("( dog or cat ) taken:2016", "taken:2016", "( dog or cat )"),
        ("( dog cat ) taken:2016", "cat", "( dog cat ) taken:2016 cat"),
        ('"( or )" dog', "dog", '"( or )"'),
    ],
)
def test_a_term_is_added_or_taken_out(question, term, becomes):
    assert toggle(question, term) == becomes
    assert is_required(question, term) == (len(becomes) < len(question))


@pytest.mark.parametrize(
    ("word", "term"),
    [
        ("cat", "cat"),
        ("two words", '"two words"'),
        ('6" lens', '"6"" lens"'),
        ("a:b", '"a:b"'),
        ("or", '"or"'),
        ("Untagged", '"Untagged"'),
        ("^", '"^"'),
        ("duplicates", '"duplicates"'),
    ],
)
def test_a_word_is_quoted_where_it_would_be_read_as_something_else(word, term):
    assert quoted(word) == term
