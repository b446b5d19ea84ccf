import pytest

from phototag.metadata.xmp import NotXmp, parse_xmp, properties_of
from phototag.metadata.xmp_fields import metadata_of, read_packets, read_xmp

DESCRIPTION = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF></x:xmpmeta>'
NAMES = (
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:exif="http://ns.adobe.com/exif/1.0/"'
)


def packet(inner):
    return parse_xmp(DESCRIPTION.format(inner).encode())


def dates_of(found):
    return metadata_of(properties_of(found)).dates


def test_dates_as_attributes_and_as_elements_most_trustworthy_first():
    found = packet(
        f'<rdf:Description {NAMES} xmp:CreateDate="2016-05-04T03:02:01+02:00"/>'
        f"<rdf:Description {NAMES}><photoshop:DateCreated>1993-07</photoshop:DateCreated>"
        "<exif:DateTimeOriginal> 2015 </exif:DateTimeOriginal></rdf:Description>"
    )
    assert dates_of(found) == ("1993-07", "2015", "2016-05-04T03:02:01+02:00")


def test_a_property_of_something_else_is_not_the_photos():
    """A history or an ingredient has descriptions of its own, deeper down."""
    found = packet(
        f"<rdf:Description {NAMES}><xmp:Thumbnails><rdf:Description "
        'xmp:CreateDate="2001-01-01"/></xmp:Thumbnails></rdf:Description>'
    )
    assert dates_of(found) == ()


