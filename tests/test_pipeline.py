"""The pipeline with tiny real taggers over real frames."""

import gc
import threading
import time
import weakref

import numpy as np
import pytest

from phototag.errors import TaggerBroken
from phototag.pipeline import run
from phototag.records import Frame, Job, PhotoFacts, PhotoFile, Tag, Unreadable
from phototag.stopping import Stop


def decoded(count, taggers=("bright",), unreadable=()):
    for i in range(count):
        job = Job(i, PhotoFile("/r", f"{i}.jpg", 1, 1), tuple(taggers))
        pixels = np.full((8 + i, 10, 3), i * 10 % 256, np.uint8)
        frame = Unreadable(i, "cut short") if i in unreadable else Frame(i, pixels, 10, 8 + i)
        yield job, PhotoFacts(i, f"hash{i}", 10, 8 + i), frame


def bright(frames):
    return [[Tag("bright", float(frame.pixels.mean()) / 255)] for frame in frames]


def picky(bad):
    def tag(frames):
        if any(frame.photo_id in bad for frame in frames):
            raise RuntimeError("cannot\nlook at this")
        return bright(frames)

    return tag


def outcomes(batches):
    return {(o.photo_id, o.tagger): o for batch in batches for o in batch.outcomes}


def test_every_photo_gets_every_pending_answer_in_order():
    batches = list(run(decoded(10), {"bright": bright}, {}, batch_size=4))
    assert [len(batch.facts) for batch in batches] == [4, 4, 2]
    assert {key: round(o.tags[0].score * 255) for key, o in outcomes(batches).items()} == {
        (i, "bright"): i * 10 for i in range(10)
    }


def test_one_bad_photo_costs_one_recorded_answer():
    found = outcomes(run(decoded(10), {"bright": picky({3})}, {}, batch_size=8))
    assert found[3, "bright"].error == "cannot look at this"
    assert [o.error for o in found.values()].count(None) == 9


def test_an_unreadable_photo_is_recorded_once_and_not_tagged():
    found = outcomes(run(decoded(3, unreadable={1}), {"bright": bright}, {}, batch_size=8))
    assert set(found) == {(0, "bright"), (1, "decode"), (2, "bright")}
    assert found[1, "decode"].error == "cut short"


def broken(frames):
    raise RuntimeError("cannot\nlook at anything")


@pytest.mark.parametrize("photos", [1, 2, 6])
def test_a_tagger_that_fails_on_everything_stops_the_run_and_keeps_nothing_of_the_batch(photos):
    batches, answered = [], []

    def worn_out(frames):
        if answered:
            broken(frames)
        answered.extend(frames)
        return bright(frames)

    with pytest.raises(TaggerBroken, match="'bright' failed on every photo"):
        batches.extend(run(decoded(3 + photos), {"bright": worn_out}, {}, batch_size=3))
    assert len(batches) == 1


@pytest.mark.parametrize("photos", [1, 2, 16])
def test_bad_photos_alone_are_the_photos_fault(photos):
    found = outcomes(run(decoded(photos), {"bright": picky(set(range(photos)))}, {}, 16))
    assert [outcome.error for outcome in found.values()] == ["cannot look at this"] * photos


def test_a_tagger_that_needs_others_is_asked_about_a_blank_picture_with_their_answers():
    def count(frames):
        if any(frame.answers["bright"] for frame in frames):
            raise RuntimeError("cannot count these")
        return [[] for _ in frames]

    jobs = decoded(2, ("bright", "count"))
    found = outcomes(run(jobs, {"bright": bright, "count": count}, {"count": ["bright"]}, 4))
    assert found[1, "count"].error == "cannot count these" and found[1, "bright"].error is None


def test_a_tagger_sees_what_it_needs_and_fails_where_that_failed():
    def echo(frames):
        return [[Tag("echo", frame.answers["bright"][0].score)] for frame in frames]

    found = outcomes(
        run(decoded(4, ("bright", "echo")), {"bright": picky({2}), "echo": echo}, {"echo": ["bright"]}, 4)
    )
    assert found[1, "echo"].tags[0].score == found[1, "bright"].tags[0].score
    assert found[2, "echo"].error == "needs the answer of bright, which failed"


