"""highlights, why and albums on the scanned sample photos, with their real taggers' answers."""

import json
import os
import subprocess
import sys
import tomllib
from collections import defaultdict

import pytest
from click.testing import CliRunner

from phototag.cli import main
from phototag.highlights import theme
from phototag.reading.walk import Walk


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def names(result):
    return [line.rsplit("/", 1)[1] for line in result.stdout.splitlines()]


@pytest.fixture(scope="session")
def expected(scanned):
    """What should be chosen of all years: every photo on which everyone smiles, and of a burst any
    sharp one."""
    truth = json.loads((scanned[0] / "expected.json").read_text())["photos"]
    groups = defaultdict(set)
    for path, facts in truth.items():
        if facts["everyone_smiling"] and facts["sharp"]:
            groups[facts["burst"] or path].add(path)
    return list(groups.values())


def relative(paths, folder):
    return {os.path.relpath(path, folder) for path in paths}


def test_exactly_those_on_which_everyone_smiles_and_one_of_a_burst(scanned, expected):
    folder, catalog = scanned
    chosen = relative(run("highlights", "smiles", "--dry-run", "--db", catalog).stdout.splitlines(), folder)
    assert len(chosen) == len(expected)
    assert all(len(chosen & group) == 1 for group in expected), chosen


def test_why_explains_every_photo_as_highlights_decided(scanned):
    folder, catalog = scanned
    answer = json.loads(run("highlights", "smiles", "--dry-run", "--json", "--db", catalog).stdout)
    verdicts = {entry["source"]: entry["reason"] for entry in answer["members"] + answer["left_out"]}
    photos = [os.path.join(file.root, file.path) for file in Walk([folder])]
    assert verdicts.keys() == set(photos) and answer["considered"] == len(photos) == sum(
        answer["counts"].values()
    )
    for path in photos:
        told = json.loads(run("why", path, "--json", "--db", catalog).stdout)
        assert told["reason"] == verdicts[path] and told["kept"] == (
            verdicts[path] in ("chosen", "best_of_burst")
        )
    serious = run("why", folder / "2016" / "booth-one-serious.jpg", "--db", catalog).stdout
    assert "left out: not everyone smiles" in serious and "least smile" in serious
    burst = [
        run("why", folder / "2016" / f"burst-{n}.jpg", "--year", 2016, "--db", catalog).stdout
        for n in (1, 2, 3)
    ]
    assert sum("chosen, the best of several shots" in text for text in burst) == 1
    assert (
        sum("another shot of the same moment is better" in text and "instead of it" in text for text in burst)
        >= 1
    )


def test_why_a_photo_was_not_even_asked_for(scanned, tmp_path):
    folder, catalog = scanned
    said = run("why", folder / "2015" / "portrait-grey.jpg", "--year", 2016, "--db", catalog).stdout
    assert "it was taken 2015-12-05, and the album is of 2016-01-01 to 2016-12-31" in said
    assert (
        "does not fit the terms"
        in run("why", folder / "2015" / "portrait-grey.jpg", "path:2016", "--db", catalog).stdout
    )
    assert "not in the catalog" in run("why", tmp_path / "x.jpg", "--db", catalog, code=1).stderr


def test_smiles_2016_album_gallery_sheet_and_catalog(own_copy, tmp_path):
    _, catalog = own_copy
    out = tmp_path / "Smiles2016"
    for _ in range(2):
        result = run("highlights", "smiles", "--year", 2016, "--out", out, "--db", catalog)
        assert (
            "Smiles 2016: 4 photos chosen from 8" in result.stderr
            and "left out: not everyone smiles" in result.stderr
        )
        assert names(result)[0] == "astronaut.jpg" and names(result)[-1] == "booth-two.jpg"
        made = {
            path.relative_to(out).as_posix(): path.lstat().st_ctime_ns
            for path in out.rglob("*")
            if not path.is_dir()
        }
        if _ == 0:
            first = (out / "album.json").read_bytes()
    assert (out / "album.json").read_bytes() == first
    assert {
        "album.json",
        "contact-sheet.png",
        "gallery/index.html",
        "2016-03-12_103000_astronaut.jpg",
        ".phototag",
    } <= made.keys()
    manifest = json.loads(first)
    assert manifest["title"] == "Smiles 2016" and manifest["query"] == "taken:2016-01-01..2016-12-31"
    assert all((out / member["file"]).is_symlink() for member in manifest["members"])
    assert "smiles-2016" in run("albums", "--db", catalog).stdout
    shown = json.loads(run("albums", "show", "smiles-2016", "--json", "--db", catalog).stdout)
    assert [os.path.realpath(photo["path"]) for photo in shown["photos"]] == [
        os.path.realpath(out / member["file"]) for member in manifest["members"]
    ]
    assert all(photo["reason"].startswith("chosen") for photo in shown["photos"])
    assert names(run("albums", "show", "smiles-2016", "--db", catalog)) == names(result)
    assert "There is no album 'x'" in run("albums", "show", "x", "--db", catalog, code=1).stderr


