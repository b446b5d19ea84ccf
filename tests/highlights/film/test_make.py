"""Films, small ones, checked by decoding them. Faces are marked by patches of colour, so that they
can be found again."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from phototag.errors import PhototagError
from phototag.highlights import theme as themes
from phototag.highlights.choose import choose
from phototag.highlights.film import make, score, storyboard
from phototag.highlights.film.loudness import loudness
from phototag.highlights.film.make import FilmOptions, make_film
from phototag.outputs import MARK, is_ours
from phototag.reading.files import hash_file
from phototag.records import Box, Face

av = pytest.importorskip("av", reason="films need PyAV: pip install 'phototag[film]'")

SMILES = themes.load("smiles")
QUICK = replace(SMILES, film=themes.Film(seconds_per_photo=1.5, shortest_seconds=5, longest_seconds=16))
COLOURS = [(230, 20, 20), (20, 200, 20), (40, 40, 255), (240, 220, 0), (230, 0, 230), (0, 220, 230)]
# Photo size and faces: corners, borders, groups, portrait, panorama.
SHAPES = [
    ((640, 480), [(0.02, 0.03, 0.2, 0.3)]),
    ((480, 640), [(0.3, 0.1, 0.7, 0.45)]),
    ((640, 480), [(0.1, 0.02, 0.3, 0.25), (0.7, 0.7, 0.9, 0.97)]),
    ((640, 360), [(0.75, 0.55, 0.99, 0.98)]),
    ((900, 300), [(0.02, 0.2, 0.15, 0.8), (0.85, 0.2, 0.98, 0.8)]),
    ((480, 480), [(0.4, 0.4, 0.6, 0.6)]),
]


@pytest.fixture(scope="module")
def kept(tmp_path_factory, make):
    """Six chosen photos, grey but for their faces, each of its own colour."""
    folder = tmp_path_factory.mktemp("coloured")
    photos = []
    for number, ((size, boxes), colour) in enumerate(zip(SHAPES, COLOURS, strict=True)):
        noise = np.random.default_rng(number).integers(70, 190, (size[1] // 20, size[0] // 20), np.uint8)
        picture = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).convert("RGB")
        faces = tuple(Face(Box(*box), 0.99, smile=0.99, sharpness=0.8) for box in boxes)
        for face in faces:
            left, top, right, bottom = face.box.pixels(*size)
            ImageDraw.Draw(picture).rectangle((left, top, right - 1, bottom - 1), fill=colour)
        path = folder / f"{number}.png"
        picture.save(path)
        photos.append(
            make.photo(
                str(path),
                f"2016-{2 * number + 1:02}-03 12:00:00",
                faces,
                width=size[0],
                height=size[1],
                content_hash=hash_file(path),
            )
        )
    choice = choose(photos, SMILES, make.appearance)
    assert len(choice.kept) == len(SHAPES)
    return choice.kept


@pytest.fixture(scope="module")
def tune(tmp_path_factory):
    """Thirty seconds of a steady tone, as WAV."""
    path = tmp_path_factory.mktemp("music") / "tune.wav"
    samples = (12_000 * np.sin(np.arange(30 * 22_050) * 2 * np.pi * 440 / 22_050)).astype(np.int16)
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(22_050)
        file.writeframes(samples.tobytes())
    return path


@pytest.fixture(scope="module", params=["16:9", pytest.param("9:16", marks=pytest.mark.slow)])
def made(request, kept, tmp_path_factory):
    path = tmp_path_factory.mktemp("films") / "smiles.mp4"
    seen = []
    options = FilmOptions(height=180 if request.param == "16:9" else 320, aspect=request.param)
    report = make.make_film(
        path, kept, QUICK, "Smiles 2016", options, progress=lambda done, total: seen.append((done, total))
    )
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert seen == [(number + 1, report.frames) for number in range(report.frames)]
    return path, report, frames


def board_of(kept, size_wh):
    seconds = storyboard.film_seconds(len(kept), QUICK.film)
    return storyboard.draft(kept, QUICK, "Smiles 2016", size_wh, score.beats_of(QUICK.film.mood, seconds))


def test_size_length_rate_and_format(made, request):
    path, report, frames = made
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        context = video.codec_context
        assert (video.width, video.height) == report.size_wh == tuple(reversed(frames[0].shape[:2]))
        assert report.size_wh in ((320, 180), (180, 320))
        assert (
            len(frames) == video.frames == report.frames == round(report.seconds * 30)
            and video.average_rate == 30
        )
        assert context.name == "h264" and context.pix_fmt == "yuv420p"
        assert container.duration / 1e6 == pytest.approx(report.seconds, abs=0.1)
        assert container.metadata["title"] == "Smiles 2016" and container.metadata["comment"] == MARK
        assert container.metadata["date"] == "2016"
        chapters = [chapter["metadata"]["title"] for chapter in container.chapters()]
        months = ["January", "March", "May", "July", "September", "November"]
        # of photos side by side the first one tells the month, and that under the title has been seen
        assert len(chapters) >= 3 and chapters == [
            f"{each} 2016" for each in months if f"{each} 2016" in chapters
        ]
    head = path.read_bytes()[:4096]
    # plays while it loads
    assert head.find(b"moov") > 0 and (head.find(b"mdat") < 0 or head.find(b"moov") < head.find(b"mdat"))
    assert [entry.name for entry in path.parent.iterdir()] == ["smiles.mp4"] and is_ours(path)


def patch_of(frame: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int, int, int] | None:
    """The bounding box of a colour in a frame, as edges."""
    near = np.abs(frame.astype(int) - colour).max(axis=2) < 70
    near &= (frame.max(axis=2).astype(int) - frame.min(axis=2)) > 90
    ys, xs = np.nonzero(near)
    return (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) if len(xs) > 20 else None


def test_every_photo_appears_and_no_face_is_cut_or_doubled_at_any_time(made, kept):
    """Where a photo stands alone in the picture, its faces are seen where the plan says, and none
    of others."""
    _, report, frames = made
    board = board_of(kept, report.size_wh)
    assert board.frames == report.frames
    width, height = report.size_wh
    seen = set()
    for number, scene in enumerate(board.scenes[:-1]):
        if scene.lines and scene.text_at is None:
            continue  # a title or card on a blurred photo
        before, after = (board.half(number - 1) if number else 0), board.half(number)
        first, last = scene.first + before + 1, scene.last - after - 1
        for frame in range(first, last, max(1, (last - first) // 5)):
            for photo, shot in zip(scene.photos, scene.shots, strict=True):
                colour = COLOURS[[verdict.photo for verdict in kept].index(photo)]
                found = patch_of(frames[frame], colour)
                assert found is not None, f"{photo.path} is not to be seen in frame {frame}"
                expected = [shot.in_frame(face.box, board.share(number, frame)) for face in photo.faces]
                union = [
                    f(edges)
                    for f, edges in zip((min, min, max, max), zip(*expected, strict=True), strict=True)
                ]
                assert np.abs(np.subtract(found, union)).max() <= 4, (number, frame, found, union)
                assert min(union[:2]) >= -0.01 and union[2] <= width + 0.01 and union[3] <= height + 0.01
                seen.add(photo.path)
    assert len(seen) == len(kept)


def test_two_faces_are_never_half_transparent_over_each_other(made, kept):
    """In the frames of a transition at most one photo's colours are to be seen."""
    _, report, frames = made
    board = board_of(kept, report.size_wh)
    for number, scene in enumerate(board.scenes[:-2]):
        after = board.scenes[number + 1]
        for frame in range(scene.last - board.half(number), scene.last + board.half(number)):
            seen = [
                {photo.path for photo in each.photos if patch_of(frames[frame], colour_of(kept, photo))}
                for each in (scene, after)
            ]
            assert not (seen[0] and seen[1]) or scene.photos == after.photos, (number, frame, seen)


