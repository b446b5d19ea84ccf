"""What is known of a photo, beside it: in words, with what a person may say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from phototag.records import Face, Photo
from phototag.web.elements import Element, address, link, offer, word_form
from phototag.web.heat import SMILE

EVERYONE = "everyone smiling"
ANSWERS = {True: "yes", False: "no", None: "cannot tell"}


def panel(photo: Photo, known: Mapping[str, Any]) -> list[Element]:
    """The elements of the panel. `known`: of phototag.web.photo_page.photo_dict."""
    denied = [_accept(photo, face) for face in photo.denied_faces]
    draw = {
        "type": "button",
        "title": "Draw a face that was not found (d)",
        "ariaKeyShortcuts": "d",
    }
    source = known["taken_source"]
    answer = ANSWERS[photo.everyone_smiling]
    parts = [
        ["h2", known["taken_text"], ["small", f" {source}"] if source else None],
        *(["p.warning", warning] for warning in known["warnings"]),
        [
            "section",
            ["h3", "Is everyone smiling? ", [f"b.{answer.split()[0]}", answer]],
            ["p", known["why"]],
            ["p.row", *_everyone(photo)],
            ["ul.faces", *map(_face, [photo] * len(photo.faces), photo.faces, known["faces"])],
            ["p.row", ["small", "You say that this is no face:"], *denied] if denied else None,
            ["button.write.draw", draw, "Draw a face"],
        ],
        [
            "section",
            ["h3", "Your labels"],
            ["div.own", _chips(photo, known["labels"], "Take the label {} away"), _add_label(photo)],
        ],
        [
            "section",
            ["h3", "Seen in it"],
            _chips(photo, known["shows"], "There is no {} in it"),
            None if known["shows"] else ["p", "Nothing that is known well enough."],
            ["p", ["small", known["unsure"]]] if known["unsure"] else None,
        ],
        _heat(photo.photo_id, known["heat"]) if known["heat"] else None,
        [
            "section",
            ["button", {"loads": f"/api/moment/{photo.photo_id}/page"}, "Compare the shots of this moment"],
        ],
        ["section", ["h3", "File"], ["dl", *_facts(known["facts"])]],
    ]
    return [part for part in parts if part]


def _face(photo: Photo, face: Face, known: Mapping[str, Any]) -> Element:
    title, faces = known["title"], [[photo.photo_id, face.number]]

    def say(text: str, words: str, sends: dict[str, Any], is_on: bool | None = None) -> Element:
        return offer(text, f"{title}: {words}", "/api/faces", {"faces": faces, **sends}, is_on=is_on)

    actions = [
        say("☺", "smiles", {"smiling": True}, face.smile_word is True),
        say("😐", "does not smile", {"smiling": False}, face.smile_word is False),
        say("No face", "is not a face", {"is_face": False}),
    ]
    name = face.person.name if face.person else ""
    if name and not face.is_person_certain:
        yes = say(f"It is {name}", "yes", {"person": name})
        actions = [yes, say("It is not", "no", {"not_persons": [name]}), *actions]
    if known["has_words"]:
        back = "Take your words about this face back"
        actions.append(offer("Take back", back, "/api/faces/untag", {"faces": faces}))
    form = word_form(
        f"Name of {title}",
        "Name",
        "/api/faces",
        {"faces": faces},
        *actions,
        word="person",
        placeholder="Name",
        value=name if face.is_person_certain else "",
        key=str(photo.faces.index(face) + 1),
    )
    notes = [["small", note] for note in known["notes"]]
    return [f"li.{known['kind']}", ["b", title], f" {known['says']}", *notes, form]


def _everyone(photo: Photo) -> list[Element]:
    word = photo.smile_words.get(EVERYONE)
    return [
        _label(photo, "Everyone smiles", "Everyone smiles", add=[EVERYONE], is_on=word is True),
        _label(photo, "Not everyone smiles", "Not everyone smiles", remove=[EVERYONE], is_on=word is False),
    ]


def _label(photo: Photo, text: str, title: str, *, is_on: bool | None = None, **words: list[str]) -> Element:
    return offer(text, title, "/api/labels", {"ids": [photo.photo_id], **words}, is_on=is_on)


def _add_label(photo: Photo) -> Element:
    sends = {"ids": [photo.photo_id]}
    return word_form("Add a label", "Add", "/api/labels", sends, word="add", key="l")


def _chips(photo: Photo, labels: list[dict[str, str]], denial: str) -> Element:
    """Labels that lead to the photos that have them, and can be taken away."""
    chips = [
        [
            "li",
            link({"q": each["term"]}, each["label"]),
            _label(photo, "×", denial.format(each["label"]), remove=[each["label"]]),
        ]
        for each in labels
    ]
    return ["ul.chips", *chips]


def _accept(photo: Photo, face: Face) -> Element:
    faces = {"faces": [[photo.photo_id, face.number]]}
    return offer(f"{face.number}: it is one", f"Face {face.number} is one", "/api/faces/untag", faces)


def _heat(photo_id: int, things: list[str]) -> Element:
    """Buttons whose values are the heat maps; h is the key of the first."""
    buttons = [
        [
            "button",
            {
                "type": "button",
                "ariaPressed": False,
                "ariaKeyShortcuts": "h" if thing == things[0] else None,
                "title": f"What speaks for {'a smile' if thing == SMILE else thing}",
                "value": address(f"/api/photo/{photo_id}/heatmap", of=thing),
            },
            thing,
        ]
        for thing in things
    ]
    return [
        "section",
        ["h3", "Heat: what speaks for it"],
        ["div.row.heats", *buttons],
        ["p.legend", {"role": "status"}],
        ["p.row.scale", "little", ["i.ramp"], "much"],
    ]


def _facts(facts: list[list[str]]) -> list[Element]:
    return [element for name, value in facts for element in (["dt", name], ["dd", value])]
