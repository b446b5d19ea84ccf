"""The film: the album's photos with movement, music and dates, as H.264 and AAC in MP4 that browsers and
phones play.

One scene is decoded ahead while another is shown, so memory does not grow with their number. The film is
written under another name beside its place and moved there when it is whole."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phototag.errors import PhototagError, UsageError
from phototag.highlights import captions
from phototag.highlights.chosen import open_chosen
from phototag.highlights.film import storyboard
from phototag.highlights.film.storyboard import Storyboard
from phototag.highlights.theme import Theme
from phototag.highlights.verdict import Verdict
from phototag.outputs import MARK, check_output, picture_kind, replace_file, save_picture
from phototag.records import Box, Photo

if TYPE_CHECKING:
    from PIL import Image

    from phototag.highlights.film.frames import Pixels, Planes, Stage
    from phototag.highlights.film.soundtrack import Soundtrack

# The first that this FFmpeg has. H.264 plays everywhere; MPEG-4 part 2 on computers, but not in browsers.
ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox", "h264_nvenc", "mpeg4")
OPTIONS = {"libx264": {"preset": "veryfast", "crf": "20"}, "mpeg4": {"qscale": "4"}}
PREVIEW_OPTIONS = {"libx264": {"preset": "ultrafast", "crf": "26"}, "mpeg4": {"qscale": "8"}}
PREVIEW_HEIGHT, PREVIEW_FPS = 360, 15
BITS_PER_PIXEL = 0.08  # for encoders that know no constant quality: 5 Mbit/s at 1080p
# Of the title's time: its text stands, and a painting is one still.
POSTER_AT, COVER_QUALITY = 0.4, 85
ASPECTS = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1), "4:3": (4, 3)}
HEIGHTS = {"16:9": 1080, "9:16": 1920, "1:1": 1080, "4:3": 1080}


@dataclass(frozen=True, slots=True)
class FilmOptions:
    """How a film is made. `height`: in pixels, of the aspect's own by default. `music`: a sound
    file, instead of the score; `silent`: neither. `mood`: of the score, instead of the theme's.
    `preview`: small and fast, to look at. `made_on`: told on the end card. `places`: tell where photos were
    taken. `paint`: of the title photo's pixels (H, W, 3) and its faces makes the painted picture, of the same
    size, that the film begins with: `phototag.nets.style.paint`. `poster`: a picture file for the
    title's frame, which every film also carries as its cover."""

    height: int | None = None
    aspect: str = "16:9"
    music: str | None = None
    silent: bool = False
    mood: str | None = None
    preview: bool = False
    made_on: datetime | None = None
    places: bool = False
    force: bool = False
    paint: Callable[[Pixels, Sequence[Box]], Pixels] | None = None
    poster: Path | None = None

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels, both even."""
        wide, high = ASPECTS[self.aspect]
        preview = PREVIEW_HEIGHT * HEIGHTS[self.aspect] // 1080 if self.preview else None
        height = (self.height or preview or HEIGHTS[self.aspect]) // 2 * 2
        return 2 * round(height * wide / high / 2), height


@dataclass(frozen=True, slots=True)
class FilmReport:
    """What was made. `left_out`: how many photos did not fit into the longest film. `note`: what
    else a person should know."""

    seconds: float
    frames: int
    size_wh: tuple[int, int]
    left_out: int
    note: str | None


def check(path: Path, options: FilmOptions, is_photo: Callable[[str], bool] | None = None) -> None:
    """Everything that can be wrong before a frame is drawn; `is_photo` as for check_output. Raises
    PhototagError."""
    from phototag.highlights.theme import MOODS

    try:
        import av  # noqa: F401
    except ImportError as error:
        raise PhototagError("films need one more package: pip install 'phototag[film]'") from error
    if path.suffix.lower() not in (".mp4", ".m4v"):
        raise UsageError(f"a film's name must end in .mp4: {path}")
    if options.aspect not in ASPECTS:
        raise UsageError(f"--aspect must be one of {', '.join(ASPECTS)}, not {options.aspect!r}")
    if options.height is not None and not 120 <= options.height <= 4320:
        raise UsageError(f"--height must lie between 120 and 4320 pixels, not {options.height}")
    if options.mood is not None and options.mood not in MOODS:
        raise UsageError(f"--mood must be one of {', '.join(MOODS)}, not {options.mood!r}")
    if options.silent and (options.music or options.mood):
        raise UsageError("say either --no-music, or --music FILE or --mood")
    if options.music and options.mood:
        raise UsageError("say either --music FILE, or --mood for the program's own music")
    check_output(path, is_photo, force=options.force)
    if options.poster is not None:
        picture_kind(options.poster)
        check_output(options.poster, is_photo, force=options.force)


def make_film(
    path: Path,
    kept: Sequence[Verdict],
    theme: Theme,
    title: str,
    options: FilmOptions | None = None,
    *,
    bursts: Mapping[int, Sequence[Photo]] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FilmReport:
    """Make the film of these photos, in their order. `bursts`: other shots of a moment by the id of the photo
    that was kept of it. `progress(done, total)` counts frames. Raises PhototagError; then, and on Ctrl-C,
    nothing is left behind, and a film that was there before is still there."""
    options = options or FilmOptions()
    check(path, options)
    if not kept:
        raise PhototagError("there is no photo to make a film of")
    count = min(len(kept), storyboard.most_photos(theme.film))
    seconds = storyboard.film_seconds(count, theme.film)
    track = _soundtrack(theme, count, seconds, options)
    board = storyboard.draft(
        kept,
        theme,
        title,
        options.size_wh,
        track.beats_until(seconds) if track else (),
        bursts=bursts,
        made_on=options.made_on,
        places=options.places,
        fps=PREVIEW_FPS if options.preview else storyboard.FPS,
    )
    painted, not_painted = _painted(board, theme, options)
    with replace_file(path, force=options.force) as temporary:
        note, poster = _write(temporary, board, theme, title, options, track, painted, progress)
        if options.poster is not None:
            save_picture(poster, options.poster, force=options.force)
    notes = "\n".join(each for each in (not_painted, _not_written(board), note) if each)
    return FilmReport(board.seconds, board.frames, options.size_wh, len(board.left_out), notes or None)


def _painted(board: Storyboard, theme: Theme, options: FilmOptions) -> tuple[Pixels | None, str | None]:
    """The title's photo as a painting, at the size the film needs; or why there is none."""
    from phototag.highlights.film.frames import side_needed

    scene = board.scenes[0]
    if options.paint is None:
        return None, None
    if scene.text_at is None:
        return None, "the title is not painted: no photo fills the frame and has room for it beside the faces"
    pixels = open_chosen(scene.photos[0], side_needed(scene.shots[0]))
    return options.paint(pixels, storyboard.subjects(scene.verdicts[0], theme)), None