def test_packets_come_with_wrappers_padding_and_other_encodings():
    whole = DESCRIPTION.format(f'<rdf:Description {NAMES} xmp:CreateDate="2016"/>')
    wrapped = f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{whole}\n   \n<?xpacket end="w"?>'
    for data in (wrapped.encode() + b"\0\0", wrapped.encode("utf-16"), wrapped.encode("utf-8-sig")):
        assert read_xmp(data).dates == ("2016",)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize(
    "head",
    [
        "",
        '<?xml version="1.0" encoding="UTF-16"?>',
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>',
    ],
)
def test_packets_in_wide_characters_with_and_without_their_mark(encoding, start, head):
    whole = DESCRIPTION.format(
        f'<rdf:Description {NAMES} photoshop:City="Z\u00fcrich" xmp:CreateDate="2016"/>'
    )
    data = f"{start}{head}{whole}\n".encode(encoding)
    assert read_xmp(data).dates == read_xmp(data + b"\0" * 8).dates == ("2016",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no xml",
        b"<a><b></a>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>&undefined;</a>",
        b"<a>" * 65 + b"</a>" * 65,
        b"<a>" + b"<b/>" * 100_000 + b"</a>",
        b'<!DOCTYPE a [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&c;</a>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://localhost/x"> %x;]><a/>',
        b"<a>" + b" " * (8 * 1024 * 1024) + b"</a>",
        b"\xff\xfe<\0a",
        b'<?xml version="1.0" encoding="nonsense"?><a/>',
    ],
)
def test_what_is_no_packet_or_a_dangerous_one_is_refused(data):
    with pytest.raises(NotXmp):
        parse_xmp(data)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (b"Caf\xe9", "Café"),  # Latin letters in a packet of UTF-8
        ("Café".encode() + b"\n\x80 5", "Café € 5"),
        ("Käse".encode() + b"\n\xc4pfel", "Käse Äpfel"),  # each line is taken for what it is
        (b"a\0b\x07c", "a b c"),
        (b"a\xef\xbf\xbeb", "a b"),
    ],
)
def test_a_packet_with_letters_that_xml_does_not_know_is_read(text, title):
    said = read_xmp(
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        b' xmp:Rating="3"><dc:title>' + text + b"</dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    assert said.rating == 3
    assert said.title == title


def test_a_packet_that_is_damaged_costs_only_itself():
    good = DESCRIPTION.format(f'<rdf:Description {NAMES} xmp:Rating="4"/>').encode()
    more = DESCRIPTION.format(f'<rdf:Description {NAMES} xmp:Label="Red" xmp:Rating="1"/>').encode()
    assert read_packets((good, b"<broken", more)).rating == 4
    assert read_packets((good, b"<broken", more)).color_label == "Red"


@pytest.mark.parametrize(
    ("said", "rating"),
    [
        ('xmp:Rating="5"', 5),
        ('xmp:Rating="3.0"', 3),
        ('xmp:Rating="-1"', -1),
        ('xmp:Rating="0"', 0),
        ('xmp:Rating="9"', None),
        ('xmp:Rating="nan"', None),
        ('xmp:Rating="many"', None),
        ('xmlns:m="http://ns.microsoft.com/photo/1.0/" m:Rating="25"', 2),
        ('xmlns:m="http://ns.microsoft.com/photo/1.0/" m:Rating="99"', 5),
        ('xmlns:m="http://ns.microsoft.com/photo/1.0/" m:Rating="1" xmp:Rating="4"', 4),
    ],
)
def test_ratings(said, rating):
    assert read_xmp(DESCRIPTION.format(f"<rdf:Description {NAMES} {said}/>").encode()).rating == rating


def keywords(**fields):
    """The keywords of a packet with these lists: `dc`, `lr`, `digikam`."""
    names = {
        "dc": ("subject", "http://purl.org/dc/elements/1.1/"),
        "lr": ("hierarchicalSubject", "http://ns.adobe.com/lightroom/1.0/"),
        "digikam": ("TagsList", "http://www.digikam.org/ns/1.0/"),
    }
    inner = "".join(
        f'<x:{name} xmlns:x="{namespace}"><rdf:Bag>{"".join(f"<rdf:li>{word}</rdf:li>" for word in words)}'
        f"</rdf:Bag></x:{name}>"
        for key, words in fields.items()
        for name, namespace in [names[key]]
    )
    return read_xmp(DESCRIPTION.format(f"<rdf:Description>{inner}</rdf:Description>").encode())


def test_each_keyword_comes_once_with_its_levels():
    said = keywords(dc=["Rome", "Italy", "sun"], lr=["Places|Italy|Rome"], digikam=["Places/Italy/Rome"])
    assert said.keywords == ("Places|Italy|Rome", "sun")


def test_what_phototag_exports_is_not_read_as_a_persons_word():
    said = keywords(dc=["dog", "phototag", "my garden"], lr=["phototag|thing|dog"])
    assert said.keywords == ("my garden",)


def test_a_word_that_was_there_before_phototag_exported_the_same_is_the_persons():
    words = "".join(f"<rdf:li>{word}</rdf:li>" for word in ("dog", "cat"))
    rooted = "".join(f"<rdf:li>phototag|thing|{word}</rdf:li>" for word in ("dog", "cat"))
    ledger = '<p:ledger xmlns:p="urn:phototag:xmp:1/">{"version": 1, "words": ["cat"]}</p:ledger>'
    found = read_xmp(
        DESCRIPTION.format(
            f'<rdf:Description><dc:subject xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Bag>{words}</rdf:Bag>'
            '</dc:subject><lr:hierarchicalSubject xmlns:lr="http://ns.adobe.com/lightroom/1.0/">'
            f"<rdf:Bag>{rooted}</rdf:Bag></lr:hierarchicalSubject>{ledger}</rdf:Description>"
        )
        .replace("{{", "{")
        .encode()
    )
    assert found.keywords == ("dog",)


def test_names_of_hostile_form_become_plain_text():
    said = keywords(dc=["a\u202eb\u0085c", "  ", "x" * 5000, "&#10;line&#10;"])
    assert said.keywords == ("ab c", "x" * 200, "line")
    assert keywords(digikam=["People/Unknown", "People/Anna"]).persons == ("Anna",)


def test_what_phototag_has_exported_itself_says_nothing_new():
    """Else a name that a person takes back would come back from the sidecar."""
    from phototag.metadata.merge import Keyword, NamedFace, PhotoWords, merge
    from phototag.metadata.record import NOTHING
    from phototag.metadata.xmp_fields import read_xmp
    from phototag.records import Box

    words = PhotoWords(
        (Keyword(("thing", "dog"), "dog"), Keyword(("smiling", "everyone"), "everyone smiling")),
        6,
        (NamedFace("Anna", Box(0.1, 0.2, 0.3, 0.4)),),
        (400, 300),
        (("Places", "Rome/Lazio", "a|b"), ("beach",)),
        ("Carla",),
    )
    exported = merge(None, words, now="2026-01-01T00:00:00Z").data
    assert read_xmp(exported) == NOTHING
    renamed = exported.replace(b">Anna<", b">Anna Smith<")
    assert [region.name for region in read_xmp(renamed).regions] == ["Anna Smith"], (
        "a person's word elsewhere"
    )
