"""Every kind of term, alone and combined, against a plain reading of the same photos in Python."""

import itertools
import math
import os
import random
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import event

from phototag.errors import UsageError
from phototag.library import search
from phototag.query.parse import parse
from phototag.query.terms import (
    AnyTerm,
    CameraTerm,
    DayTerm,
    FacesTerm,
    LabelTerm,
    NearTerm,
    PathTerm,
    Query,
    SharpTerm,
    SizeTerm,
    SmilingTerm,
    StateTerm,
    TakenTerm,
    TypeTerm,
)
from phototag.records import Box, Exif, Fingerprint, Outcome, PhotoFacts, Tag
from phototag.smiling import SMILE_THRESHOLD, decide, eligible, join_faces
from tests.catalogs import ONLY_FILES

EMOTIONS = ("neutral", "happiness", "sadness")
FOLDERS = ("Italy 2016/Rome", "italy", "Spain", "Spain-2", "München")
# Rome, near it, Naples, both sides of the 180th meridian, Reykjavik
POSITIONS = (
    *(None, (41.9, 12.5), (41.95, 12.6), (40.85, 14.27)),
    *((-17.1, 179.95), (-16.9, -179.8), (64.14, -21.9)),
)
CAMERAS = ("Pixel 3", "Canon EOS 80D", None)


def random_answers(chance, n):
    """Tagger -> tags or None for an error; a photo that was never looked at has none."""
    if n % 11 == 0:
        return {}
    if n % 13 == 0:
        return {"decode": None}
    boxes = []
    for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
        left, top = chance.random() * 0.6, chance.random() * 0.6
        boxes.append(Box(left, top, left + 0.05 + chance.random() * 0.3, top + 0.05 + chance.random() * 0.3))
    said = []
    for box in boxes:
        said.append(Tag("smile", round(chance.random(), 2), box))
        said += [Tag(emotion, chance.random(), box) for emotion in EMOTIONS]
    objects = [
        Tag(
            chance.choice(("dog", "cat", "potted plant", "person")),
            round(chance.random(), 2),
            Box(0, 0, chance.random() or 1, 1),
        )
        for _ in range(chance.choice((0, 1, 2, 4)))
    ]
    answers = {"faces": [Tag("face", 0.99, box) for box in boxes], "smiles": said, "objects": objects}
    answers["kinds"] = None if n % 17 == 0 else [Tag("beach", round(chance.random(), 2)), Tag("dog", 0.45)]
    if n % 3:
        answers["sharpness"] = [Tag("sharpness", round(chance.random(), 2))]
        answers["sharpness"] += [Tag("sharpness", round(chance.random(), 2), box) for box in boxes]
    return answers


