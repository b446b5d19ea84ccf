"""How loud a sound is to people, and how it is brought to a loudness without clipping. Loudness after ITU-R
BS.1770-4: two filters that hear as ears do, blocks of 0.4 s, the quiet ones left out."""

from __future__ import annotations

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
PIECE = 1 << 18  # samples filtered at once


def loudness(sound: Sound) -> float:
    """Integrated loudness in LUFS; -70 for silence."""
    energy = np.concatenate([_energy(sound[start : start + PIECE]) for start in range(0, len(sound), PIECE)])
    if len(energy) < BLOCK:
        energy = np.pad(energy, (0, BLOCK - len(energy)))
    sums = np.concatenate(([0.0], np.cumsum(energy)))
    starts = np.arange(0, len(energy) - BLOCK + 1, HOP)
    power = (sums[starts + BLOCK] - sums[starts]) / BLOCK  # mean square of each block, both channels added
    loud = power[_lufs(power) > QUIET_LUFS]
    if not len(loud):
        return QUIET_LUFS
    loud = loud[_lufs(loud) > _lufs(loud.mean()) - QUIET_BELOW_MEAN]
    return float(_lufs(loud.mean()))


def _lufs(power: Any) -> Any:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-12))


def _energy(piece: Sound) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The square of what ears hear of a piece, both channels added. In the domain of frequencies, where the
    filters are a product; their memory is some milliseconds, so pieces may be filtered by themselves."""
    size = 2 * len(piece)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    response = np.ones_like(turn)
    for top, bottom in (SHELF, HIGH_PASS):
        response *= np.polyval(top[::-1], turn) / np.polyval(bottom[::-1], turn)
    heard = np.fft.irfft(np.fft.rfft(piece, size, axis=0) * response[:, None], size, axis=0)[: len(piece)]
    return (heard**2).sum(axis=1)  # type: ignore[no-any-return]


def bring_to(sound: Sound, target: float = TARGET_LUFS, most_gain: float = np.inf) -> Sound:
    """The sound at the loudness asked for, its peaks held below CEILING. Twice, since holding peaks makes it
    a little softer. Silence stays silence."""
    for _ in range(2):
        found = loudness(sound)
        if found <= QUIET_LUFS:
            return sound
        gain = min(10 ** ((target - found) / 20), most_gain)
        sound = limit(sound * np.float32(gain))
    return sound


def limit(sound: Sound) -> Sound:
    """Hold peaks below CEILING by turning the sound down around them, smoothly and a little ahead."""
    step = RATE // 1000
    pieces = -(-len(sound) // step)
    peaks = np.zeros((pieces, step), np.float32)
    peaks.reshape(-1)[: len(sound)] = np.abs(sound).max(axis=1)
    wanted = np.minimum(1.0, CEILING / np.maximum(peaks.max(axis=1), 1e-9))  # of each millisecond
    reach = 12  # milliseconds before and after a peak
    padded = np.pad(wanted, reach, mode="edge")
    least = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).min(axis=1)
    window = np.hanning(2 * reach - 1)
    smooth = np.convolve(np.pad(least, reach - 1, mode="edge"), window / window.sum(), mode="valid")
    # the smoothed gain still holds each peak: its window lies within what `least` has looked over
    gain = np.interp(np.arange(len(sound)), (np.arange(pieces) + 0.5) * step, smooth)
    return sound * gain.astype(np.float32)[:, None]
