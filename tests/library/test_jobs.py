"""Which answers are missing, what is saved, and what survives."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy
import pytest

from phototag.errors import CatalogError, UsageError
from phototag.library import Library, failures
from phototag.records import Box, Exif, Member, Outcome, PhotoFacts, Tag
from tests.catalogs import BOTH

REPOSITORY = Path(__file__).parents[2]
ALL = ("faces", "smiles", "objects")


def pending(shelf, **options):
    return {job.file.path: job.taggers for job in shelf.jobs(**options)}


@BOTH
def test_every_answer_is_missing_and_then_none(shelf, fingerprints):
    shelf.write("b/2.jpg", "a.jpg", "b/10.jpg", "b-side.jpg")
    shelf.find()
    assert list(pending(shelf)) == ["a.jpg", "b-side.jpg", "b/10.jpg", "b/2.jpg"], "by path"
    count = shelf.library.count_jobs(None, fingerprints)
    assert (count.photos, count.taggers) == (4, dict.fromkeys(ALL, 4))
    assert len(shelf.tag()) == 12
    assert pending(shelf) == {} and shelf.library.count_jobs(None, fingerprints).photos == 0


def test_a_changed_tagger_runs_alone_and_a_new_one_too(shelf, fingerprints):
    shelf.write("a.jpg", "b.jpg")
    shelf.find()
    shelf.tag()
    changed = fingerprints | {"objects": "o2"}
    assert pending(shelf, fingerprints=changed) == {"a.jpg": ("objects",), "b.jpg": ("objects",)}
    count = shelf.library.count_jobs(None, changed)
    assert (count.photos, count.taggers) == (2, {"faces": 0, "smiles": 0, "objects": 2})
    assert shelf.tag(fingerprints=changed) == [("a.jpg", "objects"), ("b.jpg", "objects")]
    assert pending(shelf, fingerprints=fingerprints | {"kinds": "k1"}) == {
        "a.jpg": ("objects", "kinds"),
        "b.jpg": ("objects", "kinds"),
    }
    assert pending(shelf, fingerprints={"decode": "d1", "faces": "f1"}) == {}
    assert shelf.sql("SELECT count(*) FROM answers") == [(6,)], "an answer replaces the earlier one"


def test_a_job_carries_the_answers_that_are_needed_and_stand(shelf, fingerprints, box):
    shelf.write("a.jpg", "b.jpg")
    shelf.find()
    face = Tag("face", 0.1 + 0.2, box, ((1 / 3, 0.1), (0.7, -0.01)))
    shelf.tag(lambda job, tagger: [face] if tagger == "faces" else [])
    shelf.library.save([], [Outcome(2, "faces", error="no")], fingerprints)
    a, b = shelf.jobs(fingerprints=fingerprints | {"smiles": "s2"})
    assert a.taggers == ("smiles",) and a.answers == {"faces": (face,)}, "to the last bit: the box is a key"
    assert b.taggers == ("smiles",) and b.answers == {}, "it failed there"
    a, _ = shelf.jobs(fingerprints=fingerprints | {"smiles": "s2", "faces": "f2"})
    assert a.taggers == ("faces", "smiles") and a.answers == {}, "it will be answered anew"
    a, _ = shelf.jobs(fingerprints={"decode": "d1", "smiles": "s2"})
    assert a.answers == {"faces": (face,)}, "not asked now, but known"


def test_scopes(shelf):
    shelf.write("2016/a.jpg", "2016-b/b.jpg", "c.jpg")
    shelf.find()
    folder = os.fspath(shelf.folder)
    assert list(pending(shelf, scope=[folder])) == ["2016-b/b.jpg", "2016/a.jpg", "c.jpg"]
    assert list(pending(shelf, scope=[f"{folder}/2016"])) == ["2016/a.jpg"]
    assert list(pending(shelf, scope=[f"{folder}/c.jpg", f"{folder}/2016-b"])) == ["2016-b/b.jpg", "c.jpg"]
    assert pending(shelf, scope=["/nowhere"]) == {}
    assert list(pending(shelf, scope=[os.fspath(shelf.tmp_path)])) == ["2016-b/b.jpg", "2016/a.jpg", "c.jpg"]


def test_a_photo_that_cannot_be_decoded_has_one_answer_and_is_done(shelf, fingerprints):
    shelf.write("a.jpg", "b.jpg")
    shelf.find()
    shelf.library.save([PhotoFacts(1, "hash")], [Outcome(1, "decode", error="truncated")], fingerprints)
    assert pending(shelf) == {"b.jpg": ALL}
    count = shelf.library.count_jobs(None, fingerprints)
    assert (count.photos, count.taggers) == (1, dict.fromkeys(ALL, 1))
    assert list(shelf.library.failures()) == [(f"{shelf.folder}/a.jpg", "decode", "truncated")]
    assert list(shelf.library.failures([f"{shelf.folder}/b.jpg"])) == []
    assert shelf.paths("failed") == ["a.jpg"] and shelf.paths("untagged") == ["a.jpg", "b.jpg"]
    assert shelf.photo("a.jpg").errors == {"decode": "truncated"}
    assert pending(shelf, fingerprints=fingerprints | {"decode": "d2"}) == {"a.jpg": ALL, "b.jpg": ALL}, (
        "a better decoder"
    )
    shelf.tag(fingerprints=fingerprints | {"decode": "d2"})
    assert shelf.photo("a.jpg").errors == {} and shelf.paths("failed") == []


def test_failures_come_page_by_page_and_may_be_cleared_meanwhile(shelf, fingerprints):
    names = [f"{n:03}.jpg" for n in range(200)]
    shelf.write(*names)
    shelf.find()
    jobs = shelf.jobs()
    facts = [PhotoFacts(job.photo_id, job.file.path, 4, 3) for job in jobs]
    broken = [Outcome(job.photo_id, name, error=f"{name} broke") for job in jobs for name in ALL]
    shelf.library.save(facts, broken, fingerprints)
    told = list(shelf.library.failures())
    assert told == [(f"{shelf.folder}/{name}", tagger, f"{tagger} broke") for name in names for tagger in ALL]
    assert len(told) > failures.PAGE, "else one page is all there is"
    seen = []
    for path, _, _ in shelf.library.failures():
        seen.append(os.path.basename(path))
        if len(seen) == 1:  # nothing is held open: another may write
            shelf.library.save([], [Outcome(jobs[-1].photo_id, name) for name in ALL], fingerprints)
    assert list(dict.fromkeys(seen)) == names[:-1]


def test_a_photo_whose_bytes_cannot_be_read_is_tried_again(shelf, fingerprints):
    shelf.write("a.jpg")
    shelf.find()
    shelf.library.save([PhotoFacts(1, None)], [Outcome(1, "decode", error="no permission")], fingerprints)
    assert pending(shelf) == {"a.jpg": ALL}
    assert shelf.library.count_jobs(None, fingerprints).photos == 1
    shelf.tag()
    assert pending(shelf) == {} and list(shelf.library.failures()) == []


def test_an_error_is_an_answer(shelf, fingerprints):
    shelf.write("a.jpg")
    shelf.find()
    outcomes = [Outcome(1, "faces"), Outcome(1, "smiles"), Outcome(1, "objects", error="bad \udcff name")]
    shelf.library.save([PhotoFacts(1, "hash", 4, 3)], outcomes, fingerprints)
    assert pending(shelf) == {}
    assert list(shelf.library.failures()) == [(f"{shelf.folder}/a.jpg", "objects", "bad \\udcff name")]
    status = shelf.library.status(fingerprints)
    assert {name: (row.done, row.to_do, row.failed) for name, row in status.taggers.items()} == {
        "faces": (1, 0, 0),
        "smiles": (1, 0, 0),
        "objects": (0, 0, 1),
    }


def test_answers_about_other_bytes_go_when_the_file_turns_out_to_have_changed(shelf, fingerprints):
    shelf.write("a.jpg")
    shelf.find()
    shelf.tag()
    shelf.library.save([PhotoFacts(1, "another hash", 10, 20)], [Outcome(1, "faces")], fingerprints)
    assert pending(shelf) == {"a.jpg": ("smiles", "objects")}
    assert shelf.library.known_labels() == []
    assert (shelf.photo("a.jpg").width, shelf.photo("a.jpg").kinds) == (10, ())


def test_status_counts(shelf, fingerprints):
    shelf.write("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    shelf.find()
    shelf.tag()
    shelf.write("e.jpg")
    (shelf.folder / "d.jpg").unlink()
    shelf.find()
    shelf.library.save([PhotoFacts(1, "hash")], [Outcome(1, "decode", error="truncated")], fingerprints)
    status = shelf.library.status(fingerprints | {"objects": "o2"})
    assert (status.photos, status.missing, status.unreadable) == (5, 1, 1)
    assert {name: (row.done, row.to_do, row.failed) for name, row in status.taggers.items()} == {
        "faces": (2, 1, 0),
        "smiles": (2, 1, 0),
        "objects": (0, 3, 0),
    }
    assert status.catalog == shelf.library.name and status.size_bytes > 4096


def test_facts_are_kept(shelf, fingerprints):
    from datetime import datetime

    shelf.write("a.jpg", "b.jpg")
    shelf.find()
    assert shelf.photo("a.jpg").taken_from == "file"
    taken = datetime(2016, 5, 14, 18, 30, 12, 500_000)
    exif = Exif(taken, "exif", 120, 45.5, -12.25, "Pixel \udce9", 6)
    shelf.library.save([PhotoFacts(1, "hash", 3000, 4000, exif)], [], fingerprints)
    photo = shelf.photo("a.jpg")
    assert photo.taken_at == datetime(2016, 5, 14, 18, 30, 12) and photo.taken_from == "exif"
    assert (photo.width, photo.height, photo.latitude, photo.longitude) == (3000, 4000, 45.5, -12.25)
    assert (photo.camera, photo.content_hash) == ("Pixel \\udce9", "hash")
    assert shelf.sql("SELECT utc_offset_minutes, orientation FROM photos WHERE id = 1") == [(120, 6)]
    os.utime(shelf.folder / "a.jpg", (10**9, 10**9))
    shelf.library.save(
        [PhotoFacts(1, shelf.hash_file(shelf.jobs()[0].file), 3000, 4000, exif)], [], fingerprints
    )
    shelf.find()
    assert shelf.photo("a.jpg").taken_at.year == 2016, "the photo's own date goes before the file's"


def test_numpy_numbers_are_stored_as_numbers(shelf, fingerprints):
    shelf.write("a.jpg")
    shelf.find()
    half = numpy.float32(0.5)
    tag = Tag("dog", half, Box(half, half, numpy.float32(0.75), numpy.float32(1)), ((half, half),))
    shelf.library.save([PhotoFacts(1, "hash", 4, 3)], [Outcome(1, "objects", (tag,))], fingerprints)
    assert shelf.sql("SELECT score, box_left, box_right, points FROM tags") == [
        (0.5, 0.5, 0.75, "[[0.5, 0.5]]")
    ]
    assert shelf.photo("a.jpg").objects == (Tag("dog", 0.5, Box(0.5, 0.5, 0.75, 1.0), ((0.5, 0.5),)),)


def test_a_failing_save_leaves_nothing_and_the_next_one_works(shelf, fingerprints):
    shelf.write("a.jpg")
    shelf.find()
    good, bad = Tag("brand new label", 0.9), Tag("another \udcff", 0.9)
    with pytest.raises(UsageError, match="not valid text"):
        shelf.library.save([PhotoFacts(1, "hash", 4, 3)], [Outcome(1, "objects", (good, bad))], fingerprints)
    assert shelf.sql("SELECT count(*) FROM answers") == [(0,)] and shelf.photo("a.jpg").content_hash is None
    shelf.library.save([PhotoFacts(1, "hash", 4, 3)], [Outcome(1, "objects", (good,))], fingerprints)
    assert shelf.paths("brand new label") == ["a.jpg"]


def test_unknown_photos_are_no_reason_to_lose_a_batch(shelf, fingerprints):
    shelf.write("a.jpg")
    shelf.find()
    facts = [PhotoFacts(1, "hash", 4, 3), PhotoFacts(99, "hash", 4, 3)]
    shelf.library.save(facts, [Outcome(1, "faces"), Outcome(99, "faces")], fingerprints)
    assert pending(shelf) == {"a.jpg": ("smiles", "objects")}


def test_the_users_word_survives_every_scan(shelf, fingerprints):
    shelf.write("a.jpg", "b.jpg")
    shelf.find()
    answer = lambda job, tagger: [Tag("dog", 0.9), Tag("cat", 0.4)] if tagger == "objects" else []  # noqa: E731
    shelf.tag(answer)
    shelf.library.correct(shelf.folder / "a.jpg", add=["Cat", " grandma "], remove=["dog"])

    def check():
        assert shelf.paths("dog") == ["b.jpg"]
        assert shelf.paths("cat") == shelf.paths("cat:1") == shelf.paths("grandma") == ["a.jpg"]
        assert shelf.paths("^dog") == ["a.jpg"]
        photo = shelf.photo("a.jpg")
        assert photo.user_labels == ("cat", "grandma") and [tag.label for tag in photo.kinds] == ["cat"]

    check()
    assert {row.label: (row.photos, row.source) for row in shelf.library.labels()} == {
        "cat": (1, "you"),
        "dog": (1, "objects"),
        "grandma": (1, "you"),
    }
    shelf.tag(answer, fingerprints | {"objects": "o2"})
    check()
    shelf.move("a.jpg", "a2.jpg")
    shelf.find()
    shelf.move("a2.jpg", "a.jpg")
    shelf.find()
    check()
    shelf.write("a.jpg", text="edited, and still grandma")
    shelf.find()
    shelf.tag(answer)
    check()
    shelf.library.correct(shelf.folder / "a.jpg", add=["dog"], remove=["grandma"])
    assert shelf.paths("dog") == ["a.jpg", "b.jpg"]
    assert "grandma" not in shelf.library.known_labels()


def test_corrections_that_make_no_sense_are_refused(shelf):
    shelf.write("a.jpg")
    shelf.find()
    with pytest.raises(CatalogError, match="not in the catalog"):
        shelf.library.correct(shelf.folder / "b.jpg", add=["dog"])
    for add, remove, says in (
        [[" "], [], "at least one letter"],
        [["dog"], ["dog"], "both"],
        [["\udcff"], [], "not valid text"],
    ):
        with pytest.raises(UsageError, match=says):
            shelf.library.correct(shelf.folder / "a.jpg", add=add, remove=remove)


def test_albums(shelf):
    shelf.write("a.jpg", "b.jpg", "c.jpg")
    shelf.find()
    with pytest.raises(CatalogError, match="phototag highlights"):
        shelf.library.album("Smiles 2016")
    shelf.library.save_album(
        "Smiles 2016", "smiles", [Member(2, 1, "best smile", 0.9), Member(1, 2, "spread")], "smiling:all"
    )
    shelf.library.save_album("empty", "pets", [], "dog")
    album, members = shelf.library.album("Smiles 2016")
    assert (album.theme, album.query, album.photos) == ("smiles", "smiling:all", 2)
    assert [(Path(photo.path).name, member) for photo, member in members] == [
        ("b.jpg", Member(2, 1, "best smile", 0.9)),
        ("a.jpg", Member(1, 2, "spread")),
    ]
    shelf.library.save_album("Smiles 2016", "smiles", [Member(3, 1, "again")], "smiling:all")
    assert [album.photos for album in shelf.library.albums()] == [1, 0]
    assert shelf.sql("SELECT album, path, reason FROM album_list") == [
        ("Smiles 2016", f"{shelf.folder}/c.jpg", "again")
    ]
    with pytest.raises(CatalogError, match="There are: Smiles 2016, empty"):
        shelf.library.album("Smiles 2017")


def test_jobs_go_on_while_their_batches_are_saved(shelf, fingerprints):
    shelf.write(*[f"{n:04}.jpg" for n in range(1203)])
    shelf.find()
    seen = []
    for job in shelf.library.jobs(None, fingerprints):
        seen.append(job.file.path)
        outcomes = [Outcome(job.photo_id, name) for name in ALL]
        shelf.library.save([PhotoFacts(job.photo_id, job.file.path, 4, 3)], outcomes, fingerprints)
    assert seen == [f"{n:04}.jpg" for n in range(1203)]
    assert shelf.jobs() == []


SCANNER = """
import os, sys
from phototag.library import Library
from phototag.records import Box, Outcome, PhotoFacts, Tag
from phototag.reading.walk import Walk

