"""Choosing, on records alone: pictures are stood in for by given fingerprints."""

import itertools
import random
import time
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from phototag.errors import TooFewPhotos
from phototag.highlights import theme as themes
from phototag.highlights.appearance import Appearance
from phototag.highlights.choose import choose
from phototag.highlights.qualify import km_between
from phototag.highlights.verdict import Reason
from phototag.records import Box, Face, Person, Tag
from phototag.smiling import SMILE_THRESHOLD

SHIPPED = themes.load("smiles")
# Choosing is looked at with smiles of all strengths, from the threshold of smiling:all on.
SMILES = replace(SHIPPED, qualify=replace(SHIPPED.qualify, smile=SMILE_THRESHOLD))


def by_name(choice) -> dict[str, Reason]:
    return {verdict.photo.path.rpartition("/")[2]: verdict.reason for verdict in choice.verdicts}


def kept(choice) -> list[str]:
    return [verdict.photo.path.rpartition("/")[2] for verdict in choice.kept]


def spread_out(make, count, *faces, start="2016-01-03 12:00:00", days=7):
    first = datetime.fromisoformat(start)
    return [
        make.photo(f"{i:03}.jpg", str(first + timedelta(days=days * i)), faces or None) for i in range(count)
    ]


def test_each_exclusion_has_its_own_reason(make):
    blurred_bystander = make.face(0.01, at=(0.85, 0.4), size=0.12, sharpness=0.05)
    cut_poster = Face(Box(0.0, 0.1, 0.3, 0.6), 0.99, smile=0.01, sharpness=0.9)
    small_child_behind = make.face(0.02, at=(0.9, 0.2), size=0.05)
    photos = [
        make.photo("alone.jpg", "2016-01-01 12:00:00"),
        make.photo("bystander.jpg", "2016-02-01 12:00:00", (make.face(), blurred_bystander)),
        make.photo("poster.jpg", "2016-03-01 12:00:00", (make.face(), cut_poster)),
        make.photo("behind.jpg", "2016-04-01 12:00:00", (make.face(), small_child_behind)),
        make.photo(
            "grumpy.jpg", "2016-05-01 12:00:00", (make.face(at=(0.3, 0.4)), make.face(0.1, at=(0.7, 0.4)))
        ),
        make.photo("landscape.jpg", "2016-06-01 12:00:00", ()),
        make.photo("blurred.jpg", "2016-07-01 12:00:00", (make.face(sharpness=0.1),)),
        make.photo("unasked.jpg", "2016-08-01 12:00:00", (make.face(None),)),
        make.photo("failed.jpg", "2016-08-02 12:00:00", (), errors={"faces": "out of memory"}),
        make.photo("stamp.jpg", "2016-09-01 12:00:00", width=160, height=120),
        make.photo("screen.jpg", "2016-10-01 12:00:00", kinds=(Tag("web site", 0.9),)),
        make.photo("private.jpg", "2016-10-02 12:00:00", user_labels=("no highlights",)),
        make.photo("gone.jpg", "2016-11-01 12:00:00", missing_since=datetime(2020, 1, 1)),
        make.photo("broken.jpg", "2016-11-02 12:00:00", errors={"decode": "not a picture"}),
        make.photo("copy.jpg", "2016-01-01 12:00:00", content="alone.jpg"),
    ]
    assert by_name(choose(photos, SMILES, make.appearance)) == {
        "alone.jpg": Reason.CHOSEN,
        "bystander.jpg": Reason.CHOSEN,
        "poster.jpg": Reason.CHOSEN,
        "behind.jpg": Reason.CHOSEN,
        "grumpy.jpg": Reason.NOT_SMILING,
        "landscape.jpg": Reason.NO_FACES,
        "blurred.jpg": Reason.NOBODY_COUNTS,
        "unasked.jpg": Reason.UNKNOWN,
        "failed.jpg": Reason.UNKNOWN,
        "stamp.jpg": Reason.TOO_SMALL,
        "screen.jpg": Reason.EXCLUDED,
        "private.jpg": Reason.EXCLUDED,
        "gone.jpg": Reason.MISSING,
        "broken.jpg": Reason.UNREADABLE,
        "copy.jpg": Reason.DUPLICATE,
    }


