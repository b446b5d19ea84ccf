"""The face regions of a sidecar that is to be changed, in the two forms that programs read: those of the
Metadata Working Group (Guidelines for Handling Metadata 2.0, 5.9: the centre and size of each) and
Microsoft's (People Tagging Overview: the upper left corner and size). Both count in fractions of the
stored picture, before its orientation is applied."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from phototag.metadata.ledger import OwnRegion
from phototag.metadata.packet import Packet, field_text, fields_of, items_of, qualified
from phototag.records import Box

# Other kinds (Focus, BarCode) may lie over a face without saying that it is one.
FACE_TYPES = frozenset({"", "face", "pet"})


@dataclass(frozen=True, slots=True)
class Listed:
    """A region that stands in the file."""

    item: Any  # its rdf:li
    name: str
    box: Box
    is_face: bool


class RegionForm:
    """How one of the two forms says a region. `PROPERTY`: the structure that holds it all; `LIST`: its
    field with the list."""

    PROPERTY: str
    LIST: str

    def __init__(self, packet: Packet) -> None:
        self.packet = packet

    def regions(self) -> list[Listed]:
        """Those whose box can be told."""
        return list(self._listed())

    def count(self) -> int:
        """All entries of the list, also those that we cannot read."""
        items = self._items()
        return 0 if items is None else len(items)

    def is_there(self) -> bool:
        return self.packet.holds(self.PROPERTY)

    def add(self, regions: list[OwnRegion], size_wh: tuple[int, int] | None) -> str | None:
        """Lists these too, and returns what had to be begun for it, if anything. `size_wh`: of the
        stored picture in pixels. Raises ValueError where the file's own list has another form."""
        make = self.packet.make
        new = [make("rdf:li", *self._fields(one), resource=True) for one in regions]
        items = self._items()
        if items is not None:
            for one in new:
                self.packet.attach(items, one)
            return None
        whole = make(self.LIST, make("rdf:Bag", *new))
        found = self.packet.find(self.PROPERTY)
        if found is None:
            if self.packet.holds(self.PROPERTY):
                raise ValueError(f"{self.PROPERTY} is no structure")
            structure = make(self.PROPERTY, *self._dimensions(size_wh), whole, resource=True)
            self.packet.begin(structure)
            return self.PROPERTY
        fields = fields_of(found)
        is_structure = fields is not found or found.get(qualified("rdf:parseType")) == "Resource"
        if not is_structure or fields.find(qualified(self.LIST)) is not None:
            raise ValueError(f"{self.PROPERTY} has no list that can be added to")
        self.packet.attach(fields, whole)
        return self.LIST

    def remove_begun(self, begun: set[str]) -> None:
        """Takes away the list, or all, where we had begun it and nobody has a region in it."""
        if self.count():
            return
        found = self.packet.find(self.PROPERTY)
        if found is None:
            return
        if self.PROPERTY in begun:
            self.packet.remove(found)
        elif self.LIST in begun and (inner := fields_of(found).find(qualified(self.LIST))) is not None:
            self.packet.remove(inner)

    def is_turned(self, size_wh: tuple[int, int] | None) -> bool:
        """Whether the file's regions were drawn on a picture that lay otherwise than the stored one."""
        return False

    def _items(self) -> Any | None:
        found = self.packet.find(self.PROPERTY)
        inner = None if found is None else fields_of(found).find(qualified(self.LIST))
        return None if inner is None else items_of(inner)

    def _listed(self) -> Iterator[Listed]:
        items = self._items()
        for item in [] if items is None else items:
            if not isinstance(item.tag, str):  # a comment
                continue
            fields = fields_of(item)
            edges = self._edges(fields)
            box = Box.clipped(*edges) if edges else None
            if box is not None:
                yield Listed(item, self._name(fields), box, self._is_face(fields))

    def _fields(self, region: OwnRegion) -> list[Any]:
        raise NotImplementedError

    def _dimensions(self, size_wh: tuple[int, int] | None) -> list[Any]:
        return []

    def _edges(self, fields: Any) -> tuple[float, float, float, float] | None:
        raise NotImplementedError

    def _name(self, fields: Any) -> str:
        raise NotImplementedError

    def _is_face(self, fields: Any) -> bool:
        return True