def test_another_album_makes_way_only_where_told(own_copy, tmp_path):
    _, catalog = own_copy
    out = tmp_path / "album"
    make = ("highlights", "smiles", "--out", out, "--no-gallery", "--no-sheet", "--copy", "--db", catalog)
    run(*make, "--year", 2016)
    first = sorted(path.name for path in out.iterdir())
    said = run(*make, "--min-faces", 2, "--top", 2, code=1).stderr
    assert "holds another album, Smiles 2016; add --replace" in said
    assert sorted(path.name for path in out.iterdir()) == first
    run(*make, "--min-faces", 2, "--top", 2, "--replace")
    assert json.loads((out / "album.json").read_text())["title"] == "Smiles 2015 to 2016"
    assert len(list(out.glob("*.jpg"))) == 2  # the copies of before are gone: the catalog knows the photos


def test_a_sheet_to_print_and_moving_bursts_from_the_command_line(own_copy, tmp_path):
    _, catalog = own_copy
    out = tmp_path / "a"
    make = ("highlights", "smiles", "--year", 2016, "--out", out, "--no-gallery", "--db", catalog)
    run(*make, "--sheet", "a4", "--animate")
    assert (out / "contact-sheet.pdf").read_bytes().startswith(b"%PDF")
    assert len(list((out / "bursts").glob("*.webp"))) == 1
    run(*make)
    assert not (out / "contact-sheet.pdf").exists() and not (out / "bursts").exists()
    assert (out / "contact-sheet.png").exists()


def test_stripped_copies_from_the_command_line(own_copy, tmp_path):
    folder, catalog = own_copy
    run("highlights", "smiles", "--year", 2016, "--out", tmp_path / "a", "--strip", "--db", catalog)
    copy = tmp_path / "a" / "2016-03-12_103000_astronaut.jpg"
    assert copy.is_file() and not copy.is_symlink()
    assert copy.read_bytes() != (folder / "2016" / "astronaut.jpg").read_bytes()


def test_a_dry_run_writes_nothing(own_copy, tmp_path):
    _, catalog = own_copy
    run(
        "highlights",
        "smiles",
        "--dry-run",
        "--out",
        tmp_path / "album",
        "--film",
        tmp_path / "a.mp4",
        "--db",
        catalog,
    )
    assert not (tmp_path / "album").exists() and not (tmp_path / "a.mp4").exists()
    assert run("albums", "--db", catalog).stdout == ""


def test_copies_and_a_theme_of_ones_own(own_copy, tmp_path):
    folder, catalog = own_copy
    mine = tmp_path / "Couples.toml"
    mine.write_text(
        'title = "Couples"\n[qualify]\neveryone_smiling = true\nmin_faces = 2\n[score]\nsmile = '
        "1\n[count]\nminimum = 1\n"
    )
    run(
        "highlights",
        "--theme",
        mine,
        "--out",
        tmp_path / "album",
        "--copy",
        "--no-gallery",
        "--no-sheet",
        "--db",
        catalog,
    )
    files = sorted(path.name for path in (tmp_path / "album").iterdir())
    assert files == [
        ".phototag",
        "2015-11-14_200510_booth-smiling.jpg",
        "2016-12-24_180000_booth-two.jpg",
        "album.json",
    ]
    assert not (tmp_path / "album" / files[1]).is_symlink()
    assert (tmp_path / "album" / files[1]).read_bytes() == (
        folder / "2015" / "booth-smiling.jpg"
    ).read_bytes()
    assert "couples-2015-to-2016" in run("albums", "--db", catalog).stdout
    assert "chosen" in run("why", folder / "2016" / "booth-two.jpg", "--theme", mine, "--db", catalog).stdout


