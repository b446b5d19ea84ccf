"""How loud a sound is to people, and how it is brought to a loudness without clipping. Loudness after ITU-R
BS.1770-4: two filters that hear as ears do, blocks of 0.4 s, the quiet ones left out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

Sound = np.ndarray[Any, np.dtype[np.float32]]  # (samples, 2), -1 to 1

RATE = 48_000  # samples a second; what phones and browsers play without resampling
TARGET_LUFS = -16.0  # what the large platforms and phones' own films aim at
CEILING = 10 ** (-2.0 / 20)  # of a sample: AAC and the curve between samples go about 1 dB above it
MOST_GAIN = 4.0  # of music that somebody gives: beyond 12 dB up it is noise that gets loud
# Coefficients at 48 kHz from BS.1770-4, tables 1 and 2: (numerator, denominator).
SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
BLOCK, HOP = round(0.4 * RATE), round(0.1 * RATE)
QUIET_LUFS, QUIET_BELOW_MEAN = -70.0, 10.0  # what the gates leave out
PIECE = 12 * HOP  # samples worked on at once: whole hops, and whole milliseconds
LEAD = HOP  # samples heard before a piece: the filters forget within some milliseconds
MILLISECOND = RATE // 1000


def loudness(sound: Sound) -> float:
    """Integrated loudness in LUFS; -70 for silence."""
    sums = np.concatenate([_energy(sound, start) for start in range(0, len(sound), PIECE)])  # of each hop
    per_block = BLOCK // HOP
    # blocks are whole; of a sound shorter than one the rest is silence
    sums = sums[: len(sound) // HOP] if len(sound) >= BLOCK else np.pad(sums, (0, per_block - len(sums)))
    blocks = np.lib.stride_tricks.sliding_window_view(sums, per_block)
    power = blocks.sum(axis=1) / BLOCK  # mean square of each block, both channels added
    loud = power[_lufs(power) > QUIET_LUFS]
    if not len(loud):
        return QUIET_LUFS
    loud = loud[_lufs(loud) > _lufs(loud.mean()) - QUIET_BELOW_MEAN]
    return float(_lufs(loud.mean()))


def _lufs(power: Any) -> Any:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-12))


def _energy(sound: Sound, start: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The squares of what ears hear of the piece that begins at `start`, added up over both channels and each
    hop. In the domain of frequencies, where the filters are a product."""
    lead = min(start, LEAD)
    piece = sound[start - lead : start + PIECE]
    size = 2 * (LEAD + PIECE)
    sums = np.zeros(-(-(len(piece) - lead) // HOP))
    for side in (0, 1):
        heard = np.fft.irfft(np.fft.rfft(piece[:, side], size) * _hearing(size), size)[lead : len(piece)]
        sums += np.add.reduceat(heard**2, np.arange(0, len(heard), HOP))
    return sums


@lru_cache(maxsize=1)
def _hearing(size: int) -> np.ndarray[Any, np.dtype[np.complex128]]:
    """The two filters' answer to each frequency of a spectrum of `size` samples."""
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    response: np.ndarray[Any, np.dtype[np.complex128]] = np.ones_like(turn)
    for top, bottom in (SHELF, HIGH_PASS):
        response *= np.polyval(top[::-1], turn) / np.polyval(bottom[::-1], turn)
    return response


def bring_to(sound: Sound, target: float = TARGET_LUFS, most_gain: float = np.inf) -> Sound:
    """The same array, now at the loudness asked for, its peaks held below CEILING. Twice, since holding peaks
    makes it a little softer. Silence stays silence."""
    for _ in range(2):
        found = loudness(sound)
        if found <= QUIET_LUFS:
            return sound
        sound *= np.float32(min(10 ** ((target - found) / 20), most_gain))
        limit(sound)
    return sound


def limit(sound: Sound) -> None:
    """Hold peaks below CEILING, in the array itself, by turning the sound down around them, smoothly and a
    little ahead."""
    peaks = np.concatenate([_peaks(piece) for piece in _pieces(sound)])
    wanted = np.minimum(1.0, CEILING / np.maximum(peaks, 1e-9))  # of each millisecond
    reach = 12  # milliseconds before and after a peak
    padded = np.pad(wanted, reach, mode="edge")
    least = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).min(axis=1)
    window = np.hanning(2 * reach - 1)
    smooth = np.convolve(np.pad(least, reach - 1, mode="edge"), window / window.sum(), mode="valid")
    # the smoothed gain still holds each peak: its window lies within what `least` has looked over
    middles = (np.arange(len(peaks)) + 0.5) * MILLISECOND
    for number, piece in enumerate(_pieces(sound)):
        gain = np.interp(number * PIECE + np.arange(len(piece)), middles, smooth)
        piece *= gain.astype(np.float32)[:, None]


def _pieces(sound: Sound) -> Iterator[Sound]:
    """Views of the sound, PIECE by PIECE."""
    return (sound[start : start + PIECE] for start in range(0, len(sound), PIECE))


def _peaks(piece: Sound) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The largest sample of each millisecond, of either side."""
    largest = np.abs(piece).max(axis=1)
    return np.maximum.reduceat(largest, np.arange(0, len(piece), MILLISECOND))
