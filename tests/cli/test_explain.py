"""Pictures of what a net sees, from the command line: heat maps and the poster."""

import hashlib

import numpy as np
from click.testing import CliRunner
from PIL import Image

from phototag.cli import main


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_heat_map_is_drawn_beside_the_reasons(own_copy, tmp_path):
    folder, catalog = own_copy
    photo, target = folder / "2016" / "booth-one-serious.jpg", tmp_path / "heat.png"
    before = hashlib.sha256(photo.read_bytes()).hexdigest()
    done = run("why", photo, "--heatmap", target, "--db", catalog)
    assert done.exit_code == 0, done.output
    assert "least smile" in done.stdout and "drawn: " in done.stderr
    picture = np.asarray(Image.open(target).convert("RGB")).astype(int)
    original = np.asarray(Image.open(photo).convert("RGB")).astype(int)
    assert picture.shape[0] > original.shape[0]
    changed = np.abs(picture[: original.shape[0]] - original).sum(2) > 30
    assert 0.01 < changed.mean() < 0.5
    assert hashlib.sha256(photo.read_bytes()).hexdigest() == before
    assert run("why", photo, "--heatmap", target, "--thing", "person", "--db", catalog).exit_code == 0


def test_what_cannot_be_drawn_is_said(own_copy, tmp_path):
    folder, catalog = own_copy
    cat, target = folder / "2015" / "cat.jpg", tmp_path / "heat.png"
    done = run("why", cat, "--heatmap", target, "--db", catalog)
    assert done.exit_code == 1 and "--thing NAME" in done.stderr and not target.exists()
    done = run("why", cat, "--heatmap", target, "--thing", "horse", "--db", catalog)
    assert done.exit_code == 1 and "finds no horse" in done.stderr
    assert run("why", cat, "--thing", "cat", "--db", catalog).exit_code == 2
    assert run("why", cat, "--heatmap", tmp_path / "heat.txt", "--db", catalog).exit_code == 2
    done = run("why", cat, "--heatmap", folder / "2015" / "coffee.jpg", "--thing", "cat", "--db", catalog)
    assert done.exit_code == 1 and "photos are never written" in done.stderr


def test_the_poster_shows_filters_and_every_stage(scanned, tmp_path):
    photo = scanned[0] / "2016" / "astronaut.jpg"
    alone, whole = tmp_path / "filters.png", tmp_path / "poster.png"
    assert run("explain", "smilenet", "--filters", alone).exit_code == 0
    done = run("explain", "smilenet", photo, "--filters", whole)
    assert done.exit_code == 0, done.output
    small, large = Image.open(alone), Image.open(whole)
    assert small.width == large.width > 2000 and large.height > small.height + 8 * 100
    done = run("explain", "smilenet", scanned[0] / "2015" / "coffee.jpg", "--filters", tmp_path / "no.png")
    assert done.exit_code == 1 and "no face found" in done.stderr