def test_of_equal_files_one_that_is_there_stands_before_one_that_has_gone_since_the_scan(make):
    photos = [make.photo(name, "2016-01-01 12:00:00", content="same") for name in ("a.jpg", "b.jpg", "c.jpg")]
    for there, expected in (
        ({"/photos/b.jpg"}, "b.jpg"),
        ({"/photos/b.jpg", "/photos/c.jpg"}, "b.jpg"),
        (set(), "a.jpg"),
    ):
        choice = choose(
            photos, SMILES, make.appearance, is_there=lambda photo, there=there: photo.path in there
        )
        assert kept(choice) == [expected]
        assert list(by_name(choice).values()).count(Reason.DUPLICATE) == 2


def test_the_users_word_outranks_the_net(make):
    says_yes = make.photo(
        "yes.jpg", "2016-01-01 12:00:00", (make.face(0.1),), smile_words={"everyone smiling": True}
    )
    says_no = make.photo("no.jpg", "2016-02-01 12:00:00", smile_words={"everyone smiling": False})
    assert by_name(choose([says_yes, says_no], SMILES, make.appearance)) == {
        "yes.jpg": Reason.CHOSEN,
        "no.jpg": Reason.NOT_SMILING,
    }


def test_a_smile_must_be_surer_for_an_album_than_for_a_question(make):
    photos = [
        make.photo("sure.jpg", "2016-01-01 12:00:00", (make.face(0.985),)),
        make.photo(
            "likely.jpg", "2016-02-01 12:00:00", (make.face(at=(0.3, 0.4)), make.face(0.9, at=(0.7, 0.4)))
        ),
        make.photo("serious.jpg", "2016-03-01 12:00:00", (make.face(0.5),)),
    ]
    choice = choose(photos, SHIPPED, make.appearance)
    assert by_name(choice) == {
        "sure.jpg": Reason.CHOSEN,
        "likely.jpg": Reason.NOT_SURE,
        "serious.jpg": Reason.NOT_SMILING,
    }
    assert choice.verdicts[1].numbers["at_least"] == SHIPPED.qualify.smile
    word = {"smile_words": {"everyone smiling": True}}
    said = make.photo("likely.jpg", "2016-02-01 12:00:00", (make.face(0.9),), **word)
    assert by_name(choose([said], SHIPPED, make.appearance)) == {"likely.jpg": Reason.CHOSEN}


def test_a_second_look_decides_whether_a_smile_is_sure(make):
    """It alone decides; it is asked of those alone that come near, and never of a person's word."""
    again = {"holds.jpg": 0.994, "fails.jpg": 0.99, "gains.jpg": 0.995}
    looked = []

    def look_again(photo, faces):
        name = photo.path.rpartition("/")[2]
        looked.append(name)
        return None if name == "gone.jpg" else [again[name]] * len(faces)

    word = {"smile_words": {"everyone smiling": True}}
    photos = [
        make.photo("holds.jpg", "2016-01-01 12:00:00", (make.face(0.985),)),
        make.photo("fails.jpg", "2016-02-01 12:00:00", (make.face(0.99),)),
        make.photo("gains.jpg", "2016-03-01 12:00:00", (make.face(0.975),)),
        make.photo("far.jpg", "2016-04-01 12:00:00", (make.face(0.9),)),
        make.photo("said.jpg", "2016-05-01 12:00:00", (make.face(0.2),), **word),
        make.photo("gone.jpg", "2016-06-01 12:00:00", (make.face(0.99),)),
    ]
    choice = choose(photos, SHIPPED, make.appearance, look_again=look_again)
    assert by_name(choice) == {
        "holds.jpg": Reason.CHOSEN,
        "fails.jpg": Reason.NOT_SURE,
        "gains.jpg": Reason.CHOSEN,
        "far.jpg": Reason.NOT_SURE,
        "said.jpg": Reason.CHOSEN,
        "gone.jpg": Reason.UNREADABLE,
    }
    assert sorted(looked) == ["fails.jpg", "gains.jpg", "gone.jpg", "holds.jpg"]
    fails = next(
        each for each in choice.verdicts if each.reason is Reason.NOT_SURE and "score" in each.numbers
    )
    assert fails.numbers["least_smile"] == 0.99
    assert fails.numbers["at_least"] == SHIPPED.qualify.smile_again > SHIPPED.qualify.smile
    holds = next(each for each in choice.kept if each.photo == photos[0])
    assert holds.signals["smile"] == 0.985  # a worth only falls
    of_own = replace(SHIPPED, qualify=replace(SHIPPED.qualify, smile_again=0.0))
    kept = choose(photos[:3], of_own, make.appearance, look_again=look_again).kept
    assert len(kept) == 3  # a theme that says nothing of it asks for the same smile twice
    of_all = replace(SHIPPED, qualify=replace(SHIPPED.qualify, smile=SMILE_THRESHOLD))
    looked.clear()
    choose(photos[:3], of_all, make.appearance, look_again=look_again)
    assert looked == []  # a theme that takes every smile looks once


