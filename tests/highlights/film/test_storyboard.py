"""What a film shows when, on records alone."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from phototag.highlights import captions
from phototag.highlights import theme as themes
from phototag.highlights.choose import choose
from phototag.highlights.film import score, storyboard
from phototag.highlights.verdict import Verdict
from phototag.records import Box, Face, Person, PersonInPhoto, Tag

SMILES = themes.load("smiles")
WIDE, TALL = (1920, 1080), (1080, 1920)
ANY = replace(
    SMILES,
    count=themes.Count(1, 1000),
    spread=themes.Spread(bucket_decay=1, group_decay=1, day_share=1, event_share=1),
)


def chosen(make, count, *, days=11.0, start="2016-01-03 12:00:00", upright=(), faceless=(), far=None):
    """Verdicts of so many photos, the n-th `days` after the one before; `upright` and `faceless` by
    number."""
    first = datetime.fromisoformat(start)
    photos = []
    for number in range(count):
        smile = 0.7 + 0.25 * ((number * 7) % count) / count
        size = {"width": 3000, "height": 4000} if number in upright else {}
        faces = () if number in faceless else (make.face(smile),)
        taken = str(first + timedelta(days=days * number))
        photos.append(make.photo(f"{number:03}.jpg", taken, faces, **size))
    theme = replace(ANY, qualify=themes.Qualify())
    kept = choose(photos, theme, make.appearance).kept
    assert len(kept) == count
    return kept


def board_of(kept, frame_wh=WIDE, theme=SMILES, **more) -> storyboard.Storyboard:
    seconds = storyboard.film_seconds(min(len(kept), storyboard.most_photos(theme.film)), theme.film)
    beats = score.beats_of("bright", seconds)
    return storyboard.draft(kept, theme, "Smiles 2016", frame_wh, beats, **more)


def kinds(board) -> list[str]:
    return [scene.kind for scene in board.scenes]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 12, 40, 71, 97, 300])
@pytest.mark.parametrize("frame_wh", [WIDE, TALL])
def test_every_photo_has_its_time_and_the_film_its_length(make, count, frame_wh):
    kept = chosen(make, count, days=360 / count, upright=range(0, count, 3))
    board = board_of(kept, frame_wh)
    assert 20 <= board.seconds <= 120 and board.frames == round(board.seconds * 30)
    assert kinds(board)[0] == "title" and kinds(board)[-1] == "end"
    shown = {photo.photo_id for scene in board.scenes for photo in scene.photos}
    assert shown | {v.photo.photo_id for v in board.left_out} == {v.photo.photo_id for v in kept}
    assert board.scenes[0].first == 0 and board.scenes[-1].last == board.frames
    for number, (scene, after) in enumerate(zip(board.scenes, board.scenes[1:], strict=False)):
        assert scene.last == after.first
        assert scene.last - scene.first >= 0.9 * 30 * min(1.0, storyboard.LEAST_SCENE)
        # the picture stands clear for a while between its transitions
        assert board.half(number) + (board.half(number - 1) if number else 0) < scene.last - scene.first
    assert all(len(scene.shots) == len(scene.photos) for scene in board.scenes)


def test_the_weakest_photos_are_left_out_where_there_are_too_many(make):
    one = chosen(make, 1)[0]
    many = [replace(one, numbers={"score": number / 300}) for number in range(300)]
    shown = storyboard.strongest(many, storyboard.most_photos(SMILES.film))
    assert [each.score for each in shown] == [n / 300 for n in range(300 - len(shown), 300)]


def test_scenes_change_on_beats(make):
    board = board_of(chosen(make, 30))
    beats = score.beats_of("bright", board.seconds)
    off = [min(abs(beat - scene.last / 30) for beat in beats) for scene in board.scenes[:-1]]
    assert sum(apart <= 1 / 30 for apart in off) >= 0.9 * len(off)
    free = storyboard.draft(chosen(make, 30), SMILES, "A", WIDE, ())
    assert free.frames == board.frames  # without music any time will do


def test_it_has_an_opening_a_calm_middle_and_a_quick_finale(make):
    board = board_of(chosen(make, 36, days=1))
    body = [scene.last - scene.first for scene in board.scenes if scene.kind == "photos"]
    part = len(body) // 10
    middle = body[5 * part : 6 * part]
    finale = body[-5:-1]
    assert sum(middle) / len(middle) > 1.3 * sum(finale) / len(finale)
    assert body[-1] > 1.5 * sum(finale) / len(finale)  # the last one may be looked at


def test_the_finale_has_the_best_smiles_and_the_rest_is_in_order_of_time(make):
    kept = chosen(make, 36, days=1)
    board = board_of(kept)
    body = [scene.photos[0] for scene in board.scenes if scene.kind == "photos"]
    finale, story = body[-6:], body[:-6]
    assert story == sorted(story, key=lambda photo: photo.taken_at)
    least = min(photo.faces[0].smile for photo in finale)
    assert all(photo.faces[0].smile <= least for photo in story)
    assert not any(scene.caption for scene in board.scenes[-7:])
    assert len({photo.photo_id for photo in body}) == len(body) == 35  # the title shows the hero


def test_the_title_is_over_the_best_photo_that_fills_the_frame(make):
    kept = [
        replace(verdict, numbers={**verdict.numbers, "score": 0.5 + 0.01 * number})
        for number, verdict in enumerate(chosen(make, 8, days=1, upright=(7,)))
    ]
    assert board_of(kept).scenes[0].photos == (kept[6].photo,)
    assert board_of(kept, TALL).scenes[0].photos == (kept[7].photo,)
    assert board_of(kept).scenes[0].lines[0] == "Smiles 2016"


def test_upright_photos_stand_side_by_side_and_no_panel_cuts_a_face(make):
    kept = chosen(make, 10, days=1, upright=(2, 3, 4, 6, 7))
    board = board_of(kept)
    together = [scene for scene in board.scenes if len(scene.photos) > 1]
    assert sorted(len(scene.photos) for scene in together) == [2, 3]
    for scene in together:
        assert not any(shot.framed for shot in scene.shots)
        places = [shot.place for shot in scene.shots]
        assert places[0][0] == 0 and places[-1][0] + places[-1][2] == 1920
        for (left, _, width, _), after in pairwise(places):
            assert 0 < after[0] - left - width <= 24  # a thin line between
        for photo, shot in zip(scene.photos, scene.shots, strict=True):
            assert all(shot.window(share).holds(photo.faces[0].box) for share in (0, 0.5, 1))
    alone = board_of(chosen(make, 10, days=1, upright=(4,)))
    assert [scene.shots[0].framed for scene in alone.scenes if scene.photos[0].height == 4000] == [True]
    stacked = board_of(chosen(make, 6, days=1), TALL)
    assert any(len(scene.photos) == 3 for scene in stacked.scenes)


def test_faces_never_dissolve_into_faces_and_moments_are_cut(make):
    mixed = board_of(chosen(make, 12, days=2, faceless=(3, 4, 8)))
    for scene, after in zip(mixed.scenes, mixed.scenes[1:], strict=False):
        if scene.kind == after.kind == "photos" and scene.then == "dissolve":
            assert not (scene.photos[-1].faces and after.photos[0].faces)
    assert {scene.then for scene in mixed.scenes} == {"dissolve", "dip", "cut"}
    scans = [
        replace(verdict, photo=replace(verdict.photo, taken_precision="month"))
        for verdict in chosen(make, 6, days=0.01)
    ]
    assert not any(scene.then == "cut" for scene in board_of(scans).scenes[:-1])  # nobody knows their moment
    party = board_of(chosen(make, 6, days=0.01))
    body = [scene for scene in party.scenes if scene.kind == "photos"]
    assert all(scene.then == "cut" for scene in body[:-1])


def test_the_other_shots_of_a_burst_are_a_flip_book(make):
    kept = chosen(make, 6, days=3)
    burst = [make.photo(f"shot {n}.jpg", f"2016-01-06 12:00:0{n}") for n in range(9)]
    odd = make.photo("cropped.jpg", "2016-01-06 12:00:05", width=100, height=100)
    board = board_of(kept, bursts={kept[1].photo.photo_id: [*burst, odd]})
    flips = {scene.photos[0].path: scene.flips for scene in board.scenes if scene.flips}
    assert list(flips) == [kept[1].photo.path] and len(flips[kept[1].photo.path]) == 5
    assert odd not in flips[kept[1].photo.path]


def test_months_have_cards_where_they_help_and_captions_only_where_they_change(make):
    year = board_of(chosen(make, 40, days=9))
    cards = [scene.lines[0] for scene in year.scenes if scene.kind == "card"]
    assert cards[0] == "January" and cards == list(dict.fromkeys(cards)) and len(cards) >= 9
    assert not any(scene.caption for scene in year.scenes)  # the cards say it
    week = board_of(chosen(make, 8, days=0.5))
    told = [scene.caption for scene in week.scenes if scene.caption]
    assert told == list(dict.fromkeys(told)) and told[0].endswith("January") and len(told) < 7
    two_years = board_of(chosen(make, 30, days=20))
    assert "card" not in kinds(two_years) or any("2017" in s.lines[0] for s in two_years.scenes if s.lines)


def test_a_guessed_date_is_told_nowhere(make):
    kept = [replace(verdict, photo=replace(verdict.photo, taken_from="file")) for verdict in chosen(make, 12)]
    board = board_of(kept)
    assert "card" not in kinds(board) and not any(scene.caption for scene in board.scenes)


def test_the_end_card_says_how_many_and_when_made(make):
    board = board_of(chosen(make, 12), made_on=datetime(2016, 12, 31))
    assert board.scenes[-1].lines == (
        "Smiles 2016",
        "12 photos",
        "3 January to 3 May 2016",
        "made on 31 December 2016",
    )


def in_places(kept, names_of, who=()):
    """The verdicts with places, and persons with their certainty, by number."""
    persons = tuple(
        PersonInPhoto(Person(number, name), 1, 0.9, "word", certain)
        for number, (name, certain) in enumerate(who)
    )
    return [
        replace(verdict, photo=replace(verdict.photo, places=names_of(number), persons=persons))
        for number, verdict in enumerate(kept)
    ]


def test_the_end_card_says_who_and_where_if_it_may(make):
    kept = in_places(
        chosen(make, 12),
        lambda number: ("Rome", "Italy") if number < 8 else ("Oslo", "Norway"),
        [("Ben", True), ("Anna", True), ("Somebody", False)],
    )
    assert board_of(kept).scenes[-1].lines[3:] == ("Anna and Ben",)
    assert board_of(kept, places=True).scenes[-1].lines[3:] == ("Anna and Ben", "Rome and Oslo")


def test_month_cards_name_the_place_of_most_photos(make):
    places = {
        0: ("Rome", "Italy"),
        1: ("Siena", "Italy"),
        2: ("Pisa", "Italy"),
    }
    kept = in_places(
        chosen(make, 24, days=4.0), lambda number: places.get(number % 3 if number > 8 else 0, ())
    )
    cards = [scene.lines[0] for scene in board_of(kept, places=True).scenes if scene.kind == "card"]
    assert cards[:2] == ["January, Rome", "February, Italy"]
    without = [scene.lines[0] for scene in board_of(kept).scenes if scene.kind == "card"]
    assert without[0] == "January"


def test_names_are_enumerated_as_people_do():
    assert [captions.enumerate_names(names) for names in ([], ["A"], ["A", "B"], ["A", "B", "C"])] == [
        *("", "A", "A and B", "A, B and C")
    ]
    assert captions.enumerate_names(list("ABCDEFGH")) == "A, B, C, D, E and 3 others"


def test_a_bystander_is_not_cut_either(make):
    """A face that is too small or blurred to be eligible is still somebody's."""
    verdict = chosen(make, 1)[0]
    bystander = Face(make.face(at=(0.93, 0.2), size=0.06).box, 0.97, smile=0.1, sharpness=0.01)
    photo = make.photo("a.jpg", faces=(make.face(), bystander))
    seen = Verdict(photo, verdict.reason, verdict.numbers, verdict.signals, faces=photo.faces[:1])
    assert bystander.box in storyboard.subjects(seen, SMILES)
    unsure = replace(seen, photo=make.photo("a.jpg", faces=(make.face(), replace(bystander, score=0.6))))
    assert len(storyboard.subjects(unsure, SMILES)) == 1


