"""Sound files under a film: their loudness, their repeats, their beats."""

import http.server
import threading
import wave

import numpy as np
import pytest

from phototag.errors import PhototagError
from phototag.highlights.film import loudness, score, soundtrack
from phototag.highlights.film.loudness import RATE

av = pytest.importorskip("av", reason="films need PyAV: pip install 'phototag[film]'")


def write(path, sound, rate=RATE):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return str(path)


def drummed(tempo: float, seconds: float) -> np.ndarray:
    """Noise like a drum on every beat, over a soft hiss."""
    dice = np.random.RandomState(3)
    sound = dice.normal(0, 0.004, (round(seconds * RATE), 2)).astype(np.float32)
    for beat in range(int(seconds * tempo / 60)):
        start = round(beat * 60 / tempo * RATE)
        part = sound[start : start + 4000]
        part += (dice.normal(0, 0.3, part.shape) * np.exp(-np.linspace(0, 8, len(part)))[:, None]).astype(
            np.float32
        )
    return sound


def whole(track, seconds):
    return np.concatenate(list(track.blocks(seconds)))


@pytest.mark.parametrize("tempo", [72, 96, 120, 140])
def test_the_beats_of_a_file_are_found(tempo):
    beats = np.array(soundtrack.find_beats(drummed(tempo, 20)))
    assert 60 / np.median(np.diff(beats)) == pytest.approx(tempo, rel=0.03)
    apart = [np.abs(np.arange(0, 20, 60 / tempo) - beat).min() for beat in beats]
    assert np.mean(np.array(apart) < 0.06) > 0.9


def test_beats_of_our_own_music_are_where_it_says():
    beats = np.array(score.beats_of("bright", 30.0))
    found = soundtrack.find_beats(score.compose("bright", "smiles", 12, 30.0))
    assert np.mean([np.abs(beats - each).min() < 0.08 for each in found]) > 0.85


def test_what_has_no_rhythm_has_no_beats_or_harmless_ones():
    assert soundtrack.find_beats(np.zeros((RATE * 5, 2), np.float32)) == []
    assert soundtrack.find_beats(np.zeros((100, 2), np.float32)) == []
    assert soundtrack.find_beats(np.ones((0, 2), np.float32)) == []


@pytest.mark.parametrize(("rate", "channels"), [(RATE, 2), (22_050, 1), (8_000, 2)])
def test_a_short_file_is_repeated_with_a_cross_fade_and_no_silence(tmp_path, rate, channels):
    tone = 0.2 * np.sin(np.arange(10 * rate) * 2 * np.pi * 440 / rate)
    silent = np.zeros(2 * rate)
    sound = np.concatenate([silent, tone, silent])  # as many files have it
    track = soundtrack.load(write(tmp_path / "a.wav", np.stack([sound] * channels, axis=1), rate), 35)
    made = whole(track, 35.0)
    assert len(made) == 35 * RATE and np.abs(made).max() <= 1.0
    level = [float(np.sqrt((made[n * RATE // 4 : (n + 1) * RATE // 4] ** 2).mean())) for n in range(140)]
    assert min(level[:125]) > 0.5 * np.median(level)  # nowhere silent, at the seams neither
    assert level[-1] < 0.2 * np.median(level)
    steps = np.abs(np.diff(made[:, 0]))
    assert steps.max() < 3 * np.percentile(steps, 99)  # no click


def test_a_long_file_is_cut_and_faded_at_the_loudness_of_the_score(tmp_path):
    hiss = np.random.RandomState(1).normal(0, 0.02, (60 * RATE, 2))
    track = soundtrack.load(write(tmp_path / "a.wav", drummed(120, 60) * 0.2 + hiss), 20)
    made = whole(track, 20.0)
    assert len(made) == 20 * RATE and np.abs(made[-200:]).max() < 0.02
    assert loudness.loudness(track.sound) == pytest.approx(-16, abs=1.5)
    beats = track.beats_until(20.0)
    assert len(beats) > 15 and beats == sorted(beats)  # of a drum in a hiss


def test_beats_go_on_where_the_file_is_repeated(tmp_path):
    track = soundtrack.load(write(tmp_path / "a.wav", drummed(120, 12)), 60)
    beats = np.array(track.beats_until(40.0))
    assert beats[-1] > 38.5 and np.diff(beats).min() > 0.05 and np.diff(beats).max() < 3


def test_files_without_sound_are_one_sentence(tmp_path):
    (tmp_path / "a.txt").write_text("no sound")
    write(tmp_path / "silent.wav", np.zeros((RATE, 1)))
    write(tmp_path / "empty.wav", np.zeros((0, 1)))
    for name, words in (
        ("none.mp3", "cannot read the music"),
        ("a.txt", "cannot read the music"),
        ("silent.wav", "nothing but silence"),
        ("empty.wav", "no sound in"),
    ):
        with pytest.raises(PhototagError, match=words):
            soundtrack.load(str(tmp_path / name), 10)


def test_music_is_one_file_and_never_an_address(tmp_path, monkeypatch):
    """FFmpeg would open addresses, and the files and addresses that a playlist names."""
    asked = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *arguments):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/a.mp3"
    monkeypatch.chdir(tmp_path)
    write("a.wav", drummed(120, 3))
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n"
    lists = {
        "near.m3u8": f"{head}a.wav\n#EXT-X-ENDLIST\n",
        "far.m3u8": f"{head}{address}\n#EXT-X-ENDLIST\n",
        "list.ffconcat": "ffconcat version 1.0\nfile a.wav\n",
        "stream.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
    for name in (*lists, address, "concat:a.wav|a.wav", "subfile,,start,0,end,90000,,:a.wav", "file:a.wav"):
        with pytest.raises(PhototagError, match="cannot read the music"):
            soundtrack.load(name, 3)
    server.shutdown()
    assert asked == []
    assert len(soundtrack.load("a.wav", 3).sound)


def test_a_file_of_one_sample_a_second_is_damaged(tmp_path):
    """A second of it would be hours of film, and gigabytes."""
    for rate in (1, 100):
        with pytest.raises(PhototagError, match=f"{rate} samples a second are no sound"):
            soundtrack.load(write(tmp_path / "a.wav", drummed(120, 0.2), rate), 3)


def test_a_file_shorter_than_any_beat_is_music_too(tmp_path):
    track = soundtrack.load(write(tmp_path / "a.wav", drummed(120, 0.4)), 3)
    assert track.beats == () and len(whole(track, 3)) >= 3 * RATE