def _not_written(board: Storyboard) -> str | None:
    """Which characters of the film's text no font of this machine has."""
    from phototag.highlights.lettering import missing

    if not (letters := missing(line for scene in board.scenes for line in scene.lines)):
        return None
    return (
        f"no font on this machine has {letters[:20]}: left out of what the film says. "
        "Install a font that has it, such as one of Noto's, and make the film again"
    )


def _soundtrack(theme: Theme, count: int, seconds: float, options: FilmOptions) -> Soundtrack | None:
    from phototag.highlights.film import score, soundtrack
    from phototag.highlights.film.loudness import RATE

    if options.silent:
        return None
    if options.music:
        return soundtrack.load(options.music, seconds)
    mood: Any = options.mood or theme.film.mood  # one of score.MOODS: checked where it was read
    length = min(seconds, soundtrack.LONGEST_SECONDS)
    sound = score.compose(mood, theme.name, count, length)
    cross = round(soundtrack.CROSS_SECONDS * RATE) if length < seconds else 0
    return soundtrack.Soundtrack(sound, tuple(score.beats_of(mood, length)), cross)


def _write(
    temporary: Path,
    board: Storyboard,
    theme: Theme,
    title: str,
    options: FilmOptions,
    track: Soundtrack | None,
    painted: Pixels | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[str | None, Image.Image]:
    """What a person should know of the file, and the title's frame, which is its cover."""
    import av

    from phototag.highlights.film.soundtrack import Writer

    codec = next(name for name in ENCODERS if _has_encoder(name))
    known = PREVIEW_OPTIONS if options.preview else OPTIONS
    container = av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"})
    try:
        container.metadata.update(_metadata(board, title))
        stream: Any = container.add_stream(codec, rate=board.fps, options=known.get(codec, {}))
        stream.width, stream.height = options.size_wh
        stream.pix_fmt = "yuv420p"
        if codec not in known:
            stream.bit_rate = round(options.size_wh[0] * options.size_wh[1] * board.fps * BITS_PER_PIXEL)
        context = stream.codec_context
        # video range, BT.709
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1
        sound = Writer(track, container, board.seconds) if track is not None else None
        cover, poster = _add_cover(container, options.size_wh), None
        title_frame = round(POSTER_AT * board.scenes[0].last)
        chapters = _chapters(board)
        if chapters and hasattr(container, "set_chapters"):  # from PyAV 14.1 on
            container.set_chapters(chapters)
        with closing(_frames(board, theme, options.size_wh, painted)) as frames:
            for number, planes in enumerate(frames):
                frame = planes.frame()
                frame.pts = number
                container.mux(stream.encode(frame))
                if number == title_frame:
                    poster = _picture_of(frame)
                    container.mux(_cover_packet(poster, cover))
                if sound is not None:
                    container.mux(list(sound.packets(number / board.fps)))
                if progress is not None:
                    progress(number + 1, board.frames)
        container.mux(stream.encode(None))
        if sound is not None:
            container.mux(list(sound.rest()))
        container.close()
    except BaseException:
        # of a container that could not be finished; the first error is the one to tell
        with suppress(Exception):
            container.close()
        raise
    assert poster is not None  # the title is a part of every film
    note = None
    if codec == "mpeg4":
        note = (
            "this PyAV has no H.264 encoder, so the film is MPEG-4 part 2: "
            "computers play it, browsers may not"
        )
    return note, poster


def _add_cover(container: Any, size_wh: tuple[int, int]) -> Any:
    """A stream for one picture, which players and file managers show for the film."""
    from av.stream import Disposition

    stream = container.add_stream("mjpeg", rate=1)
    stream.width, stream.height = size_wh
    stream.pix_fmt = "yuvj420p"
    stream.disposition = Disposition.attached_pic
    return stream


def _picture_of(frame: Any) -> Image.Image:
    from PIL import Image

    return Image.fromarray(frame.to_ndarray(format="rgb24"))


def _cover_packet(poster: Image.Image, stream: Any) -> Any:
    import av

    data = io.BytesIO()
    poster.save(data, "JPEG", quality=COVER_QUALITY)
    packet = av.Packet(data.getvalue())
    packet.stream = stream
    packet.pts = packet.dts = 0
    return packet


def _metadata(board: Storyboard, title: str) -> dict[str, str]:
    """What players show: nothing of places or cameras."""
    dates = [photo.taken_at for scene in board.scenes for photo in scene.photos if captions.is_told(photo)]
    found = {"title": captions.visible(title), "comment": MARK}
    if dates:
        found["date"] = str(max(date.year for date in dates if date))
    return found


def _chapters(board: Storyboard) -> list[Any]:
    """One for each month, in films of several: from its first scene to the next one's."""
    starts: list[tuple[int, str]] = []
    for scene in board.scenes[:-1]:
        photo = scene.photos[0]
        if scene.kind == "title" or not (photo.taken_at and captions.is_told(photo)):
            continue
        month = "" if photo.taken_precision == "year" else f"{captions.MONTHS[photo.taken_at.month - 1]} "
        name = f"{month}{photo.taken_at.year}"
        if name not in (known for _, known in starts):
            starts.append((scene.first if starts else 0, name))
    if len(starts) < 2:
        return []
    ends = [start for start, _ in starts[1:]] + [board.frames]
    base = Fraction(1, board.fps)
    return [
        {"id": number, "start": start, "end": end, "time_base": base, "metadata": {"title": name}}
        for number, ((start, name), end) in enumerate(zip(starts, ends, strict=True))
    ]


def _frames(
    board: Storyboard, theme: Theme, size_wh: tuple[int, int], painted: Pixels | None = None
) -> Generator[Planes]:
    """Every frame of the film in turn. At most three scenes are held: one shown, one going, one being
    decoded."""
    from phototag.highlights.film.frames import Planes

    black = Planes.black(size_wh)
    fade = min(round(storyboard.FADE_OUT_SECONDS * board.fps), board.frames // 6)
    with ThreadPoolExecutor(max_workers=1) as ahead:
        waiting: Future[Stage] = ahead.submit(_stage, board, 0, theme, size_wh, painted)
        stages: dict[int, Stage] = {}
        try:
            for number, scene in enumerate(board.scenes):
                if number not in stages:
                    stages[number] = waiting.result()
                if number + 1 < len(board.scenes):
                    waiting = ahead.submit(_stage, board, number + 1, theme, size_wh)
                for frame in range(scene.first, scene.last):
                    if frame >= scene.last - board.half(number) and number + 1 not in stages:
                        stages[number + 1] = waiting.result()
                    planes = _at(board, stages, number, frame, black)
                    if frame >= board.frames - fade:
                        planes = planes.blend(black, (frame - board.frames + fade + 1) / fade)
                    yield planes
                    if number and frame >= scene.first + board.half(number - 1):
                        stages.pop(number - 1, None)  # gone: its pixels can go
                if board.half(number) == 0:
                    stages.pop(number, None)
        finally:
            waiting.cancel()


def _at(board: Storyboard, stages: Mapping[int, Stage], number: int, frame: int, black: Planes) -> Planes:
    """One frame: of a scene, or of two where one goes over into the other."""
    scene, own = board.scenes[number], stages[number].draw
    before, after = (board.half(number - 1) if number else 0), board.half(number)
    if frame >= scene.last - after:
        one, other, then = own, stages[number + 1].draw, scene.then
        share = (frame - scene.last + after + 0.5) / (2 * after)
    elif frame < scene.first + before:
        one, other, then = stages[number - 1].draw, own, board.scenes[number - 1].then
        share = (frame - scene.first + before + 0.5) / (2 * before)
    else:
        return own(frame)
    if then == "dissolve":
        return one(frame).blend(other(frame), share)
    dark = 1 - abs(2 * share - 1)
    return (one if share < 0.5 else other)(frame).blend(black, dark)


def _stage(
    board: Storyboard, number: int, theme: Theme, size_wh: tuple[int, int], painted: Pixels | None = None
) -> Stage:
    """Decode a scene's photos at the size the film needs. `painted`: the first photo as a painting."""
    import numpy as np
    from PIL import Image

    from phototag.highlights.film import align
    from phototag.highlights.film.frames import Stage, side_needed

    scene = board.scenes[number]
    face = storyboard.aligned_face(scene, theme)
    if face is not None:
        side = align.side_needed(scene.photos[0], face, size_wh)
        picture = Image.fromarray(open_chosen(scene.photos[0], side))
        return Stage(board, number, size_wh, [np.asarray(align.align(picture, face, size_wh))], keep=[()])
    pixels = [
        open_chosen(photo, side_needed(shot)) for photo, shot in zip(scene.photos, scene.shots, strict=True)
    ]
    flips = []
    for photo in scene.flips:
        with suppress(PhototagError):  # an extra: the photo itself is there
            flips.append(open_chosen(photo, side_needed(scene.shots[0])))
    keep = [storyboard.subjects(verdict, theme) for verdict in scene.verdicts]
    return Stage(board, number, size_wh, pixels, flips, keep, painted)


def _has_encoder(name: str) -> bool:
    import av

    try:
        av.codec.Codec(name, "w")
    except ValueError:
        return False
    return True
