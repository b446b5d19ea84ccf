"""Elements of the page as JSON: a kind, such as 'li.kept', then properties and children, as `make` of
static/api.js takes them. What is None is left out. Texts become text in the browser, never markup."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from phototag.records import Box

Element = list[Any]
LEAST_ROOM = 0.08  # of the height of the photo, for what is written above a box


def count_photos(number: int) -> str:
    """As `1 photo` or `12,345 photos`."""
    return f"{number:,} photo{'' if number == 1 else 's'}"


def address(path: str, **parameters: Any) -> str:
    """A place within the page; characters that are none, as of undecodable names, become question marks."""
    return f"{path}?{urlencode(parameters, errors='replace')}"


def link(query: dict[str, Any], *parts: Any) -> Element:
    """Leads to a place within the page."""
    return ["a", {"href": address("/", **query)}, *parts]


def thumbnail(photo_id: int, alt: str = "") -> Element:
    return ["img", {"alt": alt, "loading": "lazy", "src": f"/320/{photo_id}"}]


def box_element(box: Box, kind: str, text: str) -> Element:
    """A box over the photo, with what it is of written above it, or inside where there is no room above."""
    left, top, right, bottom = box
    inset = " ".join(f"{part:.3%}" for part in (top, 1 - right, 1 - bottom, left))
    low = ".low" if top < LEAST_ROOM else ""
    return [f"div.box.{kind}{low}", {"style": f"inset: {inset}"}, ["span", text]]


def offer(
    text: str,
    title: str,
    path: str,
    sends: dict[str, Any],
    *,
    is_on: bool | None = None,
    key: str | None = None,
    question: str | None = None,
) -> Element:
    """A button that sends this to `path`, where a person has said yes to the `question`. `title` says it in
    full. `is_on`: whether it is said already; None where that is no matter of yes and no."""
    about = {"title": title, "ariaLabel": title, "ariaPressed": is_on, "ariaKeyShortcuts": key}
    sent = {"path": path, "sends": sends, "question": question}
    return ["button.write", {"type": "button", **about, "offer": sent}, text]


def word_form(
    label: str,
    text: str,
    path: str,
    sends: dict[str, Any],
    *parts: Any,
    word: str,
    placeholder: str | None = None,
    value: str = "",
    key: str | None = None,
) -> Element:
    """A field and a button `text`, which sends to `path` also what is typed, as `word`. The known names are
    offered for a name; labels are sent as a list of one."""
    about = {"ariaLabel": label, "placeholder": placeholder or label, "value": value, "ariaKeyShortcuts": key}
    field = {"type": "text", "autocomplete": "off", "maxLength": 200, **about}
    names = {} if word == "add" else {"list": "persons"}
    offered = {"path": path, "sends": sends, "word": word}
    return ["form.row.write", {"offer": offered}, ["input", field | names], ["button", text], *parts]
