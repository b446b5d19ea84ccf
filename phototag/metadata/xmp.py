"""Reads XMP packets (ISO 16684-1), embedded in photos or as sidecar files. XML is foreign: no
document type, no entities, a limit on size and depth. Pure; standard library only."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

MAX_BYTES = (
    8 * 1024 * 1024
)  # packets of real photos have some kilobytes; face regions and histories, some hundred
MAX_DEPTH = 64  # real ones have some ten levels

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
EXIF = "http://ns.adobe.com/exif/1.0/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
XMP = "http://ns.adobe.com/xap/1.0/"

# When the picture came to be, most trustworthy first (Metadata Working Group, Guidelines for
# Handling Metadata).
DATES = ((PHOTOSHOP, "DateCreated"), (EXIF, "DateTimeOriginal"), (XMP, "CreateDate"))


class NotXmp(ValueError):
    """Bytes that are no XMP packet, or one that we refuse to read; the message says why."""


def parse_xmp(data: bytes) -> Element:
    """The tree of a packet, names as `{namespace}name`. Raises NotXmp."""
    if len(data) > MAX_BYTES:
        raise NotXmp(f"larger than {MAX_BYTES:,} bytes")
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    depth = 0

    def refuse(*_: object) -> None:
        raise NotXmp("has a document type or entities of its own")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise NotXmp(f"nested more than {MAX_DEPTH} levels deep")
        builder.start(_qualified(name), {_qualified(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_qualified(name))

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    try:
        # Padding: writers leave room for the next one. In UTF-16 a zero is half a character.
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        parser.Parse(data if wide else data.strip(b"\0 \t\r\n"), True)
        return builder.close()
    except (expat.ExpatError, AssertionError, LookupError, ValueError) as error:
        raise error if isinstance(error, NotXmp) else NotXmp(str(error)) from error


def simple_value(packet: Element, namespace: str, name: str) -> str | None:
    """The text of a simple property of the described photo: an attribute of an rdf:Description or
    an element in it. None where there is none."""
    key = f"{{{namespace}}}{name}"
    for description in _descriptions(packet):
        if (value := description.get(key)) is not None:
            return value.strip()
        for child in description:
            if child.tag == key and not len(child):
                return (child.text or "").strip()
    return None


def dates_of(packet: Element) -> Iterator[str]:
    """The dates that say when the picture came to be, as written, most trustworthy first."""
    for namespace, name in DATES:
        if value := simple_value(packet, namespace, name):
            yield value


def _descriptions(packet: Element) -> Iterator[Element]:
    """Those of the photo itself, not those nested in structures."""
    for rdf in packet.iter(f"{{{RDF}}}RDF"):
        yield from rdf.findall(f"{{{RDF}}}Description")


def _qualified(name: str) -> str:
    return f"{{{name}" if "}" in name else name
