"""The choice among photos of a catalog: the same from the command line and in the browser."""

from __future__ import annotations

import os
from collections.abc import Sequence

from phototag.highlights.appearance import measure_appearance
from phototag.highlights.choose import LookAgain, MeasureAppearance, choose
from phototag.highlights.theme import Theme
from phototag.highlights.verdict import Choice
from phototag.library import Library
from phototag.query.terms import DayTerm, Query, TakenTerm
from phototag.records import Photo
from phototag.storage.address import is_remote


def choose_of_catalog(
    library: Library,
    photos: Sequence[Photo],
    query: Query,
    theme: Theme,
    top: int | None = None,
    *,
    guessed_dates: bool = False,
    measure: MeasureAppearance = measure_appearance,
    look_again: LookAgain | None = None,
) -> Choice:
    """`choose` among the photos that fit the query, with what the catalog knows of persons and of home.
    `guessed_dates`: photos whose date is only their file's may be in an album of a period."""
    who = library.who_is_in(photo.photo_id for photo in photos)
    asked = library.keys_of_persons(theme.persons)
    asks_for_period = any(isinstance(term, TakenTerm | DayTerm) for term in query.every_term())
    return choose(
        photos,
        theme,
        measure,
        top,
        asks_for_period and not guessed_dates,
        is_there=_is_there,
        who={photo_id: keys - asked for photo_id, keys in who.items()},
        home=library.home() if theme.qualify.min_km_from_home else None,
        look_again=look_again,
    )


def _is_there(photo: Photo) -> bool:
    return is_remote(photo.path) or os.path.exists(photo.path)
