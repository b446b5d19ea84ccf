"""The film's music, composed and played by the program itself: chords and a melody after simple rules of
harmony, on instruments that are sums of sines and filtered noise. Nothing is sampled from anybody.

The same theme and number of photos give the same score. It follows the film's sections: an opening that
leaves room for the title, a build-up, a calm middle, a finale with everything, and a last chord."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import numpy as np

from phototag.highlights.film.loudness import RATE, Sound, bring_to

Mood = Literal["calm", "warm", "bright"]  # theme.MOODS
BEATS = 4  # of a bar
MAJOR = (0, 2, 4, 5, 7, 9, 11)
SUNG = 71  # the melody's middle, as a MIDI number: above the accompaniment, where phones sound best
Notes = np.ndarray[Any, np.dtype[np.float32]]  # (samples,) of one voice
ECHO_SIZE = 1 << 18  # samples of a spectrum of the echo: a few seconds, some megabytes


@dataclass(frozen=True, slots=True)
class Style:
    """What a mood is made of. `tempo`: beats a minute. Chords are degrees of the scale, from 0; four bars
    each for the main part, the calm one and the last bars. `sevenths`: chords of four notes."""

    tempo: float
    keys: tuple[int, ...]  # MIDI numbers that the tonic may have
    main: tuple[tuple[int, ...], ...]
    middle: tuple[int, ...]
    sevenths: bool
    arpeggio: tuple[float, ...]  # beats on which the accompaniment plays
    drums: float  # 0: none


STYLES: dict[Mood, Style] = {
    "calm": Style(
        70, (48, 50, 53), ((0, 5, 3, 4), (0, 2, 3, 3)), (3, 2, 5, 4), True, (0, 1, 2, 3), 0.0
    ),
    "warm": Style(
        88, (48, 50, 43), ((0, 4, 5, 3), (0, 2, 3, 4)), (5, 3, 0, 4), False,
        (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5), 0.35,
    ),
    "bright": Style(
        112, (48, 50, 45), ((0, 3, 5, 4), (0, 4, 3, 4)), (3, 0, 1, 4), False,
        (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5), 0.8,
    ),
}  # fmt: skip

# Motifs of two bars: lengths in beats and steps of the scale from the phrase's first note. The last note is
# the rest of the two bars.
MOTIFS = (
    ((1.0, 0), (1.0, 1), (2.0, 2), (1.0, 1), (1.0, 0), (2.0, -1)),
    ((1.5, 0), (0.5, 1), (2.0, 2), (1.5, 4), (0.5, 3), (2.0, 2)),
    ((2.0, 0), (1.0, 2), (1.0, 1), (3.0, 0), (1.0, -2)),
    ((0.5, 0), (0.5, 1), (1.0, 2), (2.0, 4), (0.5, 3), (0.5, 2), (3.0, 1)),
    ((1.0, 2), (0.5, 1), (0.5, 0), (2.0, 1), (1.0, 0), (1.0, -1), (2.0, 0)),
)


@dataclass(frozen=True, slots=True)
class Sections:
    """Where a film's parts begin, in bars: build-up, calm middle, finale, the last chord, and the end."""

    build: int
    calm: int
    finale: int
    last: int
    bars: int

    @classmethod
    def of(cls, bars: int) -> Sections:
        """Of a film of that many bars: a short one has no calm middle."""
        last = max(1, bars - 2)
        build = min(last, max(1, round(bars * 0.1)))
        if bars < 16:
            return cls(build, last, last, last, bars)
        calm, finale = (4 * round(bars * share / 4) for share in (0.44, 0.64))
        return cls(build, calm, finale, last, bars)


def tempo_for(mood: Mood, seconds: float) -> tuple[float, int]:
    """Beats a minute and bars, so that the score is whole bars long: near the mood's own tempo."""
    bars = max(4, round(seconds * STYLES[mood].tempo / 60 / BEATS))
    return bars * BEATS * 60 / seconds, bars