@pytest.fixture(scope="module")
def album(tmp_path_factory, shelf_in, fingerprints):
    """Some hundred photos, with all that the reference below needs to know: relative path -> facts."""
    shelf = shelf_in(tmp_path_factory.mktemp("album"))
    chance = random.Random(7)
    names = [f"{FOLDERS[n % len(FOLDERS)]}/{chance.randrange(10**6):06}-{n}.jpg" for n in range(260)]
    shelf.write(*names)
    shelf.find()
    known = {}
    fingerprints = fingerprints | {"kinds": "k1", "sharpness": "s1"}
    facts_of, outcomes, corrected = [], [], []
    for n, name in enumerate(names):
        photo = shelf.photo(name)
        taken = datetime(2015, 1, 1) + timedelta(days=chance.randrange(1200), seconds=chance.randrange(86400))
        camera = chance.choice(CAMERAS)
        answers = random_answers(chance, n)
        position = chance.choice(POSITIONS)
        latitude, longitude = position or (None, None)
        content_hash = f"double {n // 4}" if n % 4 < 2 and n < 60 else name
        outcomes += [
            Outcome(photo.photo_id, tagger, tuple(tags or ()), "bad" if tags is None else None)
            for tagger, tags in answers.items()
        ]
        exif = Exif(taken, "exif", camera=camera, latitude=latitude, longitude=longitude)
        facts_of.append(PhotoFacts(photo.photo_id, content_hash, 4 if "faces" in answers else None, 3, exif))
        corrections = {}
        if n % 9 == 0:
            corrections = {"dog": n % 2 == 0, "Anna": True}
            shelf.library.correct(
                photo.path,
                *[[k for k, present in corrections.items() if present is way] for way in (True, False)],
            )
        known[name] = {
            "id": photo.photo_id,
            "path": photo.path,
            "answers": answers,
            "taken": taken,
            "camera": camera,
            "corrections": corrections,
            "missing": n % 19 == 0,
            "position": position,
            "content_hash": content_hash,
            "sharpness": next((tag.score for tag in answers.get("sharpness", ())), None),
            "size": os.path.getsize(photo.path),
        }
    shelf.library.save(facts_of, outcomes, fingerprints)
    for path, said in corrected:
        shelf.library.correct(
            path, *[[label for label, present in said.items() if present is way] for way in (True, False)]
        )
    for name, facts in known.items():
        if facts["missing"]:
            os.unlink(shelf.folder / name)
    shelf.find()
    there = [facts["content_hash"] for facts in known.values() if not facts["missing"]]
    for facts in known.values():
        facts["copies"] = there.count(facts["content_hash"])
        if facts["missing"]:  # what was said of it is said of its copy
            same = [one for one in known.values() if one["content_hash"] == facts["content_hash"]]
            for copy in [one for one in same if not one["missing"]][:1]:
                copy["corrections"] = facts["corrections"] | copy["corrections"]
    for facts in known.values():  # once, for the thousands of questions below
        facts["tags"], facts["smiles"] = tags_of(facts), smiles_of(facts)
        facts["eligible"] = sum(eligible(join_faces(without_errors(facts))))
    yield shelf, known
    shelf.library.close()


def tags_of(facts):
    """(label, score, rank) of all that counts as a label."""
    found = []
    for tagger, tags in facts["answers"].items():
        faces = {}
        for tag in tags or ():
            rank = tag.score * (tag.box.area if tag.box else 1) ** 0.5
            if tagger == "smiles" and tag.label in EMOTIONS:
                faces.setdefault(tag.box, []).append((tag.label, tag.score, rank))
            elif tag.label != "smile":
                found.append((tag.label, tag.score, rank))
        found += [max(emotions, key=lambda row: row[1]) for emotions in faces.values()]
    return found


def without_errors(facts):
    return {tagger: tags for tagger, tags in facts["answers"].items() if tags is not None}


def score_of(facts, label):
    if label in facts["corrections"]:
        return 1.0 if facts["corrections"][label] else None
    return max((score for name, score, _ in facts["tags"] if name == label), default=None)


def rank_of(facts, label):
    if facts["corrections"].get(label):
        shares = [
            t.box.area if t.box else 1
            for tags in facts["answers"].values()
            for t in tags or ()
            if t.label == label
        ]
        return max(shares, default=1) ** 0.5
    return max(rank for name, _, rank in facts["tags"] if name == label)


def smiles_of(facts):
    """The least and the greatest smile of the photo's eligible faces."""
    return decide(join_faces(without_errors(facts)), facts["corrections"])


def km_between(one, other):
    """Along the globe (haversine)."""
    lat, lon, lat2, lon2 = (math.radians(angle) for angle in (*one, *other))
    half = math.sin((lat2 - lat) / 2) ** 2
    half += math.cos(lat) * math.cos(lat2) * math.sin((lon2 - lon) / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(half))