@pytest.mark.parametrize(
    ("things", "reason"),
    [
        ((), Reason.CHOSEN),
        ((("tv", 0.9, Box(0.3, 0.2, 0.7, 0.6)),), Reason.PICTURED),
        ((("bus", 0.9, Box(0.0, 0.0, 1.0, 1.0)), ("person", 0.2, Box(0.4, 0.2, 0.6, 0.6))), Reason.PICTURED),
        ((("bus", 0.9, Box(0.0, 0.0, 1.0, 1.0)), ("person", 0.9, Box(0.3, 0.1, 0.7, 1.0))), Reason.CHOSEN),
        ((("tv", 0.9, Box(0.0, 0.0, 0.2, 0.2)),), Reason.CHOSEN),
        ((("tv", 0.4, Box(0.3, 0.2, 0.7, 0.6)),), Reason.CHOSEN),
        ((("couch", 0.9, Box(0.0, 0.0, 1.0, 1.0)),), Reason.CHOSEN),
    ],
    ids=[
        "nothing",
        "on a screen",
        "on a bus",
        "before a bus",
        "beside a screen",
        "perhaps a screen",
        "on a couch",
    ],
)
def test_a_face_on_a_screen_or_a_bus_smiles_at_nobody(make, things, reason):
    tags = tuple(Tag(*thing) for thing in things)
    photo = make.photo("a.jpg", faces=(make.face(at=(0.5, 0.4), size=0.2),), objects=tags)
    assert by_name(choose([photo], SHIPPED, make.appearance)) == {"a.jpg": reason}
    said = replace(photo, smile_words={"everyone smiling": True})
    assert by_name(choose([said], SHIPPED, make.appearance)) == {"a.jpg": Reason.CHOSEN}


def test_a_gentler_theme_accepts_what_the_catalog_calls_no(make):
    gentle = replace(SMILES, qualify=replace(SMILES.qualify, smile=0.3))
    assert kept(choose([make.photo("a.jpg", faces=(make.face(0.4),))], gentle, make.appearance)) == ["a.jpg"]


def test_of_a_burst_the_shot_whose_least_smile_is_largest_stays(make, appearances):
    shots = [
        make.photo(
            f"{n}.jpg",
            f"2016-05-14 18:30:{10 + n}",
            (make.face(a, at=(0.3, 0.4)), make.face(b, at=(0.7, 0.4))),
        )
        for n, (a, b) in enumerate([(0.99, 0.65), (0.9, 0.85), (0.7, 0.99), (0.99, 0.2)])
    ]
    choice = choose(shots, SMILES, appearances({"0.jpg": 0, "1.jpg": 0b111, "2.jpg": 0b111000}))
    assert by_name(choice) == {
        "0.jpg": Reason.BURST,
        "1.jpg": Reason.BEST_OF_BURST,
        "2.jpg": Reason.BURST,
        "3.jpg": Reason.NOT_SMILING,
    }
    assert {verdict.other.path for verdict in choice.verdicts if verdict.other} == {"/photos/1.jpg"}
    assert choice.kept[0].numbers["shots"] == 3
    assert choice.kept[0].sentence() == "both smile, best of 3 shots"