def compose(mood: Mood, name: str, photos: int, seconds: float) -> Sound:
    """The score of a film of so many seconds, about the theme of that name: (samples, 2) float32 at
    RATE, at TARGET_LUFS."""
    tempo, bars = tempo_for(mood, seconds)
    score = _Score(STYLES[mood], zlib.crc32(f"{name} {photos}".encode()), tempo, bars, seconds)
    score.play()
    sound = bring_to(score.mixed())
    for instrument in (piano, strings, bass, bell):
        instrument.cache_clear()  # tens of megabytes, of no use to another score
    return sound


@dataclass(frozen=True, slots=True)
class _Played:
    """One note of the score. `start`: its first sample; `sides`: its level left and right; `echo`: how much
    of it goes into the room."""

    start: int
    note: Callable[[], Notes]
    sides: Sound
    echo: np.float32


class _Score:
    """Writes the notes down, then mixes them piece by piece: only the mix is held whole."""

    def __init__(self, style: Style, seed: int, tempo: float, bars: int, seconds: float) -> None:
        self.style, self.dice = style, Random(seed)
        self.beat = 60 / tempo  # seconds
        self.sections = Sections.of(bars)
        self.tonic = self.dice.choice(style.keys)
        self.samples = round(seconds * RATE)
        self.notes: list[_Played] = []

    # -- harmony

    def degree(self, bar: int) -> int:
        """The chord of a bar. The last chord is the tonic, after the dominant."""
        cut = self.sections
        if bar >= cut.last:
            return 0
        if bar == cut.last - 1:
            return 4
        if cut.calm <= bar < cut.finale:
            return self.style.middle[(bar - cut.calm) % 4]
        main = self.style.main[bar // 8 % 2 if bar < cut.calm else 0]
        return main[bar % 4]

    def pitch(self, step: int) -> int:
        """MIDI number of a step of the scale, counted from the tonic."""
        return self.tonic + 12 * (step // 7) + MAJOR[step % 7]

    def chord(self, bar: int) -> list[int]:
        """Steps of the chord's notes."""
        degree = self.degree(bar)
        steps = [degree, degree + 2, degree + 4]
        return [*steps, degree + 6] if self.style.sevenths and bar < self.sections.last else steps

    def voicing(self, bar: int, around: int) -> list[int]:
        """The chord's notes as near as they can be to a pitch, so that chords follow each other calmly."""
        voices = []
        for step in self.chord(bar):
            pitch = self.pitch(step)
            voices.append(pitch + 12 * round((around - pitch) / 12))
        return sorted(voices)

    # -- playing

    def play(self) -> None:
        cut = self.sections
        for bar in range(cut.bars):
            self.pad(bar)
            if bar >= cut.last:
                continue
            calm = cut.calm <= bar < cut.finale
            if bar >= cut.build and not calm:
                self.bass(bar)
                self.arpeggio(bar)
                self.drums(bar)
            elif bar >= 1 or cut.build == 1:
                self.slow_chord(bar)
        self.melody()
        self.ending()

    def pad(self, bar: int) -> None:
        """Strings that hold the chord, a little into the next one."""
        rise = 0.75 if bar < self.sections.build else 1.0
        length = self.beat * BEATS * (1.15 if bar < self.sections.last else 1.0)
        for number, pitch in enumerate(self.voicing(bar, self.tonic + 16)):
            note = functools.partial(strings, pitch, round(length, 3))
            self.add(note, bar * BEATS, 0.085 * rise, 0.35 * (-1) ** number, echo=0.5)

    def bass(self, bar: int) -> None:
        root = self.pitch(self.degree(bar)) - 12
        root += 12 if root < 33 else 0  # phones cannot play what is lower
        finale = bar >= self.sections.finale
        beats = (0, 1.5, 2, 3) if finale and self.style.drums else (0, 2)
        for number, beat in enumerate(beats):
            pitch = root + (7 if number == 1 and not finale else 0)
            note = functools.partial(bass, pitch, round(self.beat * 1.6, 3))
            self.add(note, bar * BEATS + beat, 0.24, 0.0, echo=0.05)

    def arpeggio(self, bar: int) -> None:
        voices = self.voicing(bar, self.tonic + 14)
        voices = [*voices, voices[0] + 12]
        order = (0, 2, 1, 2, 3, 2, 1, 2) if self.style.drums else (0, 1, 2, 3)
        strong = 1.15 if bar >= self.sections.finale else 0.9
        for number, beat in enumerate(self.style.arpeggio):
            pitch = voices[order[number % len(order)] % len(voices)]
            accent = 1.0 if beat % 2 == 0 else 0.72
            note = functools.partial(piano, pitch, round(self.beat * 1.8, 3))
            self.add(note, bar * BEATS + beat, 0.15 * strong * accent * self.touch(), self.spread(), echo=0.3)

    def slow_chord(self, bar: int) -> None:
        """The chord rolled from below, for the opening and the calm middle."""
        for number, pitch in enumerate(self.voicing(bar, self.tonic + 14)):
            note = functools.partial(piano, pitch, round(self.beat * 4, 3))
            self.add(note, bar * BEATS + 0.06 * number, 0.17 * self.touch(), self.spread(), echo=0.45)

    def drums(self, bar: int) -> None:
        level = self.style.drums * (1.0 if bar >= self.sections.finale else 0.6)
        if not level:
            return
        for beat in (0, 2):
            self.add(kick, bar * BEATS + beat, 0.3 * level, 0.0, echo=0.03)
        for eighth in range(8):
            strength = (0.45, 0.25, 0.8, 0.25)[eighth % 4]
            self.add(shaker, bar * BEATS + eighth / 2, 0.085 * level * strength * self.touch(), 0.3, echo=0.1)

    def melody(self) -> None:
        """Phrases of two bars, in the form a a b a, then a a c a: a motif again, from another note of the
        chord, around the pitch at which people sing."""
        cut = self.sections
        first, *others = self.dice.sample(MOTIFS, 3)
        start = cut.build + (0 if cut.bars < 12 else 2)
        middle = round(7 * (SUNG - self.tonic) / 12)
        for number, bar in enumerate(range(start, cut.last - 1, 2)):
            calm = cut.calm <= bar < cut.finale
            other = number % 4 == 2
            motif = others[number // 4 % 2] if other else first
            centre = self.nearest_of_chord(bar, middle + (2 if other else 0))
            beat = 0.0
            for length, step in motif:
                here = bar + int(beat // BEATS)
                if here >= cut.last:
                    break
                wanted = centre + step
                strong = beat % 2 == 0
                wanted = self.nearest_of_chord(here, wanted) if strong else wanted
                self.sing(self.pitch(wanted), bar * BEATS + beat, length, calm, bar >= cut.finale)
                beat += length

    def nearest_of_chord(self, bar: int, step: int) -> int:
        """The chord's step nearest to one, the lower of two."""
        steps = [each % 7 for each in self.chord(bar)]
        return min(
            range(step - 3, step + 4), key=lambda each: (each % 7 not in steps, abs(each - step), each)
        )

    def sing(self, pitch: int, beat: float, length: float, calm: bool, finale: bool) -> None:
        seconds = round(self.beat * min(length + 0.5, 4), 3)
        if calm:
            note = functools.partial(bell, pitch + 12, round(seconds + 1.0, 3))
            self.add(note, beat, 0.1 * self.touch(), 0.15, echo=0.7)
            return
        self.add(functools.partial(piano, pitch, seconds), beat, 0.3 * self.touch(), 0.05, echo=0.35)
        if finale:
            self.add(functools.partial(bell, pitch + 12, seconds), beat, 0.05, -0.25, echo=0.6)
            self.add(functools.partial(strings, pitch, seconds), beat, 0.05, 0.1, echo=0.5)

    def ending(self) -> None:
        """The tonic, rolled upwards, and left to ring."""
        rest = (self.sections.bars - self.sections.last) * BEATS * self.beat
        steps = (-7, -3, 0, 2, 4, 7, 9)
        for number, step in enumerate(steps):
            beat = self.sections.last * BEATS + 0.25 * number
            note = functools.partial(piano, self.pitch(step + 7), round(rest, 3))
            self.add(note, beat, 0.26, 0.1 * (number - 3), echo=0.6)
        note = functools.partial(bell, self.pitch(14), round(rest, 3))
        self.add(note, self.sections.last * BEATS + 2, 0.08, 0.0, echo=0.8)

    def touch(self) -> float:
        """A hand is never twice as strong."""
        return 0.88 + 0.24 * self.dice.random()

    def spread(self) -> float:
        return 0.5 * (self.dice.random() - 0.5)

    def add(self, note: Callable[[], Notes], beat: float, level: float, side: float, echo: float) -> None:
        """Write down a note at a beat; `side` from -1 (left) to 1; `echo`: how much goes into the room."""
        late = 0.008 * self.dice.random() if beat % 1 else 0.0
        start = round((beat * self.beat + late) * RATE)
        sides = np.array([np.cos((side + 1) * np.pi / 4), np.sin((side + 1) * np.pi / 4)], np.float32)
        self.notes.append(_Played(start, note, np.float32(level) * sides, np.float32(echo)))

    def mixed(self) -> Sound:
        """All notes and the room's answer to them, (samples, 2)."""
        answers, longest = _answers()
        sound = np.zeros((self.samples, 2), np.float32)
        waiting = sorted(self.notes, key=lambda each: each.start, reverse=True)
        sounding: list[tuple[_Played, Notes]] = []
        for start in range(0, self.samples, longest):
            end = min(start + longest, self.samples)
            while waiting and waiting[-1].start < end:
                played = waiting.pop()
                sounding.append((played, played.note()))
            room = np.zeros((end - start, 2), np.float32)
            for played, note in sounding:
                first, last = max(start, played.start), min(end, played.start + len(note))
                stereo = note[first - played.start : last - played.start, None] * played.sides
                sound[first:last] += stereo
                room[first - start : last - start] += stereo * played.echo
            sounding = [(played, note) for played, note in sounding if played.start + len(note) > end]
            for side, answer in enumerate(answers):
                heard = np.fft.irfft(np.fft.rfft(room[:, side], ECHO_SIZE) * answer, ECHO_SIZE)
                sound[start : start + ECHO_SIZE, side] += heard[: self.samples - start]
        fade = min(len(sound), round(1.2 * RATE))
        sound[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None] ** 1.5
        return sound


# -- instruments: one note each, (samples,) float32, peak about 1


def _hertz(pitch: int) -> float:
    return float(440 * 2 ** ((pitch - 69) / 12))


def _times(seconds: float) -> Notes:
    return np.arange(round(seconds * RATE), dtype=np.float32) / np.float32(RATE)


def _let_go(note: Notes, seconds: float) -> Notes:
    """Fade the end, so that no note breaks off."""
    fade = min(len(note), round(seconds * RATE))
    note[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return note


@functools.lru_cache(maxsize=24)
def piano(pitch: int, seconds: float) -> Notes:
    """A felted piano: partials a little sharp, as of stiff strings; high ones die away first."""
    time, base = _times(seconds), _hertz(pitch)
    note = np.zeros_like(time)
    for partial in range(1, 9):
        hertz = base * partial * np.sqrt(1 + 0.0004 * partial**2)
        if hertz > 12_000:
            break
        decay = 0.9 + 0.55 * partial * (base / 260) ** 0.5
        strength = np.exp(-0.62 * (partial - 1)) * (0.6 if partial % 7 == 0 else 1)
        beating = 1 + 0.12 * np.cos(2 * np.pi * 0.7 * partial * time)  # two strings, not quite in tune
        note += strength * np.exp(-decay * time) * beating * np.sin(2 * np.pi * hertz * time)
    hammer = _noise(1600)[: len(note)] * np.exp(-np.linspace(0, 9, min(1600, len(note)), dtype=np.float32))
    note[: len(hammer)] += 0.035 * _softened(hammer, 14)
    rise = min(len(note), round(0.006 * RATE))
    note[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    return _let_go((note / 1.9).astype(np.float32), 0.12)


@functools.lru_cache(maxsize=12)
def strings(pitch: int, seconds: float) -> Notes:
    """Three players not quite in tune, who begin and end softly."""
    time, base = _times(seconds), _hertz(pitch)
    note = np.zeros_like(time)
    for player, detune in enumerate((0.9975, 1.0, 1.0028)):
        sway = 0.0016 * np.sin(2 * np.pi * (4.6 + 0.3 * player) * time + player)
        phase = 2 * np.pi * base * detune * time + base * detune * sway
        for partial in range(1, 8):
            if base * partial > 5000:
                break
            note += np.sin(partial * phase + player * partial) / partial**1.7
    rise = min(len(note), round(0.35 * min(seconds, 2.0) * RATE))
    note[:rise] *= np.sin(np.linspace(0, np.pi / 2, rise, dtype=np.float32)) ** 2
    return _let_go((note / 4.5).astype(np.float32), 0.3 * seconds)


@functools.lru_cache(maxsize=8)
def bass(pitch: int, seconds: float) -> Notes:
    time, base = _times(seconds), _hertz(pitch)
    note = np.sin(2 * np.pi * base * time) + 0.4 * np.sin(4 * np.pi * base * time) * np.exp(-2.5 * time)
    note += 0.15 * np.sin(6 * np.pi * base * time) * np.exp(-4 * time)
    note *= np.exp(-1.3 * time) * np.minimum(1, time / 0.012)
    return _let_go((note / 1.4).astype(np.float32), 0.15)


@functools.lru_cache(maxsize=8)
def bell(pitch: int, seconds: float) -> Notes:
    """A glockenspiel: partials of a free bar."""
    time, base = _times(seconds), _hertz(pitch)
    note = np.zeros_like(time)
    for ratio, strength, decay in ((1.0, 1.0, 2.2), (2.756, 0.35, 5.0), (5.404, 0.12, 9.0)):
        if base * ratio < 14_000:
            note += strength * np.exp(-decay * time) * np.sin(2 * np.pi * base * ratio * time)
    note *= np.minimum(1, time / 0.003)
    return _let_go((note / 1.3).astype(np.float32), 0.2)


@functools.lru_cache(maxsize=1)
def kick() -> Notes:
    time = _times(0.3)
    hertz = 48 + 70 * np.exp(-28 * time)
    note = np.sin(2 * np.pi * np.cumsum(hertz) / RATE) * np.exp(-11 * time) * np.minimum(1, time / 0.002)
    return _let_go(note.astype(np.float32), 0.05)


@functools.lru_cache(maxsize=1)
def shaker() -> Notes:
    time = _times(0.09)
    noise = _noise(len(time))
    bright = noise - _softened(noise, 5)
    note: Notes = (bright * np.exp(-38 * time) * np.minimum(1, time / 0.012)).astype(np.float32)
    return note


def _noise(samples: int) -> Notes:
    """The same at every call; RandomState's stream is promised to stay as it is for ever."""
    return np.random.RandomState(5).uniform(-1, 1, samples).astype(np.float32)


def _softened(noise: Notes, width: int) -> Notes:
    return np.convolve(noise, np.ones(width, np.float32) / width, mode="same").astype(np.float32)


# -- the room


def _room() -> Sound:
    """What a hall answers to a clap: noise that dies away in a second and a half, its highs first."""
    length = round(1.6 * RATE)
    time = np.arange(length, dtype=np.float32) / RATE
    noise = np.random.RandomState(7).normal(0, 1, (length, 2)).astype(np.float32)
    answer = np.zeros_like(noise)
    for width, decay in ((3, 5.5), (9, 4.2), (27, 3.4)):
        band = np.stack([_softened(noise[:, side], width) for side in (0, 1)], axis=1)
        answer += band * np.exp(-decay * time)[:, None]
    answer[: round(0.012 * RATE)] = 0
    answer /= np.sqrt((answer**2).sum(axis=0))
    return answer


def _answers() -> tuple[list[Any], int]:
    """The spectra of the room's answer, left and right, and of how many samples at once products with them
    are the echo."""
    answer = _room()
    spectra = [np.fft.rfft(answer[:, side], ECHO_SIZE) for side in (0, 1)]
    return spectra, ECHO_SIZE - len(answer) + 1


def beats_of(mood: Mood, seconds: float) -> Sequence[float]:
    """The times of a score's beats, in seconds."""
    tempo, bars = tempo_for(mood, seconds)
    return [beat * 60 / tempo for beat in range(bars * BEATS + 1)]