def colour_of(kept, photo):
    return COLOURS[[verdict.photo for verdict in kept].index(photo)]


def test_it_begins_with_a_picture_and_ends_in_black(made):
    frames = made[2]
    light = [float(frame.mean()) for frame in frames]
    assert light[0] > 40 and light[-1] < 12
    assert frames[45].max() > 200  # white letters


def test_movement_is_smooth(made, kept):
    """Frames differ a little from one to the next, all by about as much: nothing stands still and
    then jumps."""
    _, report, frames = made
    board = board_of(kept, report.size_wh)
    number = next(n for n, scene in enumerate(board.scenes) if scene.kind == "photos")
    first = board.scenes[number].first + board.half(number - 1)
    last = board.scenes[number].last - board.half(number) - 1
    steps = [float(np.abs(frames[n + 1].astype(int) - frames[n]).mean()) for n in range(first, last)]
    assert max(steps) < 4 * (sum(steps) / len(steps)) + 0.5


def sound_of(path):
    with av.open(str(path)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1).T


def test_a_film_has_music_as_long_as_it_is_at_16_lufs_without_clipping(made):
    path, report, _ = made
    sound = sound_of(path)
    assert len(sound) / 48_000 == pytest.approx(report.seconds, abs=0.05)
    assert loudness(np.ascontiguousarray(sound)) == pytest.approx(-16, abs=0.7)
    assert np.abs(sound).max() < 1.0