def test_of_a_burst_a_blurred_shot_stays_only_if_all_are(make, appearances):
    sharp = make.photo("sharp.jpg", "2016-05-14 18:30:12", (make.face(0.9, sharpness=0.9),))
    blurred = make.photo("blurred.jpg", "2016-05-14 18:30:13", (make.face(0.99, sharpness=0.5),))
    assert kept(choose([sharp, blurred], SMILES, appearances({"sharp.jpg": 0, "blurred.jpg": 1}))) == [
        "sharp.jpg"
    ]
    softer = replace(sharp, faces=(make.face(0.9, sharpness=0.6),))
    assert kept(choose([softer, blurred], SMILES, appearances({"sharp.jpg": 0, "blurred.jpg": 1}))) == [
        "blurred.jpg"
    ]


@pytest.mark.parametrize(
    ("seconds", "bits", "same_place", "taken_from", "number"),
    [
        (119, 16, True, "exif", 1),
        (121, 16, True, "exif", 2),  # not the same moment
        (5, 20, True, "exif", 1),  # people moved, faces are where they were
        (5, 20, False, "exif", 2),
        (5, 20, True, "file", 2),  # a copied file's time proves nothing
        (5, 16, True, "file", 1),
        (5, 21, True, "exif", 2),
    ],
)
def test_what_a_burst_is(make, appearances, seconds, bits, same_place, taken_from, number):
    later = str(datetime(2016, 5, 14, 18, 30, 0) + timedelta(seconds=seconds))
    place = (0.5, 0.4) if same_place else (0.2, 0.7)
    photos = [
        make.photo("a.jpg", "2016-05-14 18:30:00", (make.face(0.9),), taken_from=taken_from),
        make.photo("b.jpg", later, (make.face(0.8, at=place),), taken_from=taken_from),
    ]
    assert len(choose(photos, SMILES, appearances({"a.jpg": 0, "b.jpg": (1 << bits) - 1})).kept) == number


@pytest.mark.parametrize(("zone", "number"), [(-240, 1), (120, 2)])
def test_a_burst_is_of_one_moment_wherever_its_cameras_clocks_are(make, appearances, zone, number):
    """Of two cameras one was not set to the time of the place: they are of one moment by the instant."""
    photos = [
        replace(make.photo("a.jpg", "2016-05-14 18:30:00", (make.face(0.9),)), utc_offset_minutes=120),
        replace(make.photo("b.jpg", "2016-05-14 12:30:05", (make.face(0.8),)), utc_offset_minutes=zone),
    ]
    choice = choose(photos, SMILES, appearances({"a.jpg": 0, "b.jpg": 0xFFFF}))
    assert len(choice.kept) == number


def test_an_album_is_in_the_order_of_instants(make):
    photos = [
        replace(make.photo("later.jpg", "2016-05-14 12:30:00"), utc_offset_minutes=-240),
        replace(make.photo("first.jpg", "2016-05-14 18:00:00"), utc_offset_minutes=120),
        replace(make.photo("last.jpg", "2016-05-14 14:30:00"), utc_offset_minutes=-240),
    ]
    assert kept(choose(photos, SMILES, make.appearance)) == ["first.jpg", "later.jpg", "last.jpg"]


def test_a_long_burst_is_one_even_where_its_ends_are_far_apart(make, appearances):
    photos = [
        make.photo(f"{n}.jpg", f"2016-05-14 18:{30 + n}:00", (make.face(0.65 + 0.05 * n),)) for n in range(6)
    ]
    choice = choose(photos, SMILES, appearances({f"{n}.jpg": (1 << (8 * n)) - 1 for n in range(6)}))
    assert kept(choice) == ["5.jpg"] and choice.kept[0].numbers["shots"] == 6


def test_a_copy_saved_again_with_another_date_is_the_same_picture(make, appearances):
    original = make.photo("a.jpg", "2016-05-14 18:30:00")
    resaved = make.photo("b.jpg", "2016-09-01 10:00:00", width=1600, height=1200)
    choice = choose([resaved, original], SMILES, appearances({"a.jpg": 0, "b.jpg": 0b11}))
    assert by_name(choice) == {"a.jpg": Reason.CHOSEN, "b.jpg": Reason.SAME_PICTURE}


