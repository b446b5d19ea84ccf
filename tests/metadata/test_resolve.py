from phototag.metadata.record import Metadata, make_region
from phototag.metadata.resolve import join_fields, resolve
from phototag.records import NamedPerson


def test_the_sidecars_word_goes_before_the_files_field_by_field():
    sidecar = Metadata(rating=2, keywords=("new",))
    inside = Metadata(rating=5, title="Title", keywords=("old", "older"))
    found = resolve([("sidecar", sidecar), ("embedded", inside)], (600, 400), 1)
    assert (found.rating, found.title, found.keywords) == (2, "Title", ("new",))
    assert found.sources == {"rating": "sidecar", "title": "embedded", "keywords": "sidecar"}


def test_stars_that_were_taken_away_stay_away():
    found = resolve([("sidecar", Metadata(rating=0)), ("embedded", Metadata(rating=5))], None, 1)
    assert found.rating is None
    assert found.sources == {}


def test_a_star_or_a_heart_is_a_keyword_beside_others():
    said = [("picasa", Metadata(is_favorite=True)), ("embedded", Metadata(keywords=("sun",)))]
    assert resolve(said, None, 1).keywords == ("sun", "favorite")


def test_fields_of_one_file_are_brought_together():
    found = join_fields((Metadata(keywords=("Places|Rome",)), Metadata(keywords=("Rome", "sun"), title="x")))
    assert found.keywords == ("Places|Rome", "sun")
    assert found.title == "x"


def anna(applied_wh=None):
    return make_region("Anna", (0.1, 0.2, 0.3, 0.6), applied_wh)


def test_names_without_a_place_belong_to_the_photo():
    said = [
        ("takeout", Metadata(persons=("Anna", "Ben"))),
        ("embedded", Metadata(regions=(anna(),), persons=("Anna",))),
    ]
    found = resolve(said, (600, 400), 1)
    assert [(one.name, one.source, one.box is None) for one in found.persons] == [
        ("Anna", "embedded", False),
        ("Ben", "takeout", True),
    ]


def test_regions_of_a_picture_that_was_cropped_since_name_the_photo_alone():
    (found,) = resolve([("sidecar", Metadata(regions=(anna((600, 400)),)))], (400, 400), 1).persons
    assert found == NamedPerson("Anna", "sidecar", None)


def test_regions_of_a_smaller_copy_fit():
    (found,) = resolve([("sidecar", Metadata(regions=(anna((600, 400)),)))], (6000, 4010), 1).persons
    assert found.box is not None


def test_a_program_that_turned_the_picture_first_states_the_upright_size():
    (found,) = resolve([("sidecar", Metadata(regions=(anna((400, 600)),)))], (600, 400), 6).persons
    assert tuple(found.box) == (0.1, 0.2, 0.3, 0.6)
