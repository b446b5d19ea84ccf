"""The sound under a film: the score, or a sound file of the user's, brought to a loudness, repeated with a
cross-fade where it is too short and faded where it is cut. Finds the beats of a file, so that pictures can
change on them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from phototag.errors import PhototagError
from phototag.highlights.film.loudness import MOST_GAIN, RATE, Sound, bring_to

if TYPE_CHECKING:
    import av

# FFmpeg's names of what holds sound itself; playlists and the like name other files, and addresses.
SOUND_FORMATS = (
    "3g2,3gp,aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,eac3,flac,m4a,matroska,mj2,mov,mp3,mp4,mpc,mpc8,mpeg,"
    "mpegts,ogg,tak,tta,w64,wav,webm,wv"
)
SLOWEST_RATE, FASTEST_RATE = 4_000, 768_000  # samples a second; of fewer, a small file is hours long
LONGEST_SECONDS = 300  # held in memory, 115 MB; a longer film repeats it
CROSS_SECONDS = 2.0  # of the cross-fade where a sound begins again
# Between that of sounds that are alike (1) and not (1/2); two of loudness.CEILING then add up to 1 at most.
CROSS_POWER = 2 / 3
FADE_SECONDS = 3.0  # at the film's end
SILENCE = 10 ** (-50 / 20)  # what is softer at both ends of a file is left out
BLOCK = 1024  # samples of an AAC frame
BITS = 160_000  # a second: more is not heard
# Beats: the spectrum's rise from one hop to the next, its period, and the best path along it.
HOP, WINDOW = 512, 1024  # samples at ANALYSIS_RATE
ANALYSIS_RATE = RATE // 2
SLOW_HOPS = 43  # a second: what changes more slowly than that is no beat
LIKELY_TEMPO = 110.0  # beats a minute; twice or half of it is half as likely
TIGHTNESS = 100.0  # how much a beat may come early or late: the value of Ellis, 2007


@dataclass(frozen=True, slots=True)
class Soundtrack:
    """`sound` is (samples, 2) at RATE; `beats` are times in it, in seconds. It is repeated where a film is
    longer: its last `cross` samples then lie over its first."""

    sound: Sound
    beats: tuple[float, ...]
    cross: int = round(CROSS_SECONDS * RATE)

    @property
    def period(self) -> int:
        """Samples after which it begins again."""
        return max(1, len(self.sound) - self.cross)

    def beats_until(self, seconds: float) -> list[float]:
        """The beats of a film of that length, repeats included."""
        found: list[float] = []
        for number in range(1 + int(seconds * RATE) // self.period):
            start = number * self.period / RATE
            first = found[-1] + 0.1 if found else -1.0
            found += [start + beat for beat in self.beats if start + beat > first and start + beat <= seconds]
        return found

    def blocks(self, seconds: float) -> Generator[Sound]:
        """The whole film's sound, BLOCK by BLOCK."""
        total = round(seconds * RATE)
        fade = 0 if total == len(self.sound) else min(round(FADE_SECONDS * RATE), total // 2)
        for start in range(0, total, BLOCK):
            block = self._between(start, min(start + BLOCK, total))
            left = total - start - np.arange(len(block), dtype=np.float32)
            yield block * np.clip(left / fade, 0, 1)[:, None].astype(np.float32) if fade else block

    def _between(self, start: int, end: int) -> Sound:
        if end <= len(self.sound) - self.cross:
            return self.sound[start:end]
        places = np.arange(start, end)
        again = places % self.period
        block = self.sound[again].astype(np.float32)
        ending = again + self.period  # what of the turn before still sounds
        sounds = (places >= self.period) & (ending < len(self.sound))
        share = (again[sounds] / max(1, self.cross)).astype(np.float32)[:, None]
        block[sounds] *= share**CROSS_POWER
        block[sounds] += (1 - share) ** CROSS_POWER * self.sound[ending[sounds]]
        return block


def load(path: str, seconds: float) -> Soundtrack:
    """A sound file, as far as the film needs it, without silence at its ends, at the loudness of the score.
    Raises PhototagError where it cannot be read or holds no sound."""
    sound = _trimmed(_decoded(path, min(seconds, LONGEST_SECONDS) + 2 * CROSS_SECONDS), path)
    cross = min(round(CROSS_SECONDS * RATE), len(sound) // 4)
    sound = bring_to(sound, most_gain=MOST_GAIN)
    return Soundtrack(sound, tuple(find_beats(sound)), cross)


def _decoded(path: str, seconds: float) -> Sound:
    import av

    with ExitStack() as opened:
        try:
            # An opened file, and no lists of others: FFmpeg would follow addresses in a name, or in a list,
            # to other files and the network.
            options = {"format_whitelist": SOUND_FORMATS, "protocol_whitelist": "none"}
            file = opened.enter_context(open(path, "rb"))
            source = opened.enter_context(av.open(file, "r", options=options))
        except av.ArgumentError as error:  # none of the formats
            raise PhototagError(f"cannot read the music {path}: {_no_sound('it')}") from error
        except (OSError, ValueError, LookupError, EOFError, av.FFmpegError) as error:
            raise PhototagError(f"cannot read the music {path}: {_reason(error)}") from error
        if not source.streams.audio:
            raise PhototagError(_no_sound(path))
        try:
            parts = _resampled(source, round(seconds * RATE))
        except (OSError, ValueError, LookupError, EOFError, av.FFmpegError) as error:
            raise PhototagError(f"the music {path} is damaged: {_reason(error)}") from error
    if not parts:
        raise PhototagError(_no_sound(path))
    sound = np.concatenate(parts, axis=1)[:, : round(seconds * RATE)].T  # (samples, 2)
    return np.nan_to_num(np.ascontiguousarray(sound, dtype=np.float32))


def _no_sound(path: str) -> str:
    return f"there is no sound in {path}; give --music a sound file such as an MP3"


def _resampled(source: av.container.InputContainer, wanted: int) -> list[Any]:
    """Arrays (2, samples) at RATE, of at least `wanted` samples together where there are as many. Raises what
    FFmpeg raises of damaged files."""
    import av

    parts: list[Any] = []
    have = 0
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
    for frame in source.decode(audio=0):
        if not SLOWEST_RATE <= frame.sample_rate <= FASTEST_RATE:
            raise ValueError(f"{frame.sample_rate:,} samples a second are no sound")
        frame.pts = None  # gaps in a file's clock are not to be heard
        for part in resampler.resample(frame):
            parts.append(part.to_ndarray())
            have += part.samples
        if have >= wanted:
            return parts
    return parts + [part.to_ndarray() for part in resampler.resample(None)]


def _trimmed(sound: Sound, path: str) -> Sound:
    loud = np.flatnonzero(np.abs(sound).max(axis=1) > SILENCE)
    if len(loud) < RATE // 10:
        raise PhototagError(
            f"there is nothing but silence in {path}; give --music another file, or --no-music"
        )
    return sound[loud[0] : loud[-1] + 1]


def find_beats(sound: Sound) -> list[float]:
    """Times at which a foot would tap, in seconds: the path of dynamic programming of Ellis, "Beat Tracking
    by Dynamic Programming" (2007). Nothing where there is no rhythm to be found."""
    rise = _onsets(sound)
    if len(rise) < 64 or not rise.any():
        return []
    period = _period(rise)
    if period is None:
        return []
    score, before = rise.copy(), np.full(len(rise), -1)
    back = np.arange(-round(2 * period), -max(1, round(period / 2)) + 1)
    cost = -TIGHTNESS * np.log(-back / period) ** 2 * rise.std() / 20
    for now in range(len(rise)):
        places = now + back
        known = places >= 0
        if known.any():
            values = score[places[known]] + cost[known]
            best = int(values.argmax())
            if values[best] > 0:
                score[now] += values[best]
                before[now] = places[known][best]
    start = len(rise) - round(period)
    beats = [start + int(score[start:].argmax())]
    while before[beats[-1]] >= 0:
        beats.append(int(before[beats[-1]]))
    return [float(beat * HOP / ANALYSIS_RATE) for beat in reversed(beats)]


def _onsets(sound: Sound) -> Any:
    """How much the spectrum rises from one hop to the next, (hops,), without its slow changes."""
    mono = sound[: len(sound) // 2 * 2].mean(axis=1).reshape(-1, 2).mean(axis=1)
    if len(mono) < WINDOW:
        return np.zeros(0)
    views = np.lib.stride_tricks.sliding_window_view(mono, WINDOW)[::HOP]
    window = np.hanning(WINDOW).astype(np.float32)
    bands = np.unique(np.geomspace(2, WINDOW // 2, 40).astype(int))
    rises, last = [], None
    for start in range(0, len(views), 512):  # in pieces: the spectra of a whole song are large
        spectrum = np.abs(np.fft.rfft(views[start : start + 512] * window, axis=1))
        levels = np.log1p(100 * np.add.reduceat(spectrum, bands[:-1], axis=1))
        first = levels[:1] if last is None else last
        rises.append(np.maximum(np.diff(levels, axis=0, prepend=first), 0).sum(axis=1))
        last = levels[-1:]
    rise = np.concatenate(rises)
    if len(rise) < SLOW_HOPS:  # less than a second has no beat
        return np.zeros(0)
    slow = np.convolve(rise, np.ones(SLOW_HOPS) / SLOW_HOPS, mode="same")
    return np.maximum(rise - slow, 0)


def _period(rise: Any) -> float | None:
    """Hops from beat to beat, from what the rises repeat after; None where they do not."""
    size = 1 << (2 * len(rise)).bit_length()
    spectrum = np.fft.rfft(rise - rise.mean(), size)
    repeats = np.fft.irfft(np.abs(spectrum) ** 2)[: len(rise)]
    lags = np.arange(1, min(len(repeats), round(60 / 50 * ANALYSIS_RATE / HOP)))
    tempos = 60 * ANALYSIS_RATE / HOP / lags
    likely = np.exp(-0.5 * np.log2(tempos / LIKELY_TEMPO) ** 2) * (tempos <= 200)
    values = repeats[lags] * likely
    best = int(values.argmax())
    if values[best] <= 0.05 * repeats[0]:
        return None
    return float(lags[best])


class Writer:
    """Adds a sound stream to a film, and gives packets for as much of it as asked."""

    def __init__(self, track: Soundtrack, film: av.container.OutputContainer, seconds: float) -> None:
        self.seconds = seconds
        self.stream: Any = film.add_stream("aac", rate=RATE, layout="stereo")
        self.stream.bit_rate = BITS
        self.blocks = track.blocks(seconds)
        self.done = 0  # samples

    def packets(self, seconds: float) -> Iterator[Any]:
        """Packets up to that time of the film."""
        import av

        while self.done < seconds * RATE:
            block = next(self.blocks, None)
            if block is None:
                return
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = RATE, self.done
            self.done += len(block)
            yield from self.stream.encode(frame)

    def rest(self) -> Iterator[Any]:
        yield from self.packets(self.seconds + 1)
        yield from self.stream.encode(None)


def nearest(times: Sequence[float], time: float) -> float:
    """The one of some ascending times that is nearest."""
    place = bisect_right(times, time)
    around = times[max(0, place - 1) : place + 1]
    return min(around, key=lambda each: abs(each - time), default=time)


def _reason(error: BaseException) -> str:
    with suppress(AttributeError):
        return error.strerror or str(error)  # type: ignore[attr-defined]
    return str(error)
