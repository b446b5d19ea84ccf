"""An AVIF without what stands beside its picture: notes, transparency and brighter renditions that the
decoder does not like would cost the picture.

Sources: AVIF 1.1 (Alliance for Open Media), ISO/IEC 23008-12."""

from __future__ import annotations

from phototag.reading import bmff

TONE_MAPPED, COMMON = b"tmap", b"mif1"  # brands: there is a brighter rendition, it is any picture
UNKNOWN = b"skip"  # a kind of item, and of reference, that decoders pass over


def only_picture(data: bytes) -> bytes:
    """The file with all items but the primary one, and those that it is made of, called unknown. Nothing is
    moved."""
    meta = bmff.find_meta(data)
    if (primary := bmff.find_primary(data, meta)) is None:
        return data
    references = list(bmff.find_references(data, meta))
    kept = {primary}
    for reference in references:
        if reference.kind == b"dimg" and reference.source in kept:
            kept.update(reference.targets)
    changed = bytearray(data)
    for item in bmff.find_items(data, meta):
        if item.number not in kept:
            changed[item.kind_at : item.kind_at + 4] = UNKNOWN
    for reference in references:
        if reference.source not in kept:
            changed[reference.kind_at : reference.kind_at + 4] = UNKNOWN
    for listed in bmff.find_associations(data, meta):
        if not kept & set(listed.items):  # of two lists of one kind decoders refuse the second
            changed[listed.start + 3] ^= 1
            changed[listed.start + 4 : listed.start + 8] = bytes(4)
    brands = next((box for box in bmff.boxes(data) if box.kind == b"ftyp"), None)
    if brands is not None:
        told = bytes(changed[brands.start : brands.end])
        changed[brands.start : brands.end] = told.replace(TONE_MAPPED, COMMON)
    return bytes(changed)