def test_nobody_is_seen_four_times_in_a_row_where_there_are_others(make):
    """Anna in 15 of 20 photos, Ben in the last five: his are shown between hers, each photo once."""
    kept = [
        replace(verdict, who=frozenset({"Anna" if number < 15 else "Ben"}))
        for number, verdict in enumerate(chosen(make, 20, days=1))
    ]
    shown = [
        verdict for scene in board_of(kept).scenes if scene.kind == "photos" for verdict in scene.verdicts
    ]
    assert sorted(verdict.photo.path for verdict in shown) == sorted(
        {verdict.photo.path for verdict in shown}
    )
    story = shown[: -round(20 * storyboard.FINALE_SHARE)]
    run = longest = 0
    for number, verdict in enumerate(story):
        left = [later for later in story[number:] if "Ben" in later.who]
        run = run + 1 if "Anna" in verdict.who else 0
        longest = max(longest, run if left else 0)
    assert longest <= storyboard.SAME_FACE_IN_A_ROW
    of_anna = [replace(verdict, who=frozenset({"Anna"})) for verdict in kept]
    order = [photo.path for scene in board_of(of_anna).scenes for photo in scene.photos]
    plain = [photo.path for scene in board_of(chosen(make, 20, days=1)).scenes for photo in scene.photos]
    assert order == plain, "a film of Anna shows Anna, in order of time"