def test_music_of_ones_own_is_repeated_and_silence_only_where_asked_for(kept, tune, tmp_path):
    make.make_film(tmp_path / "a.mp4", kept[:2], QUICK, "A", FilmOptions(120, music=str(tune)))
    sound = sound_of(tmp_path / "a.mp4")
    level = [float(np.abs(part).mean()) for part in np.array_split(sound, 40)]
    assert min(level[:30]) > 0.5 * max(level) and level[-1] < 0.2 * max(level)
    make.make_film(tmp_path / "b.mp4", kept[:2], QUICK, "A", FilmOptions(120, silent=True))
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert not container.streams.audio


def test_a_preview_is_small_and_has_half_the_frames(kept, tmp_path):
    report = make.make_film(tmp_path / "a.mp4", kept[:2], QUICK, "A", FilmOptions(preview=True, silent=True))
    assert report.size_wh == (640, 360) and report.frames == round(15 * report.seconds)


def test_a_burst_flips_into_the_photo_that_was_kept(kept, make_burst, tmp_path):
    verdict, shots = make_burst
    path = tmp_path / "a.mp4"
    missing = replace(shots[0], path="/nowhere/gone.jpg")  # an extra shot that went away costs nothing
    bursts = {verdict.photo.photo_id: [shots[0], missing, shots[1]]}
    make.make_film(path, [verdict, *kept[:1]], QUICK, "A", FilmOptions(120, silent=True), bursts=bursts)
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    order = [n for n in range(len(frames)) for colour in COLOURS[3:5] if patch_of(frames[n], colour)]
    assert order and order[-1] - order[0] < 16


@pytest.fixture
def make_burst(tmp_path, make):
    """A kept photo with a red face, and two other shots of it, yellow and pink."""
    photos = []
    for number, colour in enumerate((COLOURS[0], COLOURS[3], COLOURS[4])):
        picture = Image.new("RGB", (640, 360), (90, 100, 110))
        ImageDraw.Draw(picture).rectangle((250, 60, 390, 220), fill=colour)
        path = tmp_path / f"shot {number}.png"
        picture.save(path)
        face = Face(Box(250 / 640, 60 / 360, 390 / 640, 220 / 360), 0.99, smile=0.99, sharpness=0.8)
        photos.append(
            make.photo(
                str(path),
                f"2016-08-03 12:00:0{number}",
                (face,),
                width=640,
                height=360,
                content_hash=hash_file(path),
            )
        )
    theme = replace(SMILES, count=themes.Count(1, 10))
    return choose(photos[:1], theme, make.appearance).kept[0], photos[1:]