def test_too_dark_and_unreadable_at_the_second_look(make, appearances):
    photos = [
        make.photo("dark.jpg", "2016-01-01 10:00:00"),
        make.photo("gone.jpg", "2016-02-01 10:00:00"),
        make.photo("ok.jpg"),
    ]
    look = appearances({}, {"dark.jpg": 0.05})
    choice = choose(photos, SMILES, lambda photo, faces: None if "gone" in photo.path else look(photo, faces))
    assert by_name(choice) == {
        "dark.jpg": Reason.EXPOSURE,
        "gone.jpg": Reason.UNREADABLE,
        "ok.jpg": Reason.CHOSEN,
    }


def test_better_photos_win_when_there_are_too_many(make):
    photos = spread_out(make, 30)
    worse = [replace(photo, faces=(make.face(0.7, sharpness=0.4, size=0.08),)) for photo in photos[::2]]
    choice = choose(
        photos[1::2] + worse,
        replace(SMILES, spread=replace(SMILES.spread, bucket_decay=1.0)),
        make.appearance,
        top=15,
    )
    assert kept(choice) == [f"{i:03}.jpg" for i in range(1, 30, 2)]
    assert Counter(by_name(choice).values()) == {Reason.CHOSEN: 15, Reason.CROWDED_OUT: 15}


def test_no_day_and_no_event_takes_more_than_its_share(make):
    """A wedding of 200 perfect photos beside 40 Sundays."""
    wedding = [
        make.photo(
            f"w{i:03}.jpg", str(datetime(2016, 6, 18, 13) + timedelta(minutes=3 * i)), (make.face(0.99),)
        )
        for i in range(200)
    ]
    sundays = spread_out(make, 40, make.face(0.8))
    choice = choose(wedding + sundays, SMILES, make.appearance)
    names = kept(choice)
    assert len(names) == 40
    assert 1 <= sum(name.startswith("w") for name in names) <= 8  # a fifth
    assert Reason.DAY_FULL in by_name(choice).values() or Reason.CROWDED_OUT in by_name(choice).values()


def test_a_single_day_still_makes_a_full_album(make):
    day = [
        make.photo(f"{i:03}.jpg", str(datetime(2016, 6, 18, 9) + timedelta(minutes=5 * i)))
        for i in range(100)
    ]
    assert len(choose(day, SMILES, make.appearance).kept) == 40


def test_after_midnight_is_the_same_day_and_a_gap_begins_another_event(make):
    tight = replace(
        SMILES, spread=replace(SMILES.spread, bucket_decay=1, group_decay=1, day_share=0.01, event_share=1.0)
    )
    party = [make.photo(f"p{i}.jpg", str(datetime(2016, 6, 18, 21) + timedelta(hours=i))) for i in range(6)]
    reasons = by_name(choose(party + spread_out(make, 40), tight, make.appearance))
    # of 18 June, till 3 in the morning
    assert sum(reasons[f"p{i}.jpg"] is Reason.CHOSEN for i in range(6)) == 3
    trip = replace(tight, spread=replace(tight.spread, day_share=1.0, event_share=0.01))
    morning = [make.photo(f"m{i}.jpg", f"2016-06-20 08:{i:02}:00") for i in range(6)]
    evening = [make.photo(f"e{i}.jpg", f"2016-06-20 20:{i:02}:00") for i in range(6)]
    reasons = by_name(choose(morning + evening + spread_out(make, 40), trip, make.appearance))
    assert sum(reasons[f"m{i}.jpg"] is Reason.CHOSEN for i in range(6)) == 3
    assert sum(reasons[f"e{i}.jpg"] is Reason.CHOSEN for i in range(6)) == 3
    assert Reason.EVENT_FULL in reasons.values()


