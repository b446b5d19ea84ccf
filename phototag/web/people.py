"""The page of people: groups of faces as rows, to be named, joined and taken apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from phototag.errors import UsageError
from phototag.highlights import captions
from phototag.library import Library
from phototag.query.complete import quoted
from phototag.web.changes import Sent, read_words, told
from phototag.web.elements import Element, link, offer, word_form

if TYPE_CHECKING:
    from phototag.library.groups import PersonGroup, Suggestion

NOBODY_TWICE = "No face was seen twice yet."
NOT_LOOKED_FOR = (
    "Nobody was looked for in this catalog. To look whose face is whose, type: phototag scan FOLDER --people"
)
MOST_GROUPS, MOST_SUGGESTIONS = 80, 30  # behind the largest groups come pairs of strangers


def describe(library: Library) -> dict[str, Any]:
    """Whether scans look for people at all, the largest groups, and pairs that may be one person."""
    groups = library.people()
    found: dict[str, Any] = {
        "looking": library.looks_for_people(),
        "groups": [_group_dict(group) for group in groups[:MOST_GROUPS]],
        "more": max(0, len(groups) - MOST_GROUPS),
        "suggestions": [
            {"one": _group_dict(pair.one), "other": _group_dict(pair.other), "question": _ask(pair)}
            for pair in library.suggest_people()[:MOST_SUGGESTIONS]
        ],
    }
    return found | {"page": _page(found)}


def _page(found: dict[str, Any]) -> list[Element]:
    """The page's elements."""
    title = ["h1", "People"]
    if not found["groups"]:
        told = NOBODY_TWICE if found["looking"] else NOT_LOOKED_FOR
        return [title, ["p", told]]
    pairs, more = found["suggestions"], found["more"]
    asked = [_suggestion(pair, f"{at} of {len(pairs)}") for at, pair in enumerate(pairs, 1)]
    merge = offer("The chosen are one person", "The chosen are one person", "/api/people/merge", {})
    merge[0] += ".merge"
    return [
        title,
        ["div.suggestions", *asked],
        merge,
        ["ul.people", *map(_row, found["groups"])],
        ["p", f"{more:,} smaller groups: phototag people --all"] if more else ["p"],
    ]


def _row(group: dict[str, Any]) -> Element:
    number, title = group["number"], ["b", group["title"]]
    box = {"type": "checkbox", "value": number, "ariaLabel": f"Choose {group['title']}"}
    name = word_form(
        f"Name of {group['title']}",
        "Name",
        "/api/people/name",
        {"number": number},
        word="name",
        placeholder="Who is this?",
        value=group["name"] or "",
    )
    split = offer("Split", "These are more than one person", "/api/people/split", {"number": number})
    return [
        "li",
        [
            "div.row",
            ["input.write", box],
            link({"q": group["term"]}, title) if group["term"] else title,
            ["small", group["about"]],
            name,
            split,
        ],
        _faces(group),
    ]


def _suggestion(pair: dict[str, Any], place: str) -> Element:
    """One pair; the page shows the first, and puts it behind the others where it is to be later."""
    numbers = {"numbers": [pair["one"]["number"], pair["other"]["number"]]}
    later = {"type": "button", "ariaKeyShortcuts": "s"}
    return [
        "section.suggestion.write",
        {"tabIndex": 0, "role": "group", "ariaLabel": "y: yes, n: no, s: later"},
        ["h2", pair["question"], ["small", f" {place}"]],
        _faces(pair["one"]),
        _faces(pair["other"]),
        [
            "div.row",
            offer("Yes (y)", "Yes, one person", "/api/people/merge", numbers, key="y"),
            offer("No (n)", "No, two persons", "/api/people/apart", numbers, key="n"),
            ["button.later", later, "Later (s)"],
        ],
    ]


def _faces(group: dict[str, Any]) -> Element:
    faces = [
        (each["photo"], f"/face/{each['photo']}?box={','.join(map(str, each['box']))}")
        for each in group["examples"]
    ]
    alt = f"A face of {group['title']}"
    images = [
        ["li", link({"photo": photo}, ["img", {"alt": alt, "loading": "lazy", "src": src}])]
        for photo, src in faces
    ]
    return ["ul.examples", *images]


def name(library: Library, sent: Sent) -> dict[str, Any]:
    """The group of this `number` is the person of this `name`; `skipped`: photos in which somebody else
    bears it."""
    (person,) = read_words([sent.get("name")])
    named = library.name_group(_read_number(sent.get("number")), person)
    skipped = len(named.left_out)
    left = f"; {captions.count(skipped, 'photo')} left out, where somebody else bears that name"
    return told(library, left if skipped else "") | {"skipped": skipped}


def apart(library: Library, sent: Sent) -> dict[str, Any]:
    """The two groups of these `numbers` are not one person."""
    one, other = _read_numbers(sent, most=2)
    library.keep_groups_apart(one, other)
    return told(library)


def merge(library: Library, sent: Sent) -> dict[str, Any]:
    """The groups of these `numbers` are one person."""
    library.merge_groups(_read_numbers(sent, most=MOST_GROUPS))
    return told(library)


def split(library: Library, sent: Sent) -> dict[str, Any]:
    """The group of this `number` is more than one person."""
    library.split_group(_read_number(sent.get("number")))
    return told(library)


def _ask(pair: Suggestion) -> str:
    name = pair.one.name or pair.other.name
    return f"Is this {captions.visible(name)}?" if name else "Are these one person?"


def _group_dict(group: PersonGroup) -> dict[str, Any]:
    name = group.name and captions.visible(group.name)
    return {
        "number": group.number,
        "name": name,
        "title": name or f"Group {group.number}",
        "term": f"person:{quoted(name)}" if name else None,
        "faces": group.faces,
        "photos": group.photos,
        "about": _tell(group),
        "examples": [
            {"photo": face.photo_id, "box": [round(edge, 4) for edge in face.box]} for face in group.examples
        ],
    }


def _tell(group: PersonGroup) -> str:
    first, last = group.first_year, group.last_year
    years = "" if first is None else f", {first}" if first == last else f", {first} to {last}"
    counts = f"{captions.count(group.faces, 'face')} in {captions.count(group.photos, 'photo')}"
    return counts + years + ("" if group.sure else "; not sure")


def _read_numbers(sent: Sent, most: int) -> list[int]:
    numbers = sent.get("numbers")
    if not isinstance(numbers, list) or not 2 <= len(numbers) <= most:
        raise UsageError(f"choose {'two' if most == 2 else 'at least two'} groups")
    return [_read_number(each) for each in numbers]


def _read_number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**31:
        raise UsageError("name a group by its number")
    return value