def fits(facts, term, query):
    least_smile, greatest_smile = facts["smiles"]
    match term:
        case AnyTerm(choices):
            found = any(all(fits(facts, part, query) for part in choice) for choice in choices)
        case LabelTerm(labels):
            scores = [(score_of(facts, label), query.least_score(term, label)) for label in labels]
            found = any(score is not None and score >= least for score, least in scores)
        case FacesTerm(least, most):
            good = without_errors(facts)
            number = facts["eligible"] if not term.any_face else len(good.get("faces", ()))
            found = "faces" in good and (least or 0) <= number <= (99 if most is None else most)
        case SmilingTerm("all"):
            found = least_smile is not None and least_smile >= query.smile_threshold
        case SmilingTerm("any"):
            found = greatest_smile is not None and greatest_smile >= query.smile_threshold
        case SmilingTerm("none"):
            found = greatest_smile is not None and greatest_smile < query.smile_threshold
        case SmilingTerm("unknown"):
            found = least_smile is None
        case TakenTerm(since, until):
            found = (since or date.min) <= facts["taken"].date() < (until or date.max)
        case DayTerm(first, last):
            day = f"{facts['taken']:%m-%d}"
            found = first <= day <= last if first <= last else day >= first or day <= last
        case PathTerm(text):
            found = text.casefold() in facts["path"].casefold()
        case CameraTerm(text):
            found = text.casefold() in (facts["camera"] or "").casefold()
        case NearTerm(latitude, longitude, radius_km):
            here = facts["position"]
            found = here is not None and km_between(here, (latitude, longitude)) <= radius_km
        case SharpTerm(least, most):
            score = facts["sharpness"]
            found = score is not None and (least or 0) <= score <= (1 if most is None else most)
        case TypeTerm(extensions):
            found = facts["path"].rpartition(".")[2].lower() in extensions
        case SizeTerm("pixels", least, most):
            pixels = 12 if "faces" in facts["answers"] else None
            found = pixels is not None and (least or 0) <= pixels <= (1e9 if most is None else most)
        case SizeTerm("bytes", least, most):
            found = (least or 0) <= facts["size"] <= (1e9 if most is None else most)
        case StateTerm("duplicates"):
            found = facts["copies"] > 1
        case StateTerm("untagged"):
            found = all(tags is None for tags in facts["answers"].values())
        case StateTerm("failed"):
            found = any(tags is None for tags in facts["answers"].values())
        case StateTerm("missing"):
            found = facts["missing"]
    return found is not term.negated


def reference(known, query):
    asks_missing = any(isinstance(term, StateTerm) and term.state == "missing" for term in query.every_term())
    return {
        facts["path"]
        for facts in known.values()
        if all(fits(facts, term, query) for term in query.terms) and (asks_missing or not facts["missing"])
    }


TERMS = [
    "dog", "dog:0.8", "dog:0", "cat", "potted plant", "beach", "Anna", "animal", "face",
    "happy", "sad", "happy:0.6", "faces:0", "faces:1", "faces:2..", "faces:1..2", "faces:..1",
    "faces-any:2..", "faces-any:..1",
    "smiling:all", "smiling:any", "smiling:none", "smiling:unknown",
    "taken:2016", "taken:2016-06..2016-08", "taken:..2015-03-04", "taken:2017-01..", "taken:2011",
    "day:06-24..07-04", "day:12-20..01-10", "day:02-29",
    "path:Italy", "path:ROME/", "path:jpg", "path:münchen", "path:photos/spain",
    "path:s/Sp", "path:0_", "path:nowhere",
    "near:41.9,12.5,20km", "near:41.9,12.5,400km", "near:-17,179.9,60km", "sharp:..0.3", "sharp:0.7..",
    "type:jpeg", "type:png", "type:raw", "size:1MP..", "size:..1MP", "size:..1kB", "size:2GB..", "duplicates",
    'camera:"Pixel"', "camera:canon", "camera:Leica", "untagged", "failed", "missing",
]  # fmt: skip
TERMS += ["^" + term for term in TERMS]
SYNONYMS = {"animal": {"dog", "cat", "bird"}}


def test_every_term_and_many_pairs_find_what_a_plain_reading_finds(album):
    shelf, known = album
    labels = shelf.library.known_labels()
    chance = random.Random(1)
    pairs = [(term,) for term in TERMS] + [()]
    pairs += chance.sample(list(itertools.combinations(TERMS, 2)), 250) + chance.sample(
        list(itertools.combinations(TERMS, 3)), 100
    )
    found_something = 0
    for terms in pairs:
        query = parse(terms, labels, SYNONYMS, smile_threshold=0.6, thresholds={"cat": 0.3})
        expected = reference(known, query)
        found = list(shelf.library.paths(query, sort="path"))
        assert set(found) == expected and len(found) == len(expected), terms
        assert found == sorted(expected), terms
        assert shelf.library.count(query) == len(expected), terms
        found_something += bool(expected)
    assert found_something > 200