def test_every_stretch_of_the_year_is_shown(make):
    """Ten times as many photos in July, each a little better: still every month is there."""
    months = [
        make.photo(f"m{m:02}{d}.jpg", f"2016-{m:02}-{5 + 6 * d:02} 12:00:00", (make.face(0.9),))
        for m in range(1, 13)
        for d in range(4)
    ]
    july = [
        make.photo(f"j{i:03}.jpg", f"2016-07-{1 + i % 28:02} {8 + i // 28:02}:00:00", (make.face(0.93),))
        for i in range(280)
    ]
    choice = choose(months + july, SMILES, make.appearance)
    by_month = Counter(verdict.photo.taken_at.month for verdict in choice.kept)
    assert len(choice.kept) == 40
    assert set(by_month) == set(range(1, 13)) and min(by_month.values()) >= 2 and by_month[7] <= 10


def test_not_only_the_same_number_of_people(make):
    """Groups score a little higher; portraits still appear."""

    def group(n):
        return tuple(make.face(0.95, at=(0.15 + 0.2 * i, 0.4), size=0.15) for i in range(n))

    photos = [
        make.photo(f"g{i:02}.jpg", str(datetime(2016, 1, 2, 12) + timedelta(days=3 * i)), group(4))
        for i in range(100)
    ]
    photos += [
        make.photo(f"s{i:02}.jpg", str(datetime(2016, 1, 3, 12) + timedelta(days=3 * i)), group(1))
        for i in range(100)
    ]
    names = kept(choose(photos, SMILES, make.appearance))
    assert 5 <= sum(name.startswith("s") for name in names) < 20


def test_photos_dated_by_their_files_have_no_day_but_do_not_flood(make):
    copied = [make.photo(f"c{i:03}.jpg", "2016-06-18 12:00:00", taken_from="file") for i in range(100)]
    assert len(choose(copied, SMILES, make.appearance).kept) == 40
    mixed = kept(choose(copied + spread_out(make, 40), SMILES, make.appearance))
    assert sum(name.startswith("c") for name in mixed) <= 20


def test_a_thin_theme_refuses_with_the_counts(make):
    choice = choose(
        [make.photo("a.jpg"), make.photo("b.jpg", faces=()), make.photo("c.jpg", faces=())],
        SMILES,
        make.appearance,
    )
    with pytest.raises(
        TooFewPhotos,
        match=r"only 1 of 3 photos suits 'Smiles', which wants at least 3: 2 × no face was found",
    ):
        choice.require_minimum(SMILES.count.minimum)
    with pytest.raises(TooFewPhotos, match="no photo to choose from"):
        choose([], SMILES, make.appearance).require_minimum(3)
    choice.require_minimum(1)


def test_pets_portraits_and_year(make):
    dog = make.photo(
        "dog.jpg", "2016-01-01 12:00:00", (), objects=(Tag("dog", 0.95, Box(0.2, 0.2, 0.8, 0.8)),)
    )
    unsure = make.photo(
        "unsure.jpg", "2016-02-01 12:00:00", (), objects=(Tag("dog", 0.4, Box(0.2, 0.2, 0.8, 0.8)),)
    )
    own = make.photo("own.jpg", "2016-03-01 12:00:00", (), user_labels=("cat",))
    crowd = make.photo(
        "crowd.jpg",
        "2016-04-01 12:00:00",
        tuple(make.face(at=(0.2 + 0.2 * i, 0.4), size=0.15) for i in range(4)),
    )
    hills = make.photo("hills.jpg", "2016-05-01 12:00:00", ())
    smear = make.photo("smear.jpg", "2016-06-01 12:00:00", (), sharpness=0.05)
    serious = make.photo("serious.jpg", "2016-07-01 12:00:00", (make.face(0.02),))
    photos = [dog, unsure, own, crowd, hills, smear, serious]
    assert kept(choose(photos, themes.load("pets"), make.appearance)) == ["dog.jpg", "own.jpg"]
    assert kept(choose(photos, themes.load("portraits"), make.appearance)) == ["serious.jpg"]
    year = by_name(choose(photos, themes.load("year"), make.appearance))
    assert year.pop("smear.jpg") is Reason.BLURRED and set(year.values()) == {Reason.CHOSEN}