def test_a_rerun_replaces_its_own_film_with_the_same_and_no_other(kept, tmp_path):
    """The same bytes, that is, where the width divides by 64, as full HD's does; x264's assembler
    reads beyond other rows."""
    path, first = tmp_path / "a.mp4", None
    for _ in range(2):
        make.make_film(path, kept[:1], QUICK, "A", FilmOptions(144))
        first = first or path.read_bytes()
    assert path.read_bytes() == first
    other = tmp_path / "holiday.mp4"
    other.write_bytes(b"somebody's film")
    with pytest.raises(PhototagError, match=r"holiday\.mp4 is there already and phototag did not make it"):
        make.make_film(other, kept[:1], QUICK, "A", FilmOptions(120))
    assert other.read_bytes() == b"somebody's film"


def test_mistakes_are_told_before_a_frame_is_drawn(kept, tmp_path, tune):
    for path, words, options in (
        ("a.avi", "must end in .mp4", {}),
        ("no/folder/a.mp4", "there is no folder", {}),
        ("a.mp4", "--aspect must be one of", {"aspect": "3:1"}),
        ("a.mp4", "--height must lie between", {"height": 10}),
        ("a.mp4", "--mood must be one of calm, warm, bright", {"mood": "sad"}),
        ("a.mp4", "either --no-music", {"silent": True, "mood": "calm"}),
        ("a.mp4", "either --music FILE, or --mood", {"music": "a.mp3", "mood": "calm"}),
        ("a.mp4", "cannot read the music", {"music": str(tmp_path / "none.mp3")}),
        ("a.mp4", "cannot read the music", {"music": kept[0].photo.path + ".toml"}),
        ("a.mp4", "there is no sound in", {"music": kept[0].photo.path}),
    ):
        with pytest.raises(PhototagError, match=words):
            make.make_film(tmp_path / path, kept, QUICK, "A", FilmOptions(**{"height": 120, **options}))
    with pytest.raises(PhototagError, match="no photo"):
        make.make_film(tmp_path / "a.mp4", (), QUICK, "A", FilmOptions(120))
    assert list(tmp_path.iterdir()) == []


def test_a_photo_gone_in_mid_film_leaves_nothing(kept, tmp_path):
    gone = replace(kept[3], photo=replace(kept[3].photo, path="/nowhere/gone.jpg"))
    with pytest.raises(PhototagError, match=r"/nowhere/gone\.jpg was chosen"):
        make.make_film(tmp_path / "a.mp4", [*kept[:3], gone], QUICK, "A", FilmOptions(120))
    assert list(tmp_path.iterdir()) == []


SCRIPT = """
import pickle, sys, resource
from pathlib import Path
from phototag.errors import PhototagError
from phototag.highlights import theme
from phototag.highlights.film import make
kept = pickle.loads(Path(sys.argv[2]).read_bytes())
if sys.argv[3] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
def progress(done, total):
    if done == 40:
        print("drawing", flush=True)
try:
    options = make.FilmOptions(240)
    make.make_film(Path(sys.argv[1]), kept, theme.load("smiles"), "A", options, progress=progress)
except PhototagError as error:
    print(error)
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.parametrize("how", ["full", pytest.param("ctrl-c", marks=pytest.mark.slow)])
def test_a_full_disk_or_ctrl_c_in_mid_film_leaves_nothing_and_the_old_film(kept, tmp_path, how):
    """The disk is stood in for by a limit on file size, under which writing fails in the middle just so."""
    import pickle

    (tmp_path / "kept").write_bytes(pickle.dumps([*kept] * 3))
    path = tmp_path / "films" / "a.mp4"
    path.parent.mkdir()
    make.make_film(path, kept[:1], QUICK, "Old", FilmOptions(120))
    old = path.read_bytes()
    running = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path), str(tmp_path / "kept"), how],
        stdout=subprocess.PIPE,
        text=True,
    )
    if how == "ctrl-c":
        assert running.stdout.readline() == "drawing\n"
        time.sleep(0.2)
        os.kill(running.pid, signal.SIGINT)
    said = running.communicate(timeout=120)[0]
    if how == "ctrl-c":
        assert said == "stopped\n"
    else:
        assert f"cannot write {path}: " in said and "Nothing half made is left" in said
    assert [entry.name for entry in path.parent.iterdir()] == ["a.mp4"] and path.read_bytes() == old


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_photos(kept, tmp_path):
    """Peak memory of a film of 120 photos against one of 20, in processes of their own. The longer one
    holds 52 seconds more of music, 20 MB; half as much again is the bound."""
    import pickle

    (tmp_path / "kept").write_bytes(pickle.dumps(list(kept[:5])))
    script = """
