"""Files as other programs write them beside photos, read to what they say."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from phototag.metadata.beside import Reader, index_names, sidecar_names
from phototag.metadata.record import NOTHING, Metadata

FOREIGN = Path(__file__).parent / "foreign"
EXPECTED = json.loads((FOREIGN / "expected.json").read_text())


def says(metadata: Metadata):
    """What a file says, as JSON has it, without what it does not say."""
    said = {key: value for key, value in asdict(metadata).items() if value != getattr(NOTHING, key)}
    if metadata.regions:
        said["regions"] = {
            region.name: [round(edge, 4) for edge in region.box] for region in metadata.regions
        }
    return json.loads(json.dumps(said))


def test_every_file_is_expected():
    assert {key.partition(" for ")[0] for key in EXPECTED} == {
        name for name in os.listdir(FOREIGN) if name not in ("README.md", "expected.json")
    }


@pytest.mark.parametrize("key", EXPECTED)
def test_what_other_programs_wrote_is_read(key):
    """A key names the file, and the photo where its name does not say it."""
    name, _, photo = key.partition(" for ")
    photo = photo or name.rpartition(".")[0]
    assert name in sidecar_names(photo, index_names(os.listdir(FOREIGN)))
    reader = Reader()
    (said,) = reader.read(str(FOREIGN), photo, [name])
    assert says(said.metadata) == EXPECTED[key]
    assert reader.errors == {}