@pytest.mark.parametrize("few", [1, 3000])
def test_choices_find_what_a_plain_reading_finds(album, monkeypatch, few):
    """`(dog faces:1..) or cat`, `^(untagged or failed)`, and so on at random."""
    shelf, known = album
    monkeypatch.setattr(search, "FEW", few)
    monkeypatch.setattr(search, "FEW_OF_ALL", few)
    chance = random.Random(2)
    terms = parse(TERMS, shelf.library.known_labels(), SYNONYMS, smile_threshold=0.6).terms

    def some(most):
        return tuple(chance.sample(terms, chance.randint(1, most)))

    def choices(depth):
        inside = [AnyTerm((some(1), some(2)), chance.random() < 0.3)] if depth else []
        return AnyTerm((some(2), (*some(1), *inside), some(1)), chance.random() < 0.3)

    for number in range(120):
        query = Query((choices(number % 2), *some(2)[: number % 3]), smile_threshold=0.6)
        expected = sorted(reference(known, query))
        assert list(shelf.library.paths(query, sort="path")) == expected, query
        assert list(shelf.library.paths(query, sort="path", limit=5)) == expected[:5], query
        assert shelf.library.count(query) == len(expected), query


KEYS = {
    "path": lambda facts, label: facts["path"],
    "taken": lambda facts, label: (facts["taken"], facts["id"]),
    "smile": lambda facts, label: (
        -(-1 if facts["smiles"][0] is None else facts["smiles"][0]),
        -facts["id"],
    ),
    "relevance": lambda facts, label: (
        (-rank_of(facts, label), -facts["id"]) if label else (facts["taken"], facts["id"])
    ),
}


@pytest.mark.parametrize(("few", "few_of_all"), [(1, 1), (1, 2000), (40, 2000), (2000, 2000)])
def test_pages_are_the_beginnings_of_the_whole_in_every_order(album, monkeypatch, few, few_of_all):
    """Whichever way the planner takes: where one photo is many, this catalog is a large one."""
    shelf, known = album
    by_path = {facts["path"]: facts for facts in known.values()}
    labels = shelf.library.known_labels()
    monkeypatch.setattr(search, "FEW", few)
    monkeypatch.setattr(search, "FEW_OF_ALL", few_of_all)
    questions = (
        (), ("dog",), ("dog", "faces:1.."), ("faces:2..", "dog"), ("taken:2016", "dog"), ("smiling:all",),
        ("^dog",), ("path:Italy",), ("animal",), ("animal", "^dog"), ("animal", "smiling:any"),
        ("dog", "cat"), ("Anna", "camera:Pixel"), ("beach", "^faces:0", "taken:2015..2016"),
        ("failed",), ("failed", "dog"),
        ("^untagged", "faces:1.."), ("faces:2..", "camera:Pixel"),
    )  # fmt: skip
    for terms, sort, descending in itertools.product(questions, search.SORTS, (False, True)):
        query = parse(terms, labels, SYNONYMS)
        lead = {"dog": ["dog"], "animal": ["dog", "cat"], "Anna": ["Anna"], "beach": ["beach"]}.get(
            terms[0] if terms else ""
        )
        if terms in (("faces:2..", "dog"), ("taken:2016", "dog"), ("failed", "dog")):
            lead = ["dog"]

        def key(path, sort=sort, lead=lead):
            facts = by_path[path]
            if sort == "relevance" and lead:
                ranks = [rank_of(facts, label) for label in lead if (score_of(facts, label) or 0) >= 0.5]
                return (-max(ranks), -facts["id"])
            return KEYS[sort](facts, None)

        expected = sorted(reference(known, query), key=key, reverse=descending)
        assert list(shelf.library.paths(query, sort=sort, descending=descending)) == expected, (terms, sort)
        for limit in (1, 5, 500):
            page = list(shelf.library.paths(query, sort=sort, limit=limit, descending=descending))
            assert page == expected[:limit], (terms, sort, limit)
    for terms in (*questions, ("^animal", "faces:1.."), ("^animal", "^dog"), ("path:Italy", "^animal")):
        query = parse(terms, labels, SYNONYMS)
        assert shelf.library.count(query) == len(reference(known, query)), terms