import pickle, sys, resource
from pathlib import Path
from phototag.highlights import theme
from phototag.highlights.film import make
kept = pickle.loads(Path(sys.argv[2]).read_bytes()) * int(sys.argv[3])
make.make_film(Path(sys.argv[1]), kept, theme.load("smiles"), "A", make.FilmOptions(360))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    peaks = []
    for times in (4, 24):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                script,
                str(tmp_path / f"{times}.mp4"),
                str(tmp_path / "kept"),
                str(times),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 30_000, peaks  # kilobytes


def test_text_on_a_card_is_gone_before_the_photo_behind_it_is_seen(kept):
    """Letters over a face that comes out of the blur would spoil both."""
    many = [replace(kept[5], photo=replace(kept[5].photo, photo_id=n)) for n in range(12)]
    dated = [
        replace(each, photo=replace(each.photo, taken_at=each.photo.taken_at.replace(month=1 + n // 4)))
        for n, each in enumerate(many)
    ]
    board = storyboard.draft(dated, SMILES, "A", (320, 180), ())
    number = next(n for n, scene in enumerate(board.scenes) if scene.kind == "card")
    stage, scene = make._stage(board, number, SMILES, (320, 180)), board.scenes[number]
    assert stage._text_strength((scene.first + scene.last) // 2) == 1
    assert stage._text_strength(scene.last - board.half(number) // 2 + 1) < 0.2
    assert stage._text_strength(scene.first) == 0


def test_a_painting_opens_the_film_and_turns_into_its_photo(kept, tmp_path):
    """Of a hero that fills the frame: its painter here turns the picture red."""
    asked = []

    def paint(pixels, faces):
        asked.append((pixels.shape, faces))
        return np.full_like(pixels, (200, 30, 30))

    path = tmp_path / "painted.mp4"
    options = FilmOptions(120, silent=True, paint=paint)
    report = make.make_film(path, kept[:1], QUICK, "A", options)
    board = storyboard.draft(kept[:1], QUICK, "A", options.size_wh, ())
    title = board.scenes[0]
    assert title.text_at is not None and report.note is None
    (((height, width, channels), faces),) = asked
    assert width / height == pytest.approx(4 / 3, abs=0.01) and channels == 3
    assert faces == storyboard.subjects(kept[0], QUICK)
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    first, later = frames[2], frames[int(0.82 * title.last)]
    assert np.abs(first[:30].astype(int) - (200, 30, 30)).mean() < 20  # far from the title
    assert np.abs(later[:, -30:].astype(int) - (200, 30, 30)).mean() > 60


def test_the_title_is_the_films_cover_and_its_poster(kept, tmp_path):
    from av.stream import Disposition

    poster = tmp_path / "poster.jpg"
    options = FilmOptions(144, silent=True, poster=poster)
    make.make_film(tmp_path / "a.mp4", kept, QUICK, "A", options)
    with av.open(str(tmp_path / "a.mp4")) as container:
        film, cover = container.streams.video
        is_cover = [bool(each.disposition & Disposition.attached_pic) for each in (film, cover)]
        assert is_cover == [False, True]
        shown = next(container.decode(cover)).to_ndarray(format="rgb24")
    with av.open(str(tmp_path / "a.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with Image.open(poster) as picture:
        saved = np.asarray(picture.convert("RGB"))
    board = board_of(kept, options.size_wh)
    title = frames[round(0.4 * board.scenes[0].last)]
    for picture in (shown, saved):
        assert picture.shape == title.shape and np.abs(picture.astype(int) - title).mean() < 4
    assert is_ours(poster) and saved.max() > 220  # its letters
    other = tmp_path / "mine.jpg"
    other.write_bytes(b"somebody's photo")
    for path, words in ((other, "phototag did not make it"), (tmp_path / "a.bmp", "pictures are written as")):
        with pytest.raises(PhototagError, match=words):
            make.make_film(tmp_path / "b.mp4", kept, QUICK, "A", replace(options, poster=path))
    assert other.read_bytes() == b"somebody's photo" and not (tmp_path / "b.mp4").exists()


def test_a_film_says_nothing_of_places_cameras_or_folders(kept, tmp_path):
    told = replace(kept[0].photo, latitude=48.1374, longitude=11.5755, camera="Canon EOS 5D")
    path = tmp_path / "a.mp4"
    make.make_film(path, [replace(kept[0], photo=told)], QUICK, "A", FilmOptions(120, silent=True))
    content = path.read_bytes()
    for word in (b"48.13", b"11.57", b"Canon", str(tmp_path).encode(), told.path.encode()):
        assert word not in content
    with av.open(str(path)) as container:
        assert set(container.metadata) <= {
            *("title", "comment", "date", "major_brand", "minor_version", "compatible_brands", "encoder")
        }


def test_letters_that_no_font_has_are_told(kept, tmp_path):
    options = FilmOptions(120, silent=True, preview=True)
    report = make.make_film(tmp_path / "a.mp4", kept[:1], QUICK, "Smiles \U000e0fff", options)
    assert report.note and "no font on this machine has \U000e0fff:" in report.note
    assert "Install a font" in report.note


def test_a_panorama_is_seen_from_end_to_end(make, tmp_path):
    """Red at its left end, blue at its right one."""
    picture = Image.new("RGB", (1800, 450), (120, 120, 120))
    ImageDraw.Draw(picture).rectangle((0, 0, 120, 450), fill=COLOURS[0])
    ImageDraw.Draw(picture).rectangle((1680, 0, 1800, 450), fill=COLOURS[2])
    path = tmp_path / "panorama.png"
    picture.save(path)
    photo = make.photo(str(path), faces=(), width=1800, height=450, content_hash=hash_file(path))
    theme = replace(QUICK, qualify=themes.Qualify(), count=themes.Count(1, 10))
    kept = choose([photo], theme, make.appearance).kept
    film = tmp_path / "a.mp4"
    options = FilmOptions(180, silent=True)
    make_film(film, kept, theme, "A", options)
    with av.open(str(film)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    seconds = storyboard.film_seconds(1, theme.film)
    board = storyboard.draft(kept, theme, "A", options.size_wh, (), fps=30)
    assert board.seconds == seconds
    scene = next(scene for scene in board.scenes if scene.kind == "photos")
    first, last = frames[scene.first + 12], frames[scene.last - 14]
    assert patch_of(first, COLOURS[0]) and not patch_of(first, COLOURS[2])
    assert patch_of(last, COLOURS[2]) and not patch_of(last, COLOURS[0])


def test_a_film_whose_title_has_no_photo_to_paint_says_so(kept, tmp_path):
    def paint(pixels, faces):
        raise AssertionError("nothing to paint")

    options = FilmOptions(120, silent=True, preview=True, paint=paint)
    report = make.make_film(tmp_path / "a.mp4", kept[4:5], QUICK, "A", options)  # a panorama is framed
    assert report.note and "the title is not painted" in report.note
