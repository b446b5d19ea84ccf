"""Small pictures: made once, without metadata, the newest wish first, and no more than the cache may hold."""

import io
import os
import threading

import numpy as np
import pytest
from PIL import Image

from phototag.errors import UnreadablePhoto
from phototag.reading.files import hash_file
from phototag.records import Box
from phototag.web.thumbnails import Thumbnails, Wanted

SECONDS = 30


@pytest.fixture
def photo(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera"
    exif[0x0112] = 6  # lies on its side
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (1200, 800), "orange").save(path, exif=exif)
    return str(path), hash_file(path)


def test_a_picture_is_small_upright_and_says_nothing_of_its_camera(photo, tmp_path):
    thumbnails = Thumbnails(tmp_path / "cache")
    data = thumbnails.wish(Wanted(*photo, 320)).result(SECONDS)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "WEBP" and picture.size == (213, 320)
        assert not picture.getexif() and "exif" not in picture.info
    assert b"Secret" not in data
    assert (
        thumbnails.find(Wanted("", photo[1], 320)) == data
        and thumbnails.find(Wanted("", photo[1], 1600)) is None
    )
    assert [name for _, _, files in os.walk(tmp_path / "cache") for name in files] == [f"{photo[1]}-320.webp"]


def test_only_this_user_reads_what_is_kept(photo, tmp_path):
    old = os.umask(0)
    try:
        thumbnails = Thumbnails(tmp_path / "new" / "cache" / "thumbnails")
        thumbnails.wish(Wanted(*photo, 320)).result(SECONDS)
    finally:
        os.umask(old)
    found = sorted((tmp_path / "new").rglob("*"))
    assert len(found) == 4
    for path in (tmp_path / "new", *found):
        assert path.stat().st_mode & 0o777 == (0o600 if path.is_file() else 0o700), path


def test_a_photo_that_has_changed_since_the_scan_is_shown_and_not_kept(photo, tmp_path):
    thumbnails = Thumbnails(tmp_path / "cache")
    assert thumbnails.wish(Wanted(photo[0], "0" * 64, 320)).result(SECONDS)
    assert thumbnails.find(Wanted("", "0" * 64, 320)) is None


def test_what_is_no_photo_is_told(tmp_path):
    (tmp_path / "photo.jpg").write_text("<script>")
    thumbnails = Thumbnails(tmp_path / "cache")
    with pytest.raises(UnreadablePhoto):
        thumbnails.wish(Wanted(str(tmp_path / "photo.jpg"), "0" * 64, 320)).result(SECONDS)
    with pytest.raises(UnreadablePhoto):
        thumbnails.wish(Wanted(str(tmp_path / "gone.jpg"), "0" * 64, 320)).result(SECONDS)
    with pytest.raises(UnreadablePhoto):  # a catalog of a stranger
        thumbnails.find(Wanted("", "../../etc/passwd", 320))


def test_the_newest_wish_comes_first_and_one_that_was_withdrawn_never(photo, tmp_path):
    thumbnails = Thumbnails(tmp_path / "cache")
    gates, done = [], []
    for number in range(2):  # keep both threads busy, with pipes that are no photos
        pipe = tmp_path / f"{number}.jpg"
        Image.effect_noise((4000, 3000), 50).save(pipe)
        gates.append(thumbnails.wish(Wanted(str(pipe), None, 1600)))
    lock = threading.Lock()

    def remember(number):
        def told(_):
            with lock:
                done.append(number)

        return told

    wishes = [thumbnails.wish(Wanted(*photo, 320)) for _ in range(6)]
    withdrawn = wishes[3].cancel()
    for number, wish in enumerate(wishes):
        wish.add_done_callback(remember(number))
    for wish in (*gates, *(wish for wish in wishes if not wish.cancelled())):
        wish.result(SECONDS)
    assert withdrawn and wishes[3].cancelled()
    order = [number for number in done if number != 3]
    assert order.index(5) < order.index(0)


def test_the_least_recently_used_make_room(tmp_path):
    thumbnails = Thumbnails(tmp_path / "cache", largest_bytes=40_000)
    hashes = []
    for number in range(12):
        path = tmp_path / f"{number}.png"
        Image.effect_noise((200, 150), 60 + number).save(path)
        hashes.append(hash_file(path))
        thumbnails.wish(Wanted(str(path), hashes[-1], 320)).result(SECONDS)
        os.utime(next((tmp_path / "cache").rglob(f"{hashes[-1]}*")), (number, number))
    kept = [number for number, each in enumerate(hashes) if thumbnails.find(Wanted("", each, 320))]
    files = list((tmp_path / "cache").rglob("*.webp"))
    assert 0 < len(kept) < 12 and kept == list(range(kept[0], 12))
    assert sum(file.stat().st_size for file in files) <= 40_000


def test_a_face_is_cut_out_with_some_room_around_it(tmp_path):
    picture = Image.new("RGB", (800, 600), "white")
    picture.paste("red", (400, 200, 500, 320))
    picture.save(tmp_path / "photo.png")
    box = Box(400 / 800, 200 / 600, 500 / 800, 320 / 600)
    wanted = Wanted(str(tmp_path / "photo.png"), hash_file(tmp_path / "photo.png"), 160, box)
    thumbnails = Thumbnails(tmp_path / "cache")
    data = thumbnails.wish(wanted).result(SECONDS)
    with Image.open(io.BytesIO(data)) as face:
        assert face.size == (160, 160)
        pixels = np.asarray(face.convert("RGB")).astype(int)
    red = ((pixels[..., 0] > 200) & (pixels[..., 1] < 80)).mean()
    assert red == pytest.approx(100 * 120 / 204**2, abs=0.05)
    assert thumbnails.find(wanted) == data
    assert thumbnails.find(Wanted(wanted.path, wanted.content_hash, 160, Box(0, 0, 1, 1))) is None
