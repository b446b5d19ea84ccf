"""The film: the album's photos with slow movement, cross-fades and dates, as H.264 in MP4 that
browsers and phones play.

One photo is decoded ahead while another is shown, so memory does not grow with their number. The
film is written under another name beside its place and moved there when it is whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phototag.errors import PhototagError, UsageError
from phototag.highlights import captions
from phototag.highlights.chosen import open_chosen
from phototag.highlights.film import motion
from phototag.highlights.theme import Theme
from phototag.highlights.verdict import Verdict
from phototag.outputs import MARK, check_output, replace_file
from phototag.records import Box

if TYPE_CHECKING:
    from phototag.highlights.film.frames import Planes, Scene

# The first that this FFmpeg has. H.264 plays everywhere; MPEG-4 part 2 on computers, but not in browsers.
ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox", "h264_nvenc", "mpeg4")
OPTIONS = {"libx264": {"preset": "veryfast", "crf": "20"}, "mpeg4": {"qscale": "4"}}
BITS_PER_PIXEL = 0.08  # for encoders that know no constant quality: 5 Mbit/s at 1080p
ASPECTS = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1), "4:3": (4, 3)}
HEIGHTS = {"16:9": 1080, "9:16": 1920, "1:1": 1080, "4:3": 1080}


@dataclass(frozen=True, slots=True)
class FilmReport:
    """What was made. `left_out`: how many photos did not fit into the longest film. `note`: what
    else a person should know."""

    seconds: float
    frames: int
    size_wh: tuple[int, int]
    left_out: int
    note: str | None


def check(
    path: Path,
    height: int | None,
    aspect: str,
    is_photo: Callable[[str], bool] | None = None,
    *,
    force: bool = False,
) -> None:
    """Everything that can be wrong before a frame is drawn; `is_photo` and `force` as for check_output.
    Raises PhototagError."""
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise PhototagError("films need one more package: pip install 'phototag[film]'") from error
    if path.suffix.lower() not in (".mp4", ".m4v"):
        raise UsageError(f"a film's name must end in .mp4: {path}")
    if aspect not in ASPECTS:
        raise UsageError(f"--aspect must be one of {', '.join(ASPECTS)}, not {aspect!r}")
    if height is not None and not 120 <= height <= 4320:
        raise UsageError(f"--height must lie between 120 and 4320 pixels, not {height}")
    check_output(path, is_photo, force=force)


def make_film(
    path: Path,
    kept: Sequence[Verdict],
    theme: Theme,
    title: str,
    *,
    height: int | None = None,
    aspect: str = "16:9",
    music: str | None = None,
    force: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> FilmReport:
    """Make the film of these photos, in their order. `progress(done, total)` counts frames. Raises
    PhototagError; then, and on Ctrl-C, nothing is left behind, and a film that was there before is
    still there."""
    check(path, height, aspect, force=force)
    if not kept:
        raise PhototagError("there is no photo to make a film of")
    shown = _best(kept, motion.most_photos(theme.film))
    size_wh = frame_size(height, aspect)
    times = motion.timeline(len(shown), theme.film)
    with replace_file(path, force=force) as temporary:
        note = _write(temporary, shown, theme, title, size_wh, times, music, progress)
    return FilmReport(times.seconds, times.frames, size_wh, len(kept) - len(shown), note)


def frame_size(height: int | None, aspect: str) -> tuple[int, int]:
    """Width and height in pixels, both even."""
    wide, high = ASPECTS[aspect]
    height = (height or HEIGHTS[aspect]) // 2 * 2
    return 2 * round(height * wide / high / 2), height


def subjects(verdict: Verdict, theme: Theme) -> tuple[Box, ...]:
    """What must never be cut off: the eligible faces, and the things that the theme is about."""
    labels = theme.qualify.labels
    things = [
        tag.box
        for tag in verdict.photo.objects
        if tag.label in labels and tag.score >= theme.qualify.label_score and tag.box
    ]
    return (*(face.box for face in verdict.faces), *things)


def _best(kept: Sequence[Verdict], most: int) -> list[Verdict]:
    """The highest scores, in the order given."""
    ranked = sorted(range(len(kept)), key=lambda index: (-kept[index].score, index))[:most]
    return [kept[index] for index in sorted(ranked)]


def _write(
    temporary: Path,
    shown: Sequence[Verdict],
    theme: Theme,
    title: str,
    size_wh: tuple[int, int],
    times: motion.Timeline,
    music: str | None,
    progress: Callable[[int, int], None],
) -> str | None:
    import av

    from phototag.highlights.film.music import Music

    codec = next(name for name in ENCODERS if _has_encoder(name))
    container = av.open(os.fspath(temporary), "w", format="mp4", options={"movflags": "+faststart"})
    sound = None
    try:
        container.metadata.update({"title": title, "comment": MARK})
        stream: Any = container.add_stream(codec, rate=motion.FPS, options=OPTIONS.get(codec, {}))
        stream.width, stream.height = size_wh
        stream.pix_fmt = "yuv420p"
        if codec not in OPTIONS:
            stream.bit_rate = round(size_wh[0] * size_wh[1] * motion.FPS * BITS_PER_PIXEL)
        context = stream.codec_context
        # video range, BT.709
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1
        if music is not None:
            sound = Music(music, container, times.seconds)
        with closing(_frames(shown, theme, title, size_wh, times)) as frames:
            for number, planes in enumerate(frames):
                frame = planes.frame()
                frame.pts = number
                container.mux(stream.encode(frame))
                if sound is not None:
                    container.mux(list(sound.packets(number / motion.FPS)))
                progress(number + 1, times.frames)
        container.mux(stream.encode(None))
        if sound is not None:
            container.mux(list(sound.rest()))
        container.close()
    except BaseException:
        # of a container that could not be finished; the first error is the one to tell
        with suppress(Exception):
            container.close()
        raise
    finally:
        if sound is not None:
            sound.close()
    if codec == "mpeg4":
        return "this PyAV has no H.264 encoder, so the film is MPEG-4 part 2: computers play it, browsers may not"
    return None


def _frames(
    shown: Sequence[Verdict], theme: Theme, title: str, size_wh: tuple[int, int], times: motion.Timeline
) -> Iterator[Planes]:
    """Every frame of the film in turn. At most three photos are held: one shown, one fading, one
    being decoded."""
    from phototag.highlights.film.frames import Planes, title_card

    black = Planes.black(size_wh)
    with ThreadPoolExecutor(max_workers=1) as ahead:
        waiting: Future[tuple[Any, Scene]] = ahead.submit(_scene, shown[0], theme, size_wh, 0)
        try:
            picture, scene = waiting.result()
            subtitle = ", ".join(
                part
                for part in (
                    captions.count(len(shown), "photo"),
                    captions.span([each.photo for each in shown]),
                )
                if part
            )
            card = title_card(picture, size_wh, title, subtitle)
            del picture
            appear = min(times.fade, times.title - times.fade)
            for frame in range(times.starts[0]):
                yield card if frame >= appear else black.blend(card, (frame + 1) / (appear + 1))
            before: Callable[[int], Planes] | None = partial(_still, card)
            end = times.frames - min(round(motion.END_SECONDS * motion.FPS), times.frames // 6)
            for number in range(len(shown)):
                if number + 1 < len(shown):
                    waiting = ahead.submit(_scene, shown[number + 1], theme, size_wh, number + 1)
                stop = times.starts[number + 1] if number + 1 < len(shown) else times.frames
                for frame in range(times.starts[number], stop):
                    planes = scene.draw(times.share(number, frame))
                    if before is not None:
                        planes = before(frame).blend(
                            planes, (frame - times.starts[number] + 1) / (times.fade + 1)
                        )
                        if frame + 1 == times.starts[number] + times.fade:
                            before = None  # faded away: its pixels can go
                    if frame >= end:
                        planes = planes.blend(black, (frame - end + 1) / (times.frames - end))
                    yield planes
                before = partial(_moving, scene, times, number)  # the photo that fades away still moves
                if number + 1 < len(shown):
                    _, scene = waiting.result()
        finally:
            waiting.cancel()


def _still(planes: Planes, frame: int) -> Planes:
    return planes


def _moving(scene: Scene, times: motion.Timeline, number: int, frame: int) -> Planes:
    return scene.draw(times.share(number, frame))


def _scene(verdict: Verdict, theme: Theme, size_wh: tuple[int, int], number: int) -> tuple[Any, Scene]:
    """Decode a photo at the size the film needs; also a small picture of it, for the title."""
    from PIL import Image

    from phototag.highlights.film.frames import Scene, side_needed

    photo, keep = verdict.photo, subjects(verdict, theme)
    photo_wh = (photo.width or size_wh[0], photo.height or size_wh[1])
    shot = motion.plan(photo_wh, size_wh, keep, number)
    pixels = open_chosen(photo, side_needed(shot))  # (H, W, 3)
    small = Image.fromarray(pixels)
    small.thumbnail((256, 256))
    return small, Scene(pixels, shot, size_wh, captions.day(photo.taken_at), keep)


def _has_encoder(name: str) -> bool:
    import av

    try:
        av.codec.Codec(name, "w")
    except ValueError:
        return False
    return True