def random_library(make, count, seed=7):
    """Photos in days, events and bursts, of all kinds; fingerprints of a burst are alike."""
    dice = random.Random(seed)
    photos, known = [], {}
    taken, scene = datetime(2016, 1, 1, 9), 0
    for i in range(count):
        if dice.random() < 0.6:
            taken += timedelta(seconds=dice.randint(1, 40))
        else:
            taken += timedelta(minutes=dice.choice((3, 20, 400, 3000)))
            scene = dice.getrandbits(64)
        faces = tuple(
            make.face(
                round(dice.random() ** 0.3, 3),
                (0.2 + 0.2 * k, 0.4),
                dice.uniform(0.06, 0.19),
                sharpness=dice.random(),
            )
            for k in range(dice.choice((0, 0, 1, 1, 2, 3, 4)))
        )
        name = f"{i:05}.jpg"
        known[name] = scene ^ (1 << dice.randrange(64)) ^ (1 << dice.randrange(64))
        photos.append(make.photo(name, str(taken), faces, taken_from=dice.choice(("exif",) * 9 + ("file",))))
    return photos, known


def test_counts_add_up_and_the_order_of_scanning_does_not_matter(make, appearances):
    photos, known = random_library(make, 1500)
    photos += [
        replace(photo, path=photo.path + ".copy.jpg", photo_id=photo.photo_id + 1) for photo in photos[:50]
    ]
    first = choose(photos, SMILES, appearances(known))
    assert sum(first.counts().values()) == len(photos) == len(first.verdicts)
    assert len({verdict.photo.path for verdict in first.verdicts}) == len(photos)
    for seed in range(3):
        shuffled = random.Random(seed).sample(photos, len(photos))
        renumbered = [replace(photo, photo_id=number) for number, photo in enumerate(shuffled)]
        again = choose(renumbered, SMILES, appearances(known))
        assert [(v.photo.path, v.reason, v.numbers, v.signals) for v in again.verdicts] == [
            (v.photo.path, v.reason, v.numbers, v.signals) for v in first.verdicts
        ]


def test_the_lazy_choice_equals_looking_at_everything_first(make, appearances):
    """The heap takes unseen photos at their upper bound; the choice must be that of a plain loop
    over all, fully seen."""
    photos, known = random_library(make, 400, seed=3)
    dice = random.Random(5)
    exposures = {photo.path.rpartition("/")[2]: dice.random() for photo in photos}
    seen = []

    def counting(photo, faces):
        seen.append(photo.path)
        return appearances(known, exposures)(photo, faces)

    lazy = choose(photos, SMILES, counting, top=12)
    everything = choose(photos, SMILES, appearances(known, exposures), top=100_000)
    candidates = [v for v in everything.verdicts if "score" in v.numbers and v.reason is not Reason.EXPOSURE]
    assert len(seen) == len(set(seen)) < len(candidates) + everything.counts()[Reason.EXPOSURE]
    exact = {v.photo.path: v.score for v in candidates}
    for verdict in lazy.verdicts:
        if verdict.photo.path in exact and "score" in verdict.numbers:
            assert verdict.score == exact[verdict.photo.path]
        elif verdict.photo.path in exact:
            assert verdict.numbers["score_at_most"] >= exact[verdict.photo.path]
    plain = choose(
        photos,
        replace(
            SMILES, spread=replace(SMILES.spread, bucket_decay=1, group_decay=1, day_share=1, event_share=1)
        ),
        counting,
        top=12,
    )
    best = sorted((v for v in everything.verdicts if v.reason.kept), key=lambda v: -v.score)
    assert {v.photo.path for v in plain.kept} == {v.photo.path for v in best[:12]}


def test_ten_thousand_candidates_in_seconds(make, appearances):
    photos, known = random_library(make, 10_000)
    start = time.process_time()
    choice = choose(photos, themes.load("year"), appearances(known))
    assert len(choice.kept) == 60
    assert time.process_time() - start < 5


def test_ties_are_broken_by_content_and_never_by_chance(make):
    same = [make.photo(f"{n}.jpg", "2016-05-14 18:30:12") for n in range(8)]
    chosen = {
        tuple(
            kept(
                choose(
                    order,
                    SMILES,
                    lambda photo, faces: Appearance(int(photo.content_hash[:16], 16), 0.9),
                    top=3,
                )
            )
        )
        for order in itertools.islice(itertools.permutations(same), 50)
    }
    assert len(chosen) == 1


