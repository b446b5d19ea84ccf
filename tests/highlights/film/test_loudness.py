"""Loudness against FFmpeg's own meter, which implements the same recommendation independently."""

import numpy as np
import pytest

from phototag.highlights.film import loudness
from phototag.highlights.film.loudness import RATE

av = pytest.importorskip("av", reason="films need PyAV: pip install 'phototag[film]'")


def measure(sound: np.ndarray) -> tuple[float, float]:
    """Integrated loudness in LUFS and true peak, by FFmpeg's ebur128 filter."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=RATE, format="fltp", layout="stereo")
    meter, sink = graph.add("ebur128", "peak=true:metadata=1"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    said: dict[str, str] = {}
    for start in range(0, len(sound), 4800):
        part = np.ascontiguousarray(sound[start : start + 4800].T)
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE, start
        source.push(frame)
        try:
            while True:
                said = dict(sink.pull().metadata)
        except (BlockingIOError, av.error.EOFError):
            pass
    return float(said["lavfi.r128.I"]), float(said["lavfi.r128.true_peak"])


def noise(seconds: float, level: float) -> np.ndarray:
    wave = np.random.RandomState(1).normal(0, level, (round(seconds * RATE), 2))
    return wave.astype(np.float32)


def tone(seconds: float, hertz: float, level: float) -> np.ndarray:
    wave = level * np.sin(np.arange(round(seconds * RATE)) * 2 * np.pi * hertz / RATE)
    return np.stack([wave, wave], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    "sound",
    [
        noise(5, 0.1),
        tone(7, 60, 0.3),
        tone(7, 997, 0.1),
        tone(7, 8000, 0.1),
        np.concatenate([noise(4, 0.2), noise(6, 0.0005)]),  # the second half is too soft to count
    ],
)
def test_loudness_is_that_of_ffmpegs_meter(sound):
    assert loudness.loudness(sound) == pytest.approx(measure(sound)[0], abs=0.1)


def test_it_is_brought_to_16_lufs_and_never_clips():
    rare = noise(6, 0.01)
    rare[RATE : RATE * 5 : RATE // 2] = 0.9  # clicks: peaks far above the rest
    for sound in (noise(5, 0.003), noise(5, 0.5), tone(6, 440, 0.9), rare):
        made = loudness.bring_to(sound.copy())
        found, peak = measure(made)
        assert found == pytest.approx(loudness.TARGET_LUFS, abs=0.6)
        assert np.abs(made).max() <= loudness.CEILING + 1e-6 and peak < 1.0


def test_silence_stays_silence_and_gain_has_a_limit():
    silence = np.zeros((RATE, 2), np.float32)
    assert np.array_equal(loudness.bring_to(silence.copy()), silence) and loudness.loudness(silence) == -70
    soft = noise(5, 0.0005)
    made = loudness.bring_to(soft.copy(), most_gain=2.0)
    assert np.abs(made).max() <= 4.01 * np.abs(soft).max()
