"""One XMP packet that is to be changed in a few places and else kept as it is: prefixes, comments, order
and blanks. Owns the tree of lxml; ElementTree would rename prefixes and drop comments.

What is attached can be removed again without a trace, as far as XML counts: both move blanks along."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from phototag.errors import PhototagError
from phototag.metadata.ledger import NAMESPACE, PROPERTY
from phototag.metadata.xmp import MAX_BYTES, NotXmp, parse_xmp

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
# Usual prefixes. Programs know a property by its namespace; people know it by its prefix.
PREFIXES = {
    "rdf": RDF,
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "phototag": NAMESPACE,
}
# What else stands for a prefix: exiftool leaves away the slash.
ALIASES = {"MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0"}
CONTAINERS = frozenset(f"{{{RDF}}}{name}" for name in ("Bag", "Seq", "Alt"))
ABOUT, DESCRIPTION = f"{{{RDF}}}about", f"{{{RDF}}}Description"
LEDGER = f"phototag:{PROPERTY}"
# A new sidecar, to be filled.
EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="phototag">\n'
    f' <rdf:RDF xmlns:rdf="{RDF}">\n  </rdf:RDF>\n'
    '</x:xmpmeta><?xpacket end="w"?>'
).encode()


def qualified(name: str) -> str:
    """`dc:subject` -> `{http://purl.org/dc/elements/1.1/}subject`."""
    prefix, _, local = name.partition(":")
    return f"{{{PREFIXES[prefix]}}}{local}"


def spellings(name: str) -> tuple[str, ...]:
    """All that it may be in a file, the usual one first."""
    prefix, _, local = name.partition(":")
    alias = ALIASES.get(prefix)
    return (qualified(name), f"{{{alias}}}{local}") if alias else (qualified(name),)


class Packet:
    """`packet.find("dc:subject")`, `packet.append(...)`, `packet.as_bytes()`. Properties are named with
    their usual prefixes, whatever the packet calls them."""

    def __init__(self, data: bytes) -> None:
        """Raises NotXmp for what is no XMP, or is refused; PhototagError where lxml is not installed."""
        self._etree = _lxml()
        self._data = data
        self.has_begun_description = False
        self._taken_from: list[Any] = []  # the descriptions of which something was removed
        parse_xmp(data)  # the one judge of what is refused: document types, entities, size, depth
        parser = self._etree.XMLParser(
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            strip_cdata=False,
            remove_comments=False,
            remove_pis=False,
        )
        try:
            wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
            self._tree = self._etree.parse(io.BytesIO(data if wide else data.strip(b"\0 \t\r\n")), parser)
        except (self._etree.XMLSyntaxError, ValueError) as error:
            raise NotXmp(str(error)) from error
        rdf = next(self._tree.getroot().iter(qualified("rdf:RDF")), None)
        if rdf is None:
            raise NotXmp("holds no rdf:RDF")
        self._rdf = rdf

    def as_bytes(self) -> bytes:
        """The packet as a file: in the encoding that it had. Raises NotXmp where it has become too long."""
        if self._data == EMPTY and len(self._rdf):
            self._rdf[-1].tail = "\n "
        info = self._tree.docinfo
        declared = self._data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml ") or b"\0" in self._data[:4]
        text: bytes = self._etree.tostring(
            self._tree,
            encoding=info.encoding or "UTF-8",
            xml_declaration=declared,
            standalone=info.standalone if declared else None,
        )
        if len(text) > MAX_BYTES:
            raise NotXmp(f"would become larger than {MAX_BYTES:,} bytes")
        return text if b"\0" in text[:4] else text.rstrip(b"\n") + b"\n"

    # -- properties of the photo

    def descriptions(self) -> list[Any]:
        return list(self._rdf.findall(qualified("rdf:Description")))

    def find(self, name: str) -> Any | None:
        """The element of a property, None where there is none."""
        keys = spellings(name)
        return next((one for node in self.descriptions() for one in node if one.tag in keys), None)

    def text(self, name: str) -> str | None:
        """The value of a simple property, which may be an attribute."""
        key = qualified(name)
        for node in self.descriptions():
            if (value := node.get(key)) is not None:
                return str(value)
        found = self.find(name)
        return None if found is None or len(found) else (found.text or "")

    def set_text(self, name: str, value: str) -> None:
        """Give a simple property another value where it stands, or add it."""
        key = qualified(name)
        for node in self.descriptions():
            if node.get(key) is not None:
                node.set(key, value)
                return
        found = self.find(name)
        if found is None:
            self.begin(found := self.make(name))
        found.text = value

    def remove_text(self, name: str) -> None:
        key = qualified(name)
        for node in self.descriptions():
            if node.get(key) is not None:
                del node.attrib[key]
                self._taken_from.append(node)
        while (found := self.find(name)) is not None:
            self.remove(found)

    def holds(self, name: str) -> bool:
        """Whether the property is there in any form."""
        keys = set(spellings(name))
        return self.find(name) is not None or any(keys & set(node.attrib) for node in self.descriptions())

    # -- adding and taking away

    def make(
        self,
        name: str,
        *children: Any,
        text: str | None = None,
        attributes: Mapping[str, str] | None = None,
        resource: bool = False,
    ) -> Any:
        """An element that is still to be attached. `resource`: its children are the fields of a structure."""
        attributes = attributes or {}
        prefixes = {one.partition(":")[0] for one in (name, *attributes)}
        node = self._etree.Element(qualified(name), nsmap={prefix: PREFIXES[prefix] for prefix in prefixes})
        for key, value in attributes.items():
            node.set(qualified(key), value)
        if resource:
            node.set(qualified("rdf:parseType"), "Resource")
        node.text = text
        node.extend(children)
        return node

    def begin(self, node: Any) -> None:
        """Attach a property that the photo has not had: in the rdf:Description that holds the ledger."""
        self.attach(self._ledgers_description(), node)

    def _ledgers_description(self) -> Any:
        if (ledger := self.find(LEDGER)) is not None:
            return ledger.getparent()
        key = qualified(LEDGER)
        if (node := next((one for one in self.descriptions() if one.get(key) is not None), None)) is not None:
            return node
        # All descriptions of a packet have the same rdf:about.
        about = next((str(one.get(ABOUT)) for one in self.descriptions() if one.get(ABOUT)), "")
        node = self.make("rdf:Description", self.make(LEDGER), attributes={"rdf:about": about})
        self.attach(self._rdf, node)
        self.has_begun_description = True
        return node

    @staticmethod
    def attach(parent: Any, node: Any) -> None:
        """Make the node the last child: as far to the right as the others, where they stand on lines of
        their own."""
        blank = parent.text
        if len(parent):
            node.tail, parent[-1].tail = parent[-1].tail, blank
        else:
            node.tail = blank
        parent.append(node)
        if blank and "\n" in blank:
            _indent(node, "\n" + blank.rpartition("\n")[2])

    def remove(self, node: Any) -> None:
        """Take the node away, with the blanks that `attach` made for it."""
        parent, before = node.getparent(), node.getprevious()
        if before is not None and node.getnext() is None:
            before.tail = node.tail
        parent.remove(node)
        if parent.tag == DESCRIPTION:
            self._taken_from.append(parent)

    def remove_emptied_descriptions(self) -> None:
        """Those of which nothing is left since something of ours was removed from them: programs spread
        what stood in one over several."""
        for node in self.descriptions():
            is_empty = not len(node) and set(node.attrib) <= {ABOUT} and not (node.text or "").strip()
            if is_empty and any(node is one for one in self._taken_from):
                self.remove(node)

    def is_empty(self) -> bool:
        """Whether the photo has no property at all."""
        return not any(len(node) or set(node.attrib) - {ABOUT} for node in self.descriptions())


def items_of(property_element: Any) -> Any | None:
    """The rdf:Bag, Seq or Alt that a property holds, None where it is no list."""
    for child in property_element:
        if child.tag in CONTAINERS:
            return child
    return None


def fields_of(element: Any) -> Any:
    """The element in which the fields of a structure stand: the rdf:Description within, or itself."""
    inner = element.find(DESCRIPTION)
    return element if inner is None else inner


def field_text(fields: Any, name: str) -> str | None:
    """A simple field of a structure, which may be an attribute."""
    key = qualified(name)
    if (value := fields.get(key)) is not None:
        return str(value)
    child = fields.find(key)
    return None if child is None or len(child) else (child.text or "")


def _indent(node: Any, blank: str) -> None:
    if len(node):
        node.text = blank + " "
        for child in node:
            child.tail = blank + " "
            _indent(child, blank + " ")
        node[-1].tail = blank


def require_lxml() -> None:
    """Raises PhototagError where lxml is not installed."""
    _lxml()


def _lxml() -> Any:
    try:
        from lxml import etree
    except ImportError as error:
        raise PhototagError(
            "Sidecars are written with lxml, which is not installed; type: pip install 'phototag[xmp]'"
        ) from error
    return etree