def test_the_head_of_a_person_whose_face_was_not_found_is_not_cut_either(make):
    """A rider from behind, at the top of a photo that fills the frame: and a face goes over into it in the
    dark."""
    rider = Tag("person", 0.9, Box(0.4, 0.03, 0.6, 0.9))
    photos = [
        make.photo("rider.jpg", "2016-05-01 12:00:00", (), objects=(rider,)),
        make.photo("face.jpg", "2016-06-01 12:00:00", (make.face(),), objects=(rider,)),
        make.photo(
            "crowd.jpg", "2016-07-01 12:00:00", (), objects=(Tag("person", 0.9, Box(0.4, 0.03, 0.43, 0.1)),)
        ),
    ]
    theme = replace(ANY, qualify=themes.Qualify())
    kept = choose(photos, theme, make.appearance).kept
    (head,) = storyboard.subjects(kept[0], theme)
    assert (head.left, head.top, head.right) == (0.4, 0.03, 0.6) and 0.1 < head.bottom < 0.2
    assert storyboard.subjects(kept[1], theme) == (kept[1].photo.faces[0].box,)  # it has a face
    assert storyboard.subjects(kept[2], theme) == ()  # too small to be looked at
    board = board_of(kept, theme=theme)
    for scene in board.scenes:
        for photo, shot in zip(scene.photos, scene.shots, strict=True):
            if photo == kept[0].photo:
                assert all(shot.window(share).holds(head) for share in (0, 0.5, 1))
    body = [scene for scene in board.scenes if scene.kind == "photos"]
    assert [scene.then for scene in body if scene.photos == (kept[0].photo,)] == ["dip"]
