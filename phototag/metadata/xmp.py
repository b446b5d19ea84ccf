"""Parses XMP packets (ISO 16684-1), embedded in photos or as sidecar files. XML is foreign: no
document type, no entities, bounds on size, depth and number. What the properties mean is in
`xmp_fields`. Pure; standard library only."""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

# Packets of real photos have some kilobytes; face regions and histories, some hundred.
MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 64  # real ones have some ten levels
MOST_ELEMENTS = 100_000  # an edit with its masks has some thousands
JUNK_BEHIND = expat.errors.codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
EXIF = "http://ns.adobe.com/exif/1.0/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
XMP = "http://ns.adobe.com/xap/1.0/"

# When the picture came to be, most trustworthy first (Metadata Working Group, Guidelines for
# Handling Metadata).
DATES = ((PHOTOSHOP, "DateCreated"), (EXIF, "DateTimeOriginal"), (XMP, "CreateDate"))
DIGITIZED = EXIF, "DateTimeDigitized"
MODIFIED = XMP, "ModifyDate"

# Byte order marks, or a first "<", of the wide encodings; the longer ones first.
_WIDE_STARTS = (
    (BOM_UTF32_LE, "utf-32-le"),
    (BOM_UTF32_BE, "utf-32-be"),
    ("<".encode("utf-32-le"), "utf-32-le"),
    ("<".encode("utf-32-be"), "utf-32-be"),
    (BOM_UTF16_LE, "utf-16-le"),
    (BOM_UTF16_BE, "utf-16-be"),
    ("<".encode("utf-16-le"), "utf-16-le"),
    ("<".encode("utf-16-be"), "utf-16-be"),
)
_DESCRIPTION, _LIST_ITEM = f"{{{RDF}}}Description", f"{{{RDF}}}li"
_LISTS = frozenset({f"{{{RDF}}}{kind}" for kind in ("Bag", "Seq", "Alt")})
_NO_XML = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF), " ")
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_VALUE = f"{{{RDF}}}value"

Property = Element | str  # as an element, or as an attribute's value
Properties = Mapping[str, Property]


class _Names(dict[str, str]):
    """Names as expat spells them -> as ElementTree does."""

    def __missing__(self, name: str) -> str:
        self[name] = f"{{{name}" if "}" in name else name
        return self[name]


class NotXmp(ValueError):
    """Bytes that are no XMP packet, or one that we refuse to read; the message says why."""


def parse_xmp(data: bytes) -> Element:
    """The tree of a packet, names as `{namespace}name`. Raises NotXmp."""
    if len(data) > MAX_BYTES:
        raise NotXmp(f"it is larger than {MAX_BYTES:,} bytes")
    data = _as_utf_8(data)
    try:
        return _parse(data)
    except NotXmp:
        repaired = _repaired(data)
        if repaired == data:
            raise
        return _parse(repaired)


def _repaired(data: bytes) -> bytes:
    """The packet without characters that XML does not know, and with lines that are not UTF-8 taken for
    Windows' Latin letters, as programs put them in that copy a text from elsewhere."""
    lines = []
    for line in data.split(b"\n"):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            text = line.decode("cp1252", "replace")
        lines.append(text.translate(_NO_XML))
    return "\n".join(lines).encode("utf-8")


def _parse(data: bytes) -> Element:
    builder = TreeBuilder()
    # what a packet says of its own encoding is no longer so where it was another
    parser = expat.ParserCreate("utf-8" if data[:3] == BOM_UTF8 else None, namespace_separator="}")
    parser.buffer_text = True
    depth = elements = 0
    names = _Names()
    start_element, end_element = builder.start, builder.end

    def refuse(*_: object) -> None:
        raise NotXmp("it has a document type or entities of its own")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if depth > MAX_DEPTH:
            raise NotXmp(f"it is nested more than {MAX_DEPTH} levels deep")
        if elements > MOST_ELEMENTS:
            raise NotXmp(f"it has more than {MOST_ELEMENTS:,} elements")
        start_element(names[name], {names[key]: value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        end_element(names[name])

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    try:
        try:
            parser.Parse(data.strip(b"\0 \t\r\n"), True)  # writers leave room for the next one
        except expat.ExpatError as error:
            if error.code != JUNK_BEHIND:  # the rest of a longer packet, over which this one was written
                raise
        return builder.close()
    except NotXmp:
        raise
    except (expat.ExpatError, AssertionError, LookupError, ValueError) as error:
        raise NotXmp(f"it is no XML ({error})") from error


def _as_utf_8(data: bytes) -> bytes:
    """The packet in UTF-8 with its mark, where it was written in UTF-16 or UTF-32, with or without theirs;
    else as it is. The specification allows all of them."""
    for mark, encoding in _WIDE_STARTS:
        if data.startswith(mark):
            return BOM_UTF8 + data.decode(encoding, "replace").strip("\ufeff\0 \t\r\n").encode("utf-8")
    return data


def properties_of(packet: Element) -> dict[str, Property]:
    """`{namespace}name` -> what the packet says of the photo itself, not of what is nested in
    structures; of several the first."""
    found: dict[str, Property] = {}
    for rdf in packet.iter(f"{{{RDF}}}RDF"):
        for description in rdf.findall(_DESCRIPTION):
            for key, value in description.items():
                found.setdefault(key, value)
            for child in description:
                found.setdefault(child.tag, child)
    return found


def text_of(value: Property | None) -> str | None:
    """The text of a property: a simple one, or the default language of several, or the first of a
    list. None where it has none."""
    if value is None or isinstance(value, str):
        return value.strip() if value else None
    if not len(value):
        return (value.text or "").strip() or None
    if (inner := value.find(_VALUE)) is not None:  # with qualifiers
        return text_of(inner)
    items = [item for kind in value if kind.tag in _LISTS for item in kind if item.tag == _LIST_ITEM]
    default = [item for item in items if item.get(_LANGUAGE) == "x-default"]
    for item in (*default, *items):
        if item.text and (text := item.text.strip()):
            return text
    return None


def texts_of(value: Property | None) -> list[str]:
    """The texts of a list; of a simple property its one."""
    if value is None or isinstance(value, str) or not len(value):
        text = text_of(value)
        return [text] if text else []
    return [
        text
        for kind in value
        if kind.tag in _LISTS
        for item in kind
        if item.tag == _LIST_ITEM and (text := (item.text or "").strip())
    ]


def fields_of(structure: Property | None) -> dict[str, Property]:
    """The fields of a structure by their names without namespace: attributes of it or of the
    rdf:Description in it, or elements."""
    found: dict[str, Property] = {}
    if structure is None or isinstance(structure, str):
        return found
    inner = structure.find(_DESCRIPTION)
    for element in (structure,) if inner is None else (structure, inner):
        for key, value in element.items():
            found.setdefault(_local(key), value)
        for child in element:
            found.setdefault(_local(child.tag), child)
    return found


def structures_of(value: Property | None) -> Iterator[dict[str, Property]]:
    """The fields of each structure in a list."""
    if value is None or isinstance(value, str):
        return
    for kind in value:
        if kind.tag in _LISTS:
            for item in kind:
                if item.tag == _LIST_ITEM:
                    yield fields_of(item)


def _local(name: str) -> str:
    return name.rpartition("}")[2]
