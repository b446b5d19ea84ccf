import pytest

from phototag.metadata.xmp import NotXmp, dates_of, parse_xmp, simple_value

DESCRIPTION = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF></x:xmpmeta>'
NAMES = (
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:exif="http://ns.adobe.com/exif/1.0/"'
)


def packet(inner):
    return parse_xmp(DESCRIPTION.format(inner).encode())


def test_dates_as_attributes_and_as_elements_most_trustworthy_first():
    found = packet(
        f'<rdf:Description {NAMES} xmp:CreateDate="2016-05-04T03:02:01+02:00"/>'
        f"<rdf:Description {NAMES}><photoshop:DateCreated>1993-07</photoshop:DateCreated>"
        "<exif:DateTimeOriginal> 2015 </exif:DateTimeOriginal></rdf:Description>"
    )
    assert list(dates_of(found)) == ["1993-07", "2015", "2016-05-04T03:02:01+02:00"]


def test_a_property_of_something_else_is_not_the_photos():
    """A history or an ingredient has descriptions of its own, deeper down."""
    found = packet(
        f"<rdf:Description {NAMES}><xmp:Thumbnails><rdf:Description "
        'xmp:CreateDate="2001-01-01"/></xmp:Thumbnails></rdf:Description>'
    )
    assert simple_value(found, "http://ns.adobe.com/xap/1.0/", "CreateDate") is None


def test_packets_come_with_wrappers_padding_and_other_encodings():
    whole = DESCRIPTION.format(f'<rdf:Description {NAMES} xmp:CreateDate="2016"/>')
    wrapped = f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{whole}\n   \n<?xpacket end="w"?>'
    for data in (wrapped.encode() + b"\0\0", wrapped.encode("utf-16")):
        assert list(dates_of(parse_xmp(data))) == ["2016"]


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
        b"<a>" + b" " * (8 * 1024 * 1024) + b"</a>",
        b"\xff\xfe<\0a",
        b'<?xml version="1.0" encoding="nonsense"?><a/>',
    ],
)
def test_what_is_no_packet_or_a_dangerous_one_is_refused(data):
    with pytest.raises(NotXmp):
        parse_xmp(data)
