import pytest

from phototag.metadata.picasa import MAX_BYTES, NotPicasa, parse_picasa, read_picasa

CONTACTS = "[Contacts2]\r\n4759b81b2bac32c4=Uncle Bob;;\r\n"


def region(rectangle):
    folder = parse_picasa(f"{CONTACTS}[a.jpg]\r\nfaces=rect64({rectangle}),4759b81b2bac32c4\r\n".encode())
    regions = read_picasa(folder, "A.JPG").regions
    return [round(edge, 3) for edge in regions[0].box] if regions else None


@pytest.mark.parametrize(
    ("rectangle", "box"),
    [
        ("3333199966664ccc", [0.2, 0.1, 0.4, 0.3]),
        ("199966664ccc", [0, 0.1, 0.4, 0.3]),  # zeros in front are left out
        ("66664ccc", [0, 0, 0.4, 0.3]),
        ("0", None),
        ("66664ccc33331999", None),  # right before left
    ],
)
def test_rectangles(rectangle, box):
    assert region(rectangle) == box


def test_a_face_without_a_contact_is_nobodys():
    folder = parse_picasa(
        b"[Contacts]\nd10a8325c557b085=joe_lh,cb989580bc43a91\n[a.jpg]\n"
        b"faces=rect64(3333199966664ccc),d10a8325c557b085;rect64(1),ffffffffffffffff\n"
    )
    assert read_picasa(folder, "a.jpg").regions == ()
    assert read_picasa(folder, "b.jpg") is None


def test_old_files_are_in_the_letters_of_windows():
    folder = parse_picasa("[a.jpg]\ncaption=Fête\n".encode("cp1252"))
    assert read_picasa(folder, "a.jpg").description == "Fête"


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\0", b"[", b"[]\n=\n", b"[a.jpg]\nfaces=rect64(),\n" * 99])
def test_damage_breaks_nothing(data):
    folder = parse_picasa(data)
    said = read_picasa(folder, "a.jpg")
    assert said is None or said.regions == ()


@pytest.mark.parametrize("data", [b" " * (MAX_BYTES + 1), b"".join(b"[%d]\n" % i for i in range(100_002))])
def test_what_is_too_large_is_refused(data):
    with pytest.raises(NotPicasa):
        parse_picasa(data)