def test_terms_top_min_faces_and_dates(scanned):
    _, catalog = scanned
    both = run("highlights", "smiles", "--min-faces", 2, "--top", 2, "--dry-run", "--db", catalog)
    assert names(both) == ["booth-smiling.jpg", "booth-two.jpg"]
    assert len(names(run("highlights", "smiles", "--top", 1, "--dry-run", "--db", catalog))) == 1
    for how in (["path:booth"], ["--where", "path:booth ^faces:3.."], ["--", "path:booth"]):
        assert names(run("highlights", "smiles", "--top", 2, "--dry-run", "--db", catalog, *how)) == names(
            both
        )
    some = run(
        "highlights", "year", "--from", "2015-10", "--to", "2016-03", "--dry-run", "--json", "--db", catalog
    )
    answer = json.loads(some.stdout)
    assert answer["title"] == "Best of October 2015 to March 2016" and answer["considered"] == 4


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["smiles", "--year", "1999"], "no photo to choose from for 'Smiles'", 1),
        (
            ["smiles", "path:cat"],
            "only 0 of 1 photo suit 'Smiles', which wants at least 3: 1 × no face was found",
            1,
        ),
        (["smiles", "path:astronaut"], "only 1 of 1 photo suits 'Smiles'", 1),
        (["frowns"], "there is no theme 'frowns'; there are on-this-day, pets, portraits, smiles, ", 2),
        ([], "say which theme: on-this-day, pets, portraits, smiles, through-the-years, trips, year", 2),
        (["through-the-years"], "is of a person; type for example: --person Anna", 2),
        (["smiles", "--year", "2016", "--from", "2016"], "either --year, or --from and --to", 2),
        (["smiles", "--from", "2016-05", "--to", "2016-04"], "is after --to", 2),
        (["smiles", "--from", "2016-13"], "is no date; type 2016, 2016-06 or 2016-06-24", 2),
        (["smiles", "--theme", "none.toml"], "cannot read the theme file none.toml", 2),
        (["smiles", "--name", "a\nb"], "--name must be one line", 2),
        (["smiles", "--strip", "--hardlink"], "either --strip or --hardlink", 2),
        (["smiles", "--film", "film.avi"], "must end in .mp4", 2),
        (["smiles", "--film", "film.mp4", "--aspect", "2:1"], "--aspect must be one of", 2),
        (["smiles", "--film", "film.mp4", "--mood", "sad"], "--mood must be one of calm, warm, bright", 2),
        (["smiles", "--film", "film.mp4", "--no-music", "--mood", "calm"], "either --no-music", 2),
        (["smiles", "--painted"], "--film FILE.mp4", 2),
    ],
)
def test_mistakes_are_one_sentence(scanned, arguments, words, code):
    said = run("highlights", *arguments, "--db", scanned[1], code=code).stderr
    assert words in said and "Traceback" not in said


def test_an_output_folder_with_photos_in_it_is_refused(own_copy):
    folder, catalog = own_copy
    before = sorted(folder.rglob("*"))
    said = run("highlights", "smiles", "--out", folder, "--db", catalog, code=1).stderr
    assert "holds files that phototag did not make" in said and sorted(folder.rglob("*")) == before
    assert run("albums", "--db", catalog).stdout == ""


def test_a_film_from_the_command_line(own_copy, tmp_path):
    av = pytest.importorskip("av", reason="films need PyAV: pip install 'phototag[film]'")
    folder, catalog = own_copy
    path = tmp_path / "smiles-2016.mp4"
    make = ("highlights", "smiles", "--year", 2016, "--film", path, "--height", 120, "--db", catalog)
    said = run(*make).stderr
    assert f"Film: {path} (20 seconds, 214 x 120)" in said
    with av.open(str(path)) as film:
        assert film.duration / 1e6 == pytest.approx(20.5, abs=0.1) and film.metadata["title"] == "Smiles 2016"
        assert len(film.streams.audio) == 1  # the program's own music
    run(*make, "--no-music", "--preview")  # a film of its own makes way
    with av.open(str(path)) as film:
        assert not film.streams.audio and film.streams.video[0].average_rate == 15
    photo = folder / "2016" / "astronaut.jpg"
    (folder / "2016" / "x.mp4").symlink_to(photo)
    before = photo.read_bytes()
    said = run(*make[:5], folder / "2016" / "x.mp4", *make[6:], code=1).stderr
    assert "is a photo in the catalog" in said and photo.read_bytes() == before


def test_the_shipped_themes_name_every_rule_of_theirs_where_a_person_can_change_it():
    """What is in the files is what a copy can change: no count, spread or film length hides in the code."""
    for name in theme.names():
        text = (theme.resources.files("phototag.highlights") / "themes" / f"{name}.toml").read_text(
            encoding="utf-8"
        )
        document = tomllib.loads(text)
        for section, kind in (("count", theme.Count), ("spread", theme.Spread), ("film", theme.Film)):
            assert document[section].keys() >= kind.__dataclass_fields__.keys() - {"lowest_score"}, (
                name,
                section,
            )


def test_help_needs_neither_torch_nor_a_database_nor_pictures():
    script = (
        "import sys; from click.testing import CliRunner; from phototag.cli import main\n"
        "for name in ('highlights', 'why', 'albums'):\n"
        "    assert CliRunner().invoke(main, [name, '--help']).exit_code == 0\n"
        "bad = {'torch', 'sqlalchemy', 'PIL', 'numpy', 'av'} & sys.modules.keys(); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
