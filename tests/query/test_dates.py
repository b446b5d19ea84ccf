"""Periods as seen from some day."""

from datetime import date

import pytest

from phototag.query.dates import read_day_of_year, read_period


@pytest.mark.parametrize(
    ("word", "today", "first", "after"),
    [
        ("today", date(2016, 2, 29), date(2016, 2, 29), date(2016, 3, 1)),
        ("yesterday", date(2016, 1, 1), date(2015, 12, 31), date(2016, 1, 1)),
        ("this-week", date(2016, 2, 29), date(2016, 2, 29), date(2016, 3, 7)),  # a Monday
        ("last-week", date(2016, 3, 6), date(2016, 2, 22), date(2016, 2, 29)),  # a Sunday
        ("this-month", date(2016, 1, 31), date(2016, 1, 1), date(2016, 2, 1)),
        ("this-month", date(2016, 12, 1), date(2016, 12, 1), date(2017, 1, 1)),
        ("last-month", date(2016, 3, 31), date(2016, 2, 1), date(2016, 3, 1)),
        ("last-month", date(2016, 1, 1), date(2015, 12, 1), date(2016, 1, 1)),
        ("this-year", date(2016, 12, 31), date(2016, 1, 1), date(2017, 1, 1)),
        ("Last-Year", date(2016, 1, 1), date(2015, 1, 1), date(2016, 1, 1)),
    ],
)
def test_words_for_a_period_depend_on_today(word, today, first, after):
    assert read_period(word, today) == (first, after)


def test_today_is_a_day_of_every_year():
    assert read_day_of_year("Today", date(2016, 2, 29)) == "02-29"