def test_only_pending_answers_are_asked_for():
    asked = []

    def spy(frames):
        asked.extend(frame.photo_id for frame in frames)
        return bright(frames)

    jobs = (
        (job if job.photo_id % 2 else Job(job.photo_id, job.file, ()), facts, frame)
        for job, facts, frame in decoded(6)
    )
    list(run(jobs, {"bright": spy}, {}, 4))
    assert asked == [1, 3, 5]


def test_a_tagger_with_too_few_answers_is_caught():
    with pytest.raises(TaggerBroken, match="gave 0 answers"):
        list(run(decoded(2), {"bright": lambda frames: []}, {}, 4))


def test_ctrl_c_passes_through():
    def interrupted(frames):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run(decoded(2), {"bright": interrupted}, {}, 4))


def test_several_threads_keep_the_order_and_ask_for_photos_in_one_thread():
    readers, workers, prepared = set(), set(), []
    together = threading.Barrier(2)

    def watched():
        for each in decoded(40):
            readers.add(threading.get_ident())
            yield each

    def slow_at_first(frames):
        if not workers or threading.get_ident() not in workers:
            workers.add(threading.get_ident())
            together.wait(10)  # ends only if two threads are at it at once
        return bright(frames)

    batches = list(
        run(
            watched(),
            {"bright": slow_at_first},
            {},
            8,
            tagging_threads=2,
            prepare=lambda: prepared.append(threading.get_ident()),
        )
    )
    assert [len(batch.jobs) for batch in batches] == [4] * 10
    assert [job.photo_id for batch in batches for job in batch.jobs] == list(range(40))
    assert len(outcomes(batches)) == 40
    assert readers == {threading.get_ident()} and workers == set(prepared) and len(workers) == 2


def test_shares_get_smaller_towards_the_end_and_leave_nobody_out():
    shares = [
        len(batch.facts)
        for batch in run(decoded(50), {"bright": bright}, {}, 24, tagging_threads=2, expected=50)
    ]
    assert shares == [12, 10, 7, 6, 4, 4, 4, 3]
    for expected in (0, 20, 90):  # photos may come or go while others are looked at
        assert (
            len(outcomes(run(decoded(50), {"bright": bright}, {}, 24, tagging_threads=2, expected=expected)))
            == 50
        )
    assert [
        len(batch.facts) for batch in run(decoded(50), {"bright": bright}, {}, 24, tagging_threads=2)
    ] == [
        12,
        12,
        12,
        12,
        2,
    ]
    assert [len(batch.facts) for batch in run(decoded(50), {"bright": bright}, {}, 24, expected=50)] == [
        24,
        24,
        2,
    ]


def test_a_stop_begins_nothing_more_and_loses_nothing_begun():
    asked, stop, taken = [], threading.Event(), []

    def spy(frames):
        asked.extend(frame.photo_id for frame in frames)
        if len(asked) >= 8:
            stop.set()
        return bright(frames)

    def watched():
        for each in decoded(100):
            taken.append(each)
            yield each

    batches = list(run(watched(), {"bright": spy}, {}, 4, tagging_threads=2, stop=Stop(stop.is_set)))
    assert sorted(asked) == [job.photo_id for batch in batches for job in batch.jobs]
    assert 8 <= len(asked) <= 16 and len(taken) < 30


def test_frames_are_let_go_while_the_next_ones_are_decoded():
    alive = []

    def watched():
        for number, (job, facts, frame) in enumerate(decoded(60)):
            alive.append(weakref.ref(frame.pixels))
            if number == 59:
                gc.collect()
                assert sum(pixels() is not None for pixels in alive) <= 3 * 4, (
                    "two batches and the one being put together"
                )
            yield job, facts, frame
            del frame

    assert len(outcomes(run(watched(), {"bright": bright}, {}, 4))) == 60


def test_a_broken_tagger_stops_all_threads():
    with pytest.raises(TaggerBroken, match="cannot\\nlook at anything"):
        list(run(decoded(40), {"bright": broken}, {}, 8, tagging_threads=3))


def test_what_cannot_end_in_time_is_given_up():
    stop, let_go = threading.Event(), threading.Event()

    def endless(frames):
        stop.set()
        let_go.wait(60)
        return bright(frames)

    began = time.monotonic()
    assert list(run(decoded(8), {"bright": endless}, {}, 2, stop=Stop(stop.is_set))) == []
    assert time.monotonic() - began < 2
    let_go.set()
