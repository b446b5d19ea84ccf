"""The music that the program composes, as far as numbers can hear it."""

import tracemalloc

import numpy as np
import pytest

from phototag.highlights import theme
from phototag.highlights.film import loudness, score
from phototag.highlights.film.loudness import RATE


@pytest.fixture(scope="module", params=theme.MOODS)
def played(request):
    return request.param, score.compose(request.param, "smiles", 12, 40.0)


def test_it_is_as_long_as_the_film_at_16_lufs_and_never_clips(played):
    _, sound = played
    assert sound.shape == (40 * RATE, 2) and sound.dtype == np.float32
    assert loudness.loudness(sound) == pytest.approx(-16, abs=0.3)
    assert np.abs(sound).max() <= loudness.CEILING + 1e-6


@pytest.mark.parametrize("mood", theme.MOODS)
def test_the_same_theme_and_number_give_the_same_and_others_something_else(mood):
    sound = score.compose(mood, "smiles", 12, 9.0)
    assert np.array_equal(score.compose(mood, "smiles", 12, 9.0), sound)
    assert not np.array_equal(score.compose(mood, "year", 12, 9.0), sound)


def test_of_a_longer_score_only_its_sound_is_held():
    peaks = []
    for seconds in (20.0, 60.0):
        tracemalloc.start()
        score.compose("calm", "smiles", 12, seconds)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 1.5 * (60 - 20) * RATE * 2 * 4, peaks


def test_moods_have_their_tempo_and_scores_are_whole_bars():
    for mood in theme.MOODS:
        for seconds in (20.0, 33.3, 120.0):
            tempo, bars = score.tempo_for(mood, seconds)
            assert bars * 4 * 60 / tempo == pytest.approx(seconds)
            assert tempo == pytest.approx(score.STYLES[mood].tempo, rel=0.12)
            beats = score.beats_of(mood, seconds)
            assert beats[0] == 0 and beats[-1] == pytest.approx(seconds) and len(beats) == 4 * bars + 1


def test_every_note_of_chords_and_melody_is_of_the_key(monkeypatch):
    """The scale has no wrong notes; on strong beats the melody sings notes of the chord."""
    for mood in theme.MOODS:
        tempo, bars = score.tempo_for(mood, 60.0)
        piece = score._Score(score.STYLES[mood], 5, tempo, bars, 60.0)
        sung = []
        monkeypatch.setattr(piece, "sing", lambda pitch, beat, *rest, sung=sung: sung.append((pitch, beat)))
        piece.melody()
        key = {(piece.tonic + step) % 12 for step in score.MAJOR}
        assert len(sung) > bars and {pitch % 12 for pitch, _ in sung} <= key
        assert all(60 <= pitch <= 84 for pitch, _ in sung)
        for pitch, beat in sung:
            if beat % 2 == 0:
                chord = {piece.pitch(step) % 12 for step in piece.chord(int(beat // 4))}
                assert pitch % 12 in chord
        last = piece.sections.last
        assert piece.degree(last) == 0 and piece.degree(last - 1) == 4  # dominant, tonic
        for bar in range(bars):
            assert {pitch % 12 for pitch in piece.voicing(bar, 60)} <= key


def test_it_grows_rests_and_ends(played):
    """Softer in the opening than in the finale; it dies away at the end, and is nowhere silent before."""
    _, sound = played
    level = [float(np.sqrt((sound[n * RATE : (n + 1) * RATE] ** 2).mean())) for n in range(40)]
    assert max(level[:2]) < 0.8 * max(level[26:36])
    assert min(level[:38]) > 0.01 and level[-1] < 0.5 * max(level)
    assert np.abs(sound[-50:]).max() < 0.01
