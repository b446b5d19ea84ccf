"""What programs write into XMP about a photo: Lightroom, digiKam, darktable, Picasa, ACDSee, Windows,
osxphotos, by their schemas. Pure; standard library only.

Sources: Metadata Working Group, Guidelines for Handling Metadata 2.0 (regions, keywords); IPTC Photo
Metadata Standard (PersonInImage); Microsoft's People Tagging schema (MP); the tag tables of the
digiKam handbook and of ExifTool's documentation for the rest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from phototag.metadata.ledger import KEY as LEDGER
from phototag.metadata.ledger import NOTHING_ADDED, parse_ledger
from phototag.metadata.record import (
    LEVEL,
    Metadata,
    Region,
    clean,
    clean_keyword,
    clean_lines,
    clean_person,
    is_own,
    make_region,
    percent_rating,
    persons_of_keywords,
    read_rating,
    without_repeats,
    without_twins,
)
from phototag.metadata.xmp import (
    DATES,
    DIGITIZED,
    EXIF,
    MODIFIED,
    PHOTOSHOP,
    XMP,
    NotXmp,
    Properties,
    Property,
    fields_of,
    parse_xmp,
    properties_of,
    structures_of,
    text_of,
    texts_of,
)

DC = "{http://purl.org/dc/elements/1.1/}"
DIGIKAM = "{http://www.digikam.org/ns/1.0/}"
LIGHTROOM = "{http://ns.adobe.com/lightroom/1.0/}"
MICROSOFT = "{http://ns.microsoft.com/photo/1.0/}"
EXIFTOOLS_MICROSOFT = "{http://ns.microsoft.com/photo/1.0}"  # the same as ExifTool spells it
PEOPLE_TAGGING = "{http://ns.microsoft.com/photo/1.2/}"
MWG_REGIONS = "{http://www.metadataworkinggroup.com/schemas/regions/}"
IPTC_EXT = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
ACDSEE, ACDSEE_REGIONS = "{http://ns.acdsee.com/iptc/1.0/}", "{http://ns.acdsee.com/regions/}"
DARKTABLE = "{http://darktable.sf.net/}"
TIFF = "{http://ns.adobe.com/tiff/1.0/}"
PHOTOSHOP_HEADLINE = f"{{{PHOTOSHOP}}}Headline"

# The order of digiKam's colours 1 to 9 and of darktable's 0 to 4, by their names in xmp:Label.
DIGIKAM_COLORS = ("Red", "Orange", "Yellow", "Green", "Blue", "Magenta", "Gray", "Black", "White")
DARKTABLE_COLORS = ("Red", "Yellow", "Green", "Blue", "Purple")
# Of ACDSee's two the one that it shows, before the one that it has computed.
AREAS = ("Area", "DLYArea", "ALGArea")
FACES = frozenset({"", "face"})  # types of region; others are pets, the focus, bar codes


def read_xmp(data: bytes) -> Metadata:
    """What a packet says. Raises NotXmp."""
    return metadata_of(properties_of(parse_xmp(data)))


def read_packets(packets: tuple[bytes, ...]) -> Metadata:
    """What the packets of one file say together, a damaged one left out: a JPEG has a second one where
    its first is full."""
    found: dict[str, Property] = {}
    for packet in packets:
        try:
            found = {**properties_of(parse_xmp(packet)), **found}
        except NotXmp:
            continue
    return metadata_of(found)


def metadata_of(properties: Properties) -> Metadata:
    """What these properties say; see `properties_of`."""
    properties = {key.replace(EXIFTOOLS_MICROSOFT, MICROSOFT): value for key, value in properties.items()}
    get = properties.get
    own = parse_ledger(text_of(get(LEDGER)))  # what phototag itself has added says nothing new
    keywords, areas, people = _keywords(properties), _named_areas(properties), _tagged_people(properties)
    if own != NOTHING_ADDED:  # else flat words beside rooted ones are ours too: see without_repeats
        # as they stand in a field that parts levels with '|', and in one that does so with '/'
        told = {word.replace(LEVEL, "/") for word in own.words} | own.carried_texts(LEVEL)
        told |= {text.replace("/", LEVEL) for text in own.carried_texts("/")}
        keywords = [one for one in keywords if one not in told and not is_own(one)]
    regions = without_twins(
        region
        for region in _regions(areas, people)
        if not any(one.is_same(region.name, region.box) for one in own.regions)
    )
    pets = [name for name, kind, _, _ in areas if kind == "pet"]
    named = [name for name in texts_of(get(IPTC_EXT + "PersonInImage")) if name not in own.persons]
    persons = [clean_person(name) for name in named]
    persons += [
        clean_person(text_of(fields.get("PersonName")))
        for fields in structures_of(get(IPTC_EXT + "PersonInImageWDetails"))
    ]
    persons += [clean_person(name) for name, numbers in people if len(numbers) != 4]
    names = dict.fromkeys([*filter(None, persons), *persons_of_keywords(keywords)])
    all_names = [*names, *(region.name for region in regions)]
    keywords += [pet for name in pets if (pet := clean(name))]
    return Metadata(
        dates=_dates(properties, DATES),
        digitized=_dates(properties, (DIGITIZED,)),
        modified=_dates(properties, (MODIFIED,)),
        place=_place(properties),
        rating=_rating(properties),
        color_label=_color_label(properties),
        title=clean(text_of(get(DC + "title")) or text_of(get(PHOTOSHOP_HEADLINE)), 500),
        description=clean_lines(
            text_of(get(DC + "description"))
            or text_of(get(TIFF + "ImageDescription"))
            or text_of(get(ACDSEE + "caption"))
            or text_of(get(ACDSEE + "notes"))
        ),
        keywords=without_repeats(keywords, all_names),
        regions=regions,
        persons=tuple(names),
        extension=clean(text_of(get(f"{{{PHOTOSHOP}}}SidecarForExtension"))),
    )


def _dates(properties: Properties, names: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    stated = (text_of(properties.get(f"{{{namespace}}}{name}")) for namespace, name in names)
    return tuple(text for text in stated if text)


def _place(properties: Properties) -> tuple[str, str | None, str, str | None] | None:
    """In XMP the hemisphere is part of the text; some programs write it apart."""
    latitude, longitude = (
        text_of(properties.get(f"{{{EXIF}}}GPS{name}")) for name in ("Latitude", "Longitude")
    )
    if latitude is None or longitude is None:
        return None
    refs = (text_of(properties.get(f"{{{EXIF}}}GPS{name}Ref")) for name in ("Latitude", "Longitude"))
    latitude_ref, longitude_ref = refs
    return latitude, latitude_ref, longitude, longitude_ref


def _rating(properties: Properties) -> int | None:
    for key in (f"{{{XMP}}}Rating", ACDSEE + "rating"):
        if (stars := read_rating(text_of(properties.get(key)))) is not None:
            return stars
    return percent_rating(text_of(properties.get(MICROSOFT + "Rating")))


def _color_label(properties: Properties) -> str | None:
    if label := clean(text_of(properties.get(f"{{{XMP}}}Label"))):
        return label
    for key, colors, first in (
        (DIGIKAM + "ColorLabel", DIGIKAM_COLORS, 1),
        (DARKTABLE + "colorlabels", DARKTABLE_COLORS, 0),
    ):
        number = text_of(properties.get(key)) or ""
        if number.isdecimal() and first <= int(number[:4]) < first + len(colors):
            return colors[int(number[:4]) - first]
    return None


def _keywords(properties: Properties) -> list[str]:
    """From the fields that keep levels, then from the flat ones."""
    found: list[str | None] = []
    for key, separator in (
        (DIGIKAM + "TagsList", "/"),
        (LIGHTROOM + "hierarchicalSubject", "|"),
        (MICROSOFT + "LastKeywordXMP", "/"),
    ):
        found += [clean_keyword(text.split(separator)) for text in texts_of(properties.get(key))]
    found += _acdsee_categories(text_of(properties.get(ACDSEE + "categories")))
    for key in (DC + "subject", ACDSEE + "keywords"):
        # The mark between levels is a letter like others here.
        found += [clean_keyword([text.replace(LEVEL, "/")]) for text in texts_of(properties.get(key))]
    return [one for one in found if one]


def _acdsee_categories(text: str | None) -> list[str | None]:
    """`<Categories><Category Assigned="0">Places<Category Assigned="1">Rome</Category></Category>
    </Categories>`, as text within the XML: assigned ones, with those above them."""
    if not text:
        return []
    try:
        tree = parse_xmp(text.encode("utf-8", "replace"))
    except NotXmp:
        return []
    return list(_assigned(tree, ()))


def _assigned(element: Element, above: tuple[str, ...]) -> Iterator[str | None]:
    for category in element:
        levels = (*above, (category.text or "").strip())
        if category.get("Assigned") == "1":
            yield clean_keyword(levels)
        yield from _assigned(category, levels)


# -- regions


_Area = tuple[str, str, tuple[float, ...], tuple[float, float] | None]
_Tagged = tuple[str, list[float]]


def _regions(areas: Sequence[_Area], people: Sequence[_Tagged]) -> Iterator[Region]:
    for name, kind, edges, applied_wh in areas:
        if kind in FACES and (region := make_region(name, edges, applied_wh)):
            yield region
    for name, numbers in people:
        if len(numbers) == 4:
            left, top, width, height = numbers
            if region := make_region(name, (left, top, left + width, top + height)):
                yield region


def _tagged_people(properties: Properties) -> list[_Tagged]:
    """(name, left, top, width and height as fractions) of People Tagging; someone may be named without
    a place in the picture."""
    tagged = fields_of(properties.get(PEOPLE_TAGGING + "RegionInfo"))
    return [
        (name, _numbers((text_of(fields.get("Rectangle")) or "").split(",")))
        for fields in structures_of(tagged.get("Regions"))
        if (name := text_of(fields.get("PersonDisplayName")))
    ]


def _named_areas(properties: Properties) -> list[_Area]:
    """(name, type in lower case, edges as fractions, size applied to) of the regions of the Metadata
    Working Group, and of ACDSee's, which are made after them. Their areas are told by their middle."""
    found: list[_Area] = []
    for key in (MWG_REGIONS + "Regions", ACDSEE_REGIONS + "Regions"):
        if key not in properties:
            continue
        info = fields_of(properties[key])
        applied = fields_of(info.get("AppliedToDimensions"))
        size = _numbers([text_of(applied.get("w")) or "", text_of(applied.get("h")) or ""])
        applied_wh = (size[0], size[1]) if len(size) == 2 and min(size) > 0 else None
        for fields in structures_of(info.get("RegionList")):
            name = text_of(fields.get("Name"))
            area = fields_of(next((fields[key] for key in AREAS if key in fields), None))
            numbers = _numbers([text_of(area.get(side)) or "" for side in ("x", "y", "w", "h")])
            if not name or len(numbers) != 4:
                continue
            x, y, width, height = numbers
            if text_of(area.get("unit")) == "pixel" and applied_wh:
                x, width = x / applied_wh[0], width / applied_wh[0]
                y, height = y / applied_wh[1], height / applied_wh[1]
            edges = x - width / 2, y - height / 2, x + width / 2, y + height / 2
            found.append((name, (text_of(fields.get("Type")) or "").lower(), edges, applied_wh))
    return found


def _numbers(texts: list[str]) -> list[float]:
    """These texts as numbers; fewer where one is none."""
    found = []
    for text in texts:
        try:
            number = float(text)
        except ValueError:
            continue
        if math.isfinite(number):
            found.append(number)
    return found