def test_the_choice_spreads_over_who_is_in_the_pictures(make):
    """Thirty photos of one person, ten slightly weaker ones of two others: all three are shown."""
    photos = spread_out(make, 40, make.face(0.9))
    who = {photo.photo_id: frozenset({"person 1"}) for photo in photos}
    for number, photo in enumerate(photos):
        if number % 4 == 0:
            photos[number] = replace(photo, faces=(make.face(0.85),), least_smile=0.85)
            who[photo.photo_id] = frozenset({f"person {2 + number % 8 // 4}"})
    theme = replace(SMILES, spread=themes.Spread(bucket_decay=1, day_share=1, event_share=1))
    choice = choose(photos, theme, make.appearance, top=12, who=who)
    shown = Counter(key for verdict in choice.kept for key in verdict.who)
    assert set(shown) == {"person 1", "person 2", "person 3"} and max(shown.values()) <= 6
    without = choose(photos, theme, make.appearance, top=12)
    assert sum(who[verdict.photo.photo_id] == {"person 1"} for verdict in without.kept) == 12


def test_an_album_of_a_persons_smiles_asks_for_theirs(make):
    anna, ben = Person(1, "Anna"), Person(2, "Ben")
    serious_ben = (
        replace(make.face(0.9, at=(0.3, 0.5)), person=anna, person_source="word"),
        replace(make.face(0.1, at=(0.7, 0.5)), person=ben, person_source="word"),
    )
    nobody = make.photo("nobody.jpg", "2016-03-01 12:00:00", (make.face(0.9),))
    both = make.photo("both.jpg", "2016-05-01 12:00:00", serious_ben)
    theme = replace(SMILES, persons=("ANNA",))
    found = by_name(choose([both, nobody], theme, make.appearance))
    assert found == {"both.jpg": Reason.CHOSEN, "nobody.jpg": Reason.UNKNOWN}
    bens = by_name(choose([both], replace(theme, persons=("Ben",)), make.appearance))
    assert bens == {"both.jpg": Reason.NOT_SMILING}


def test_one_photo_of_each_year_the_best(make):
    years = themes.load("through-the-years")
    photos = [
        make.photo(f"{year}-{size}.jpg", f"{year}-05-0{number} 12:00:00", (make.face(size=size),))
        for year in (2014, 2016, 2017)
        for number, size in enumerate((0.2, 0.4, 0.1), 1)
    ]
    choice = choose(photos, years, make.appearance)
    assert [names_of(verdict.photo) for verdict in choice.kept] == ["2014-0.4", "2016-0.4", "2017-0.4"]
    assert choice.counts()[Reason.YEAR_FULL] == 6


def test_trips_are_what_was_taken_far_from_home(make):
    trips = themes.load("trips")
    berlin, rome = {"latitude": 52.52, "longitude": 13.40}, {"latitude": 41.9, "longitude": 12.5}
    potsdam = {"latitude": 52.39, "longitude": 13.06}
    photos = [
        make.photo("berlin.jpg", "2016-05-01 12:00:00", **berlin),
        make.photo("potsdam.jpg", "2016-05-02 12:00:00", **potsdam),
        make.photo("somewhere.jpg", "2016-05-03 12:00:00"),
        make.photo("rome.jpg", "2016-05-04 12:00:00", **rome),
    ]
    choice = choose(photos, trips, make.appearance, home=(52.5, 13.4))
    assert [names_of(verdict.photo) for verdict in choice.kept] == ["rome"]
    assert choice.counts()[Reason.AT_HOME] == 2 and choice.counts()[Reason.NO_PLACE] == 1
    assert not choose(photos, trips, make.appearance).kept


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        ((52.52, 13.405), (41.9, 12.5), 1183),
        ((0, 179.5), (0, -179.5), 111),
        ((90, 0), (-90, 0), 20015),
        ((10, 10), (10, 10), 0),
    ],
)
def test_distances_along_the_globe(one, other, km):
    assert km_between(one, other) == pytest.approx(km, abs=1)


def names_of(photo):
    return photo.path.rpartition("/")[2].removesuffix(".jpg")