class MwgRegions(RegionForm):
    PROPERTY, LIST = "mwg-rs:Regions", "mwg-rs:RegionList"

    def is_turned(self, size_wh: tuple[int, int] | None) -> bool:
        applied = self._applied_wh()
        if applied is None or size_wh is None or not self.count():
            return False
        (width, height), (stored_width, stored_height) = applied, size_wh
        return (width - height) * (stored_width - stored_height) < 0

    def _fields(self, region: OwnRegion) -> list[Any]:
        box, make = region.box, self.packet.make
        area = {
            "stArea:x": _number((box.left + box.right) / 2),
            "stArea:y": _number((box.top + box.bottom) / 2),
            "stArea:w": _number(box.width),
            "stArea:h": _number(box.height),
            "stArea:unit": "normalized",
        }
        return [
            make("mwg-rs:Name", text=region.name),
            make("mwg-rs:Type", text="Face"),
            make("mwg-rs:Area", attributes=area),
        ]

    def _dimensions(self, size_wh: tuple[int, int] | None) -> list[Any]:
        if size_wh is None:
            return []
        size = {"stDim:w": str(size_wh[0]), "stDim:h": str(size_wh[1]), "stDim:unit": "pixel"}
        return [self.packet.make("mwg-rs:AppliedToDimensions", attributes=size)]

    def _edges(self, fields: Any) -> tuple[float, float, float, float] | None:
        area = fields.find(qualified("mwg-rs:Area"))
        if area is None:
            return None
        said = fields_of(area)
        numbers = _numbers([field_text(said, f"stArea:{key}") for key in "xywh"])
        if numbers is None:
            return None
        x, y, width, height = numbers
        if (field_text(said, "stArea:unit") or "").strip().lower() == "pixel":
            applied = self._applied_wh()
            if applied is None:
                return None
            x, width, y, height = x / applied[0], width / applied[0], y / applied[1], height / applied[1]
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2

    def _applied_wh(self) -> tuple[float, float] | None:
        found = self.packet.find(self.PROPERTY)
        inner = None if found is None else fields_of(found).find(qualified("mwg-rs:AppliedToDimensions"))
        if inner is None:
            return None
        numbers = _numbers([field_text(fields_of(inner), f"stDim:{key}") for key in "wh"])
        return (numbers[0], numbers[1]) if numbers and min(numbers) > 0 else None

    def _name(self, fields: Any) -> str:
        return field_text(fields, "mwg-rs:Name") or ""

    def _is_face(self, fields: Any) -> bool:
        return (field_text(fields, "mwg-rs:Type") or "").strip().lower() in FACE_TYPES


class MicrosoftRegions(RegionForm):
    PROPERTY, LIST = "MP:RegionInfo", "MPRI:Regions"

    def _fields(self, region: OwnRegion) -> list[Any]:
        box, make = region.box, self.packet.make
        rectangle = ", ".join(map(_number, (box.left, box.top, box.width, box.height)))
        return [
            make("MPReg:PersonDisplayName", text=region.name),
            make("MPReg:Rectangle", text=rectangle),
        ]

    def _edges(self, fields: Any) -> tuple[float, float, float, float] | None:
        numbers = _numbers((field_text(fields, "MPReg:Rectangle") or "").split(","))
        if numbers is None or len(numbers) != 4:
            return None
        x, y, width, height = numbers
        return x, y, x + width, y + height

    def _name(self, fields: Any) -> str:
        return field_text(fields, "MPReg:PersonDisplayName") or ""


def _number(value: float) -> str:
    """Six digits behind the point: a thousandth of a pixel in a photo of a thousand."""
    return f"{value:.6f}"


def _numbers(texts: list[str | None] | list[str]) -> list[float] | None:
    """None where one of them is no number."""
    try:
        numbers = [float(text) for text in texts if text is not None]
    except ValueError:
        return None
    return numbers if len(numbers) == len(texts) and all(map(math.isfinite, numbers)) else None