folder, db, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
fingerprints = {"decode": "d1", "faces": "f1", "objects": "o1"}
with Library.open(db) as library:
    walk = Walk([folder])
    library.reconcile(walk.roots, walk, hash_file=lambda file: file.path)
    print("walked", flush=True)
    batch = []
    def save():
        outcomes = [
            Outcome(
                job.photo_id,
                tagger,
                tuple(Tag(f"{tagger} {n}", 0.5 + n / 10, Box(0, 0, 1, 0.5)) for n in range(5)),
            )
            for job in batch for tagger in job.taggers
        ]
        facts = [PhotoFacts(job.photo_id, job.file.path, 40, 30) for job in batch]
        library.save(facts, outcomes, fingerprints)
        batch.clear()
    for job in library.jobs(None, fingerprints):
        batch.append(job)
        if len(batch) == size:
            save()
    save()
print("done", flush=True)
"""


def scanner(shelf, size=7):
    env = os.environ | {"PYTHONPATH": os.fspath(REPOSITORY)}
    command = [sys.executable, "-c", SCANNER, os.fspath(shelf.folder), shelf.address, str(size)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def contents(shelf):
    """All that a scan puts into the catalog, without the numbers of rows."""
    return (
        shelf.sql("SELECT path, faces, taken_at IS NULL, width FROM photo_list ORDER BY path"),
        shelf.sql("SELECT path, tagger, label, score, box_right FROM tag_list ORDER BY 1, 2, 3"),
        shelf.sql("SELECT path, label, score, count, share, said_by FROM label_list ORDER BY 1, 2"),
        shelf.sql("SELECT path, answered, failed, complete_for FROM photos ORDER BY path"),
    )


@BOTH
def test_two_scans_at_once_both_finish(shelf):
    shelf.write(*[f"{n % 7}/{n}.jpg" for n in range(300)])
    both = [scanner(shelf, 3), scanner(shelf, 5)]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert (out, process.returncode) == ("walked\ndone\n", 0), err
    assert shelf.sql("SELECT count(*), sum(answered) FROM photos") == [(300, 600)]
    assert shelf.sql("SELECT count(*) FROM tags") == [(3000,)]


@pytest.mark.slow
def test_killed_at_any_moment_the_next_scan_ends_as_an_uninterrupted_one(shelf, tmp_path):
    shelf.write(*[f"{n % 7}/{n}.jpg" for n in range(400)])
    out, err = scanner(shelf).communicate()
    assert out == "walked\ndone\n", err
    expected = contents(shelf)
    chance = random.Random(0)
    interrupted = 0
    for _ in range(20):
        shelf.library.close()
        shelf.catalogs.remove(shelf.db)
        process = scanner(shelf)
        if chance.random() < 0.8:
            assert process.stdout.readline() == "walked\n"
        time.sleep(chance.random() * 0.3)
        process.send_signal(signal.SIGKILL)
        interrupted += process.wait() == -signal.SIGKILL
        process.communicate()
        shelf.catalogs.check(shelf.db)
        if shelf.has_tables():
            incomplete = (
                "SELECT count(*) FROM answers a WHERE error IS NULL "
                "AND (SELECT count(*) FROM tags t WHERE answer_id = a.id) <> 5"
            )
            assert shelf.sql(incomplete) == [(0,)]
        assert scanner(shelf).communicate()[0] == "walked\ndone\n"
        assert contents(shelf) == expected
    assert interrupted >= 10, "else nothing was tested"


@BOTH
def test_jobs_are_asked_for_by_the_numbers_of_photos(shelf, fingerprints):
    """As another process does it, which is told numbers alone."""
    shelf.write("b/2.jpg", "a.jpg", "b/10.jpg")
    shelf.find()
    found = shelf.library.jobs(None, fingerprints)
    every = list(found)
    ids = found.photo_ids()
    assert list(ids) == [job.photo_id for job in every]
    with Library.open(found.address) as other:
        assert other.jobs_of(ids, fingerprints) == every
        assert other.jobs_of(ids[1:2], fingerprints) == every[1:2]
        assert other.jobs_of([], fingerprints) == []
        shelf.tag()
        assert other.jobs_of(ids, fingerprints) == [] and list(found.photo_ids()) == []


@BOTH
def test_what_was_said_of_another_file_is_not_stored(shelf, fingerprints):
    """Another scan has seen meanwhile that the file was replaced."""
    shelf.write("a.jpg", "b.jpg")
    shelf.find()
    jobs = list(shelf.library.jobs(None, fingerprints))
    facts = [PhotoFacts(job.photo_id, shelf.hash_file(job.file), 3, 4, Exif()) for job in jobs]
    outcomes = [Outcome(job.photo_id, name) for job in jobs for name in ALL]
    shelf.write("a.jpg", text="another picture")
    shelf.find()
    shelf.library.save(facts, outcomes, fingerprints, jobs)
    assert pending(shelf) == {"a.jpg": ALL}
    a, b = (shelf.library.photo(str(shelf.folder / name)) for name in ("a.jpg", "b.jpg"))
    assert a.width is None and b.width == 3