@ONLY_FILES
@pytest.mark.parametrize(
    ("sort", "terms", "index"),
    [
        ("taken", ("faces:1..",), "ix_photos_taken_sort"),
        ("taken", ("faces-any:1..",), "ix_photos_taken_sort"),
        ("taken", ("smiling:all", "faces:1..", "taken:2016"), "ix_photos_taken_sort"),
        ("taken", ("taken:2016", "^dog"), "ix_photos_taken_sort"),
        ("smile", ("dog",), "ix_photos_least_smile"),
        ("relevance", ("dog", "faces:1.."), "ix_photo_labels_rank"),
        ("relevance", ("animal",), "ix_photo_labels_rank"),
        ("path", ("smiling:any",), "(root_id=?)"),
    ],
)
@pytest.mark.parametrize("descending", [False, True])
def test_a_page_is_read_along_the_index_of_its_order_and_not_sorted(
    album, monkeypatch, sort, terms, index, descending
):
    shelf, _ = album
    monkeypatch.setattr(search, "FEW", 1)
    query = parse(terms, shelf.library.known_labels(), SYNONYMS)
    with shelf.library._catalog.read() as connection:
        raw, statements = connection.connection.driver_connection, []
        raw.set_trace_callback(statements.append)
        search.find_ids(connection, query, sort, 5, descending)
        raw.set_trace_callback(None)
        page = statements[-1]
        plan = "\n".join(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {page}"))
    # what is asked of other tables is asked before the row is read
    assert ("CROSS JOIN photos ON" in page) is (sort != "taken" or "^dog" in terms)
    assert ("INDEXED BY" in page) is (sort != "path")  # the key's own index has no name to be told by
    assert index in plan.splitlines()[0] and "TEMP B-TREE" not in plan, plan


def test_several_roots_sort_as_one(shelf):
    for folder in ("b", "a-2", "a"):
        shelf.write("1.jpg", "2.jpg", folder=shelf.tmp_path / folder)
        shelf.find(shelf.tmp_path / folder)
    expected = sorted(
        os.fspath(shelf.tmp_path / folder / f"{n}.jpg") for folder in ("b", "a-2", "a") for n in (1, 2)
    )
    assert list(shelf.library.paths(sort="path")) == expected
    assert list(shelf.library.paths(sort="path", limit=3, descending=True)) == expected[::-1][:3]
    assert list(shelf.library.paths(parse(["untagged"]), sort="path", limit=5)) == expected[:5]
    assert [
        os.path.relpath(path, shelf.tmp_path)
        for path in shelf.library.paths(parse([f"path:{shelf.tmp_path.name}/a/"]), sort="path")
    ] == [
        "a/1.jpg",
        "a/2.jpg",
    ]


def test_the_portrait_of_a_dog_comes_before_the_dog_in_the_distance(shelf, fingerprints):
    shelf.write("far.jpg", "near.jpg")
    shelf.find()
    for photo_id, tag in (
        (1, Tag("dog", 0.99, Box(0.5, 0.5, 0.52, 0.52))),
        (2, Tag("dog", 0.8, Box(0.1, 0.1, 0.9, 0.9))),
    ):
        shelf.library.save(
            [PhotoFacts(photo_id, str(photo_id), 4, 3)], [Outcome(photo_id, "objects", (tag,))], fingerprints
        )
    assert shelf.paths("dog", sort="relevance") == ["near.jpg", "far.jpg"]


def test_photos_hold_all_that_is_known(album):
    shelf, known = album
    photos = {photo.path: photo for photo in shelf.library.photos(parse(["missing"]))} | {
        photo.path: photo for photo in shelf.library.photos()
    }
    assert len(photos) == len(known)
    for facts in known.values():
        photo, answers = photos[facts["path"]], facts["answers"]
        removed = {label for label, present in facts["corrections"].items() if not present}
        assert photo.objects == tuple(tag for tag in answers.get("objects") or () if tag.label not in removed)
        assert photo.kinds == tuple(tag for tag in answers.get("kinds") or () if tag.label not in removed)
        assert photo.user_labels == tuple(
            sorted(label for label, present in facts["corrections"].items() if present)
        )
        assert photo.errors == {tagger: "bad" for tagger, tags in answers.items() if tags is None}
        assert [(face.box, face.score) for face in photo.faces] == [
            (tag.box, 0.99) for tag in answers.get("faces") or ()
        ]
        said = {(tag.box, tag.label): tag.score for tag in answers.get("smiles") or ()}
        for face in photo.faces:
            assert face.smile == said[face.box, "smile"]
            assert face.emotions == {emotion: said[face.box, emotion] for emotion in EMOTIONS}
        least, greatest = smiles_of(facts)
        assert (photo.least_smile, photo.greatest_smile) == (least, greatest)
        assert photo.everyone_smiling is (None if least is None else least >= SMILE_THRESHOLD)
        assert (photo.taken_at, photo.camera) == (facts["taken"], facts["camera"])
        assert (photo.missing_since is not None) == facts["missing"]
        assert shelf.library.photo(facts["path"]) == photo


def test_a_line_tells_what_the_photo_tells(album):
    shelf, _ = album
    for terms in ((), ("missing",), ("dog",), ("failed",)):
        query = parse(terms, shelf.library.known_labels())
        photos, lines = (
            list(shelf.library.photos(query, limit=200)),
            list(shelf.library.lines(query, limit=200)),
        )
        assert len(lines) == len(photos) > 0
        for photo, line in zip(photos, lines, strict=True):
            same = ("photo_id", "path", "taken_at", "width", "height", "everyone_smiling", "user_labels")
            assert [getattr(line, name) for name in same] == [getattr(photo, name) for name in same]
            assert line.things == tuple((tag.label, tag.score) for tag in photo.objects)
            assert line.kinds == tuple((tag.label, tag.score) for tag in photo.kinds)
            assert line.faces == len(photo.faces)
            assert line.error == next(iter(photo.errors.values()), None)


@pytest.mark.parametrize("weights", [("people-pets",), ("people-pets", "coco-mobile"), ("people-pets", None)])
def test_whose_weights_found_a_photos_things(shelf, fingerprints, weights):
    """One catalog, photos seen by several detectors, by none, by one that failed, and things of a
    tagger of another version."""
    names = ["seen-0.jpg", "seen-1.jpg", "nothing.jpg", "failed.jpg", "unasked.jpg"]
    shelf.write(*names)
    shelf.find()
    ids = {os.path.basename(job.file.path): job.photo_id for job in shelf.jobs()}
    box, said = Box(0.1, 0.1, 0.5, 0.5), {}
    for number, name in enumerate(names):
        detector = weights[number % len(weights)]
        mark = Fingerprint(f"{detector}:1", detector) if detector else "1"
        prints = fingerprints | {"objects": mark, "pets": "p1"}
        outcomes = [Outcome(ids[name], "pets", (Tag("cat", 0.55, box),))]
        if name != "unasked.jpg":
            said[name] = detector
            tags = () if name == "nothing.jpg" else (Tag("dog", 0.9, box),)
            outcomes.append(
                Outcome(ids[name], "objects", tags, error="broke" if name == "failed.jpg" else None)
            )
        shelf.library.save([PhotoFacts(ids[name], f"hash of {name}", 400, 300)], outcomes, prints)
    said["failed.jpg"] = None
    photos, lines = (
        {os.path.basename(p.path): p for p in page}
        for page in (shelf.library.photos(), shelf.library.lines())
    )
    for name in names:
        words = ["dog", "cat"] if name.startswith("seen") else ["cat"]
        assert sorted(tag.label for tag in photos[name].objects) == sorted(words), (
            "an answer that is an error has no tags"
        )
        assert sorted(label for label, _ in lines[name].things) == sorted(words)
        assert photos[name].detector == said.get(name), name
    assert photos["failed.jpg"].errors == {"objects": "broke"} and lines["failed.jpg"].error == "broke"


def test_the_views_tell_the_same(album):
    shelf, known = album
    assert shelf.sql("SELECT count(*) FROM photo_list") == [(len(known),)]
    photo = next(photo for photo in shelf.library.photos() if len(photo.faces) == 3)
    rows = shelf.sql("SELECT smile, emotion FROM face_list WHERE path = ? ORDER BY box_left", photo.path)
    faces = sorted(photo.faces, key=lambda face: face.box.left)
    assert rows == [(face.smile, face.emotion) for face in faces]
    tags = shelf.sql("SELECT label, score FROM tag_list WHERE path = ? AND tagger = 'objects'", photo.path)
    assert tags == [(tag.label, tag.score) for tag in photo.objects]
    assert len(shelf.sql("SELECT * FROM failure_list")) == sum(
        tags is None for f in known.values() for tags in f["answers"].values()
    )


def test_the_number_of_statements_does_not_grow_with_the_photos(album):
    shelf, _ = album
    statements = []

    def note(connection, cursor, statement, *_):
        statements.append(statement)

    def number(page, limit):
        statements.clear()
        assert len(list(page(limit=limit))) == limit
        return len(statements)

    event.listen(shelf.library._catalog._engine, "before_cursor_execute", note)
    try:
        for page in (shelf.library.photos, shelf.library.lines, shelf.library.paths):
            assert 2 < number(page, 60) == number(page, 5)
    finally:
        event.remove(shelf.library._catalog._engine, "before_cursor_execute", note)


def test_a_page_being_read_does_not_hold_up_a_writer(shelf):
    shelf.write(*[f"{n}.jpg" for n in range(200)])
    shelf.find()
    photos = shelf.library.photos()
    first = next(photos)
    shelf.library.correct(first.path, add=["seen"])
    assert len(list(photos)) + 1 == shelf.library.count()
    paths = shelf.library.paths()
    shelf.library.correct(next(paths), add=["seen too"])
    assert len(list(paths)) + 1 == shelf.library.count()


def test_labels_with_counts(album):
    shelf, known = album
    there = [facts for facts in known.values() if not facts["missing"]]
    for row in shelf.library.labels():
        assert row.photos == sum((score_of(facts, row.label) or 0) >= 0.5 for facts in there), row
    for row in shelf.library.labels({"dog": 0.9}):
        least = 0.9 if row.label == "dog" else 0.5
        assert row.photos == sum((score_of(facts, row.label) or 0) >= least for facts in there), row
        assert row.threshold == least
    assert {row.label for row in shelf.library.labels()} <= set(shelf.library.known_labels())
    assert "smile" not in shelf.library.known_labels(), "a number about a face is no label"
    assert {row.label: row.source for row in shelf.library.labels()}["Anna"] == "you"


def test_an_unknown_order_is_refused(shelf):
    with pytest.raises(UsageError, match="taken, path, smile, relevance"):
        list(shelf.library.paths(sort="size"))


def test_an_empty_catalog_answers_everything(shelf):
    for term in TERMS:
        query = parse([term], ())
        for sort in search.SORTS:
            assert list(shelf.library.photos(query, sort=sort, limit=5)) == []
        assert shelf.library.count(query) == 0
    assert shelf.library.labels() == [] and shelf.library.status({"faces": "f"}).photos == 0


def test_a_persons_label_is_one_however_its_accents_are_typed(shelf):
    shelf.write("a.jpg", "b.jpg")
    shelf.find()
    shelf.library.correct(shelf.folder / "a.jpg", add=["\u00d6ma"])
    shelf.library.correct(shelf.folder / "b.jpg", add=["O\u0308MA"])
    for asked in ("\u00f6ma", "o\u0308ma"):
        assert len(list(shelf.library.paths(asked))) == 2
    shelf.library.correct(shelf.folder / "a.jpg", remove=["o\u0308ma"])
    assert [os.path.basename(path) for path in shelf.library.paths("\u00d6MA")] == ["b.jpg"]
