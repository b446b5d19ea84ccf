"""What phototag says, merged into other programs' sidecars and taken away again: theirs is never touched."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from phototag.metadata.ledger import fold
from phototag.metadata.merge import FLAT, HIERARCHICAL, Keyword, NamedFace, PhotoWords, merge, remove
from phototag.metadata.packet import CONTAINERS, LEDGER, qualified, spellings
from phototag.metadata.xmp import NotXmp
from phototag.records import Box

FOREIGN = [
    path
    for path in sorted((Path(__file__).parent.parent / "metadata" / "foreign").iterdir())
    if path.suffix.lower() == ".xmp"
]
NOW = "2026-01-02T03:04:05+00:00"
DATE = qualified("xmp:MetadataDate")
KEYWORDS = (
    *(Keyword(("thing", word), word) for word in ("dog", "café", "rock & roll", "a/b|c, d;e")),
    Keyword(("smiling", "everyone"), "everyone smiling"),
)
FACES = (
    NamedFace("Exported Anna", Box(0.05, 0.6, 0.15, 3 / 4.00001)),  # of more digits than are written
    NamedFace("Exported Ben", Box(0.41, 0.31, 0.6, 0.55)),
)
WORDS = PhotoWords(KEYWORDS, 6, FACES, (4000, 3000))
OURS = {keyword.flat for keyword in KEYWORDS} | {face.name for face in FACES}
PROPERTIES = {
    qualified(name)
    for name in (
        LEDGER,
        FLAT,
        *HIERARCHICAL,
        "tiff:Orientation",
        "xmp:MetadataDate",
        "Iptc4xmpExt:PersonInImage",
        "mwg-rs:Regions",
        "mwg-rs:RegionList",
        "MP:RegionInfo",
        "MPRI:Regions",
    )
}


def canonical(data):
    return etree.tostring(etree.fromstring(data).getroottree(), method="c14n")


def test_there_are_enough():
    assert len(FOREIGN) >= 25


def is_ours(element):
    """Whether an element that was not there before is one that we may add."""
    if element.tag == qualified("rdf:li"):
        text = "".join(element.itertext()).strip()
        names = [
            *element.findall(qualified("mwg-rs:Name")),
            *element.findall(qualified("MPReg:PersonDisplayName")),
        ]
        is_region = names and {name.text for name in names} <= OURS
        return (
            is_region or text in OURS or text.split("/")[0] == "phototag" or text.split("|")[0] == "phototag"
        )
    if element.tag == qualified("rdf:Description"):
        return all(is_ours(child) for child in element)
    return element.tag in PROPERTIES


def take_away_additions(before, after):
    """Removes from `after` what `before` does not have, and checks that it is ours."""
    if before.text is None or not before.text.strip():
        before.text = after.text = None
    theirs = list(before)
    for child in list(after):
        if theirs and is_same(theirs[0], child):
            match = theirs.pop(0)
            take_away_additions(match, child)
            child.tail = match.tail = None
            continue
        assert is_ours(child), etree.tostring(child)
        after.remove(child)
    assert not theirs
    if DATE in before.attrib:
        after.set(DATE, before.get(DATE))
    if before.tag == DATE:
        after.text = before.text


def is_same(theirs, other):
    if theirs.tag != other.tag:
        return False
    if theirs.tag == qualified("rdf:li") or not isinstance(theirs.tag, str):
        return etree.tostring(theirs, with_tail=False) == etree.tostring(other, with_tail=False)
    return True


@pytest.mark.parametrize("path", FOREIGN, ids=lambda path: path.name)
def test_everything_foreign_stays(path):
    data = path.read_bytes()
    merged = merge(data, WORDS, now=NOW)
    assert merged.changes
    before, after = etree.fromstring(data).getroottree(), etree.fromstring(merged.data).getroottree()
    take_away_additions(before.getroot(), after.getroot())
    assert etree.tostring(after, method="c14n") == etree.tostring(before, method="c14n")


@pytest.mark.parametrize("path", FOREIGN, ids=lambda path: path.name)
def test_a_second_export_writes_nothing(path):
    first = merge(path.read_bytes(), WORDS, now=NOW)
    again = merge(first.data, WORDS, now="2027-01-01T00:00:00+00:00")
    assert again.changes == () and again.data == first.data


@pytest.mark.parametrize("path", FOREIGN, ids=lambda path: path.name)
def test_removing_leaves_the_file_as_it_was(path):
    data = path.read_bytes()
    exported = merge(merge(data, WORDS, now=NOW).data, PhotoWords(KEYWORDS[:2], 6), now=NOW).data
    for before in (merge(data, WORDS, now=NOW).data, exported):
        removed = remove(before, now=NOW)
        assert canonical(removed.data) == canonical(data)
        assert remove(removed.data, now=NOW).changes == ()


@pytest.mark.parametrize("path", FOREIGN, ids=lambda path: path.name)
def test_a_persons_own_words_are_not_taken_away(path):
    """What they had before, and what they add after an export."""
    tree = etree.fromstring(merge(path.read_bytes(), WORDS, now=NOW).data)
    subject = tree.find(".//" + qualified("dc:subject"))
    if subject is None or not len(subject):
        return
    (items,) = (child for child in subject if child.tag in CONTAINERS)
    own = [
        item.text
        for item in etree.fromstring(path.read_bytes()).iterfind(
            ".//" + qualified("dc:subject") + "//" + qualified("rdf:li")
        )
    ]
    etree.SubElement(items, qualified("rdf:li")).text = "added later"
    removed = etree.fromstring(remove(etree.tostring(tree), now=NOW).data)
    left = [
        item.text for item in removed.iterfind(".//" + qualified("dc:subject") + "//" + qualified("rdf:li"))
    ]
    assert left == [*own, "added later"]


def listed(data, field):
    root = etree.fromstring(data)
    for key in spellings(field):
        for found in root.iter(key):
            return [item.text for item in found.iter(qualified("rdf:li"))]
    return []


def by_name(name):
    (path,) = (path for path in FOREIGN if path.name == name)
    return path.read_bytes()


def test_the_four_keyword_fields_of_a_new_sidecar():
    data = merge(None, PhotoWords((Keyword(("thing", "dog"), "dog"),), 1), now=NOW).data
    assert listed(data, "digiKam:TagsList") == ["phototag/thing/dog"]
    assert listed(data, "lr:hierarchicalSubject") == ["phototag|thing|dog"]
    assert listed(data, "MicrosoftPhoto:LastKeywordXMP") == ["phototag/thing/dog"]
    assert listed(data, "dc:subject") == ["dog"]
    assert remove(data, now=NOW).data is None, "the file was ours alone"


def test_a_field_that_would_hide_a_persons_keywords_is_not_begun():
    """Immich reads digiKam's field, and Lightroom's only where that is not there."""
    data = merge(by_name("darktable-edit.NEF.xmp"), WORDS, now=NOW).data
    assert "phototag|thing|dog" in listed(data, "lr:hierarchicalSubject")
    assert listed(data, "digiKam:TagsList") == listed(data, "MicrosoftPhoto:LastKeywordXMP") == []
    data = merge(by_name("one-line.jpg.xmp"), WORDS, now=NOW).data
    assert not any(listed(data, field) for field in HIERARCHICAL)


EMBEDDED = (("Places", "Rome/Lazio"), ("beach",))


def test_keywords_inside_the_photo_are_not_hidden_by_the_sidecar():
    """Immich and PhotoPrism read a field from the sidecar alone where it is there."""
    words = PhotoWords(KEYWORDS[:1], 1, carried=EMBEDDED)
    data = merge(None, words, now=NOW).data
    assert listed(data, "digiKam:TagsList") == ["phototag/thing/dog", "Places/Rome\u2215Lazio", "beach"]
    assert listed(data, "lr:hierarchicalSubject") == ["phototag|thing|dog", "Places|Rome/Lazio", "beach"]
    assert listed(data, "dc:subject") == ["dog", "Rome/Lazio", "beach"]
    assert merge(data, words, now="later").changes == ()
    fewer = merge(data, PhotoWords(KEYWORDS[:1], 1, carried=EMBEDDED[1:]), now=NOW).data
    assert listed(fewer, "lr:hierarchicalSubject") == ["phototag|thing|dog", "beach"]
    assert merge(data, PhotoWords((), 1, carried=EMBEDDED), now=NOW).data is None, "nothing hides them then"
    assert remove(data, now=NOW).data is None


def test_beside_keywords_in_the_sidecar_those_in_the_photo_are_not_carried():
    data = merge(by_name("darktable-edit.NEF.xmp"), PhotoWords(KEYWORDS, 1, carried=EMBEDDED), now=NOW).data
    assert b"Lazio" not in data and b"beach" not in data


def test_a_word_that_a_person_has_already_is_not_written_twice():
    """Whatever its case, with accents as one character or as two."""
    data = merge(by_name("one-line.jpg.xmp"), WORDS, now=NOW).data
    words = [fold(word) for word in listed(data, "dc:subject")]
    assert len(words) == len(set(words)) and "Dog" in listed(data, "dc:subject")


def test_a_keyword_field_that_is_no_list_is_left_alone():
    merged = merge(by_name("flat-text.jpg.xmp"), WORDS, now=NOW)
    assert any("dc:subject is no list" in note for note in merged.notes)
    assert b'dc:subject="old; scanner; words"' in merged.data


def test_no_region_lies_over_a_foreign_one():
    data = merge(by_name("digikam-both-regions.jpg.xmp"), WORDS, now=NOW).data
    assert b"Exported Anna" in data
    names = [name.text for name in etree.fromstring(data).iter(qualified("mwg-rs:Name"))]
    assert names == ["Exported Anna"], "Ben's face is Lenny's, as digiKam says"
    assert listed(data, "Iptc4xmpExt:PersonInImage") == ["Exported Anna", "Exported Ben"]


def test_a_focus_area_is_no_face():
    words = PhotoWords((), 1, (NamedFace("Anna", Box(0.1, 0.1, 0.3, 0.3)),), (4000, 3000))
    assert b"Anna" in merge(by_name("iphone-focus.jpg.xmp"), words, now=NOW).data


def test_regions_drawn_on_a_turned_picture_get_no_company():
    turned = PhotoWords((), 6, FACES, (3000, 4000))
    merged = merge(by_name("iphone-focus.jpg.xmp"), turned, now=NOW)
    assert "lies otherwise" in merged.notes[0]
    assert b"<mwg-rs:Name>" not in merged.data


def test_who_is_in_the_photo_without_a_face_is_named_too():
    words = PhotoWords((), 1, FACES[:1], (4000, 3000), persons=("Exported Anna", "Carla"))
    data = merge(None, words, now=NOW).data
    assert listed(data, "Iptc4xmpExt:PersonInImage") == ["Exported Anna", "Carla"]
    assert [name.text for name in etree.fromstring(data).iter(qualified("mwg-rs:Name"))] == ["Exported Anna"]


def test_without_faces_those_written_before_stay():
    data = merge(None, WORDS, now=NOW).data
    again = merge(data, PhotoWords(KEYWORDS[1:], 6), now=NOW).data
    assert b"Exported Anna" in again and "dog" not in listed(again, "dc:subject")


def test_a_face_that_got_another_name_or_place_is_written_anew():
    data = merge(None, WORDS, now=NOW).data
    moved = (NamedFace("Anna Smith", FACES[0].box), NamedFace("Exported Ben", Box(0.5, 0.31, 0.69, 0.55)))
    data = merge(data, PhotoWords(KEYWORDS, 6, moved, (4000, 3000)), now=NOW).data
    names = [name.text for name in etree.fromstring(data).iter(qualified("mwg-rs:Name"))]
    assert sorted(names) == ["Anna Smith", "Exported Ben"]
    assert listed(data, "Iptc4xmpExt:PersonInImage") == ["Exported Ben", "Anna Smith"]


def test_what_another_program_rounds_is_still_known_as_ours():
    data = merge(None, PhotoWords((), 1, FACES[:1], (4000, 3000)), now=NOW).data
    rounded = data.replace(b'stArea:x="0.100000"', b'stArea:x="0.1002"').replace(b"0.050000, ", b"0.0502, ")
    assert rounded != data
    assert remove(rounded, now=NOW).data is None


def test_orientation_is_written_only_where_it_is_absent():
    assert b'tiff:Orientation="6"' in by_name("digikam-both-regions.jpg.xmp")
    words = PhotoWords(KEYWORDS, 3)
    assert b'tiff:Orientation="6"' in merge(by_name("digikam-both-regions.jpg.xmp"), words, now=NOW).data
    new = merge(None, words, now=NOW).data
    assert etree.fromstring(new).findtext(".//" + qualified("tiff:Orientation")) == "3"
    turned = merge(new, PhotoWords(KEYWORDS, 8), now=NOW).data
    assert etree.fromstring(turned).findtext(".//" + qualified("tiff:Orientation")) == "8"


def test_never_a_rating_of_its_own():
    assert b"Rating" not in merge(None, WORDS, now=NOW).data


def test_a_date_that_another_program_set_meanwhile_stays():
    data = merge(by_name("exiftool-microsoft.jpg.xmp"), WORDS, now=NOW).data
    tree = etree.fromstring(data)
    tree.find(".//" + DATE).text = "2026-06-06T06:06:06Z"
    left = remove(etree.tostring(tree), now=NOW).data
    assert etree.fromstring(left).findtext(".//" + DATE) == "2026-06-06T06:06:06Z"
    assert etree.fromstring(remove(data, now=NOW).data).findtext(".//" + DATE) == "2020-02-02T02:02:02Z"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no XML",
        b"<a/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&b;</x:xmpmeta>',
        b"<a>" * 65 + b"</a>" * 65,
        b"<!-- " + b" " * (8 << 20) + b"--><a/>",
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><a>".encode("utf-16"),
    ],
    ids=["empty", "text", "no RDF", "document type", "deep", "long", "cut short"],
)
def test_what_is_no_xmp_is_refused(data):
    with pytest.raises(NotXmp):
        merge(data, WORDS, now=NOW)


@pytest.mark.parametrize(
    "ledger", ["", "[]", "null", "{", '{"words": 3}', '{"regions": [["A", 2, 0, 1, 1]]}']
)
def test_a_ledger_that_is_none_of_ours_says_nothing(ledger):
    data = merge(None, PhotoWords(KEYWORDS[:1], 1), now=NOW).data
    tree = etree.fromstring(data)
    tree.find(".//" + qualified(LEDGER)).text = ledger
    left = remove(etree.tostring(tree), now=NOW).data
    assert listed(left, "dc:subject") == ["dog"], "nobody knows whose word it is"
    assert listed(left, "lr:hierarchicalSubject") == [], "below the root it is ours"


LETTERS = st.text(
    st.one_of(
        st.sampled_from("/|,;&<>\"'éüßÅ\u0301ÇЖ犬 👩‍👧🏳️‍🌈\u200d\t\x00\ufffe"), st.characters(codec="utf-8")
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=150)
@given(
    theirs=st.lists(LETTERS, max_size=4),
    ours=st.lists(LETTERS, max_size=5),
    forms=st.lists(st.sampled_from(["NFC", "NFD"]), min_size=5, max_size=5),
    inside=st.lists(st.lists(LETTERS, min_size=1, max_size=3).map(tuple), max_size=3),
)
def test_keywords_of_any_letters(theirs, ours, forms, inside):
    from phototag.metadata.merge import clean

    theirs = [word for text in theirs if (word := clean(text)) and not fold(word).startswith("phototag")]
    theirs = [unicodedata.normalize(form, word) for form, word in zip(forms, theirs, strict=False)]
    items = "".join(f"<rdf:li>{word.translate(ESCAPES)}</rdf:li>" for word in theirs)
    data = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()
    words = PhotoWords(tuple(Keyword(("thing", word), word) for word in ours), 1, carried=tuple(inside))
    merged = merge(data, words, now=NOW)
    assert merge(merged.data, words, now="later").changes == ()
    left = remove(merged.data, now=NOW).data
    assert canonical(left) == canonical(data)
    written = listed(merged.data, "dc:subject")
    assert written[: len(theirs)] == theirs
    assert {fold(clean(word)) for word in ours if clean(word)} <= {fold(word) for word in written}
    new = merge(None, words, now=NOW).data
    if new is not None:
        assert merge(new, words, now="later").changes == ()
        for field, (_, separator) in HIERARCHICAL.items():
            paths = [path.split(separator) for path in listed(new, field)]
            assert all(len(path) == 3 for path in paths if path[0] == "phototag")
            assert len(paths) <= len(ours) + len(inside)
        assert remove(new, now=NOW).data is None


ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
