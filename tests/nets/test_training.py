"""The folder of a training: nothing in it is overwritten that no training made."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from phototag.errors import PhototagError
from phototag.nets.training import FILES, Run


@dataclass(frozen=True)
class Plan:
    epochs: int = 1


def parts():
    net, averaged = nn.Linear(2, 2), nn.Linear(2, 2)
    return net, averaged, torch.optim.SGD(net.parameters(), 0.1)


@pytest.mark.parametrize("name", FILES)
def test_files_that_no_training_made_stay(name, tmp_path):
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(PhototagError, match="give another --out folder"):
        Run(tmp_path, Plan()).resume(*parts())
    assert (tmp_path / name).read_bytes() == b"mine"


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_written_through_a_link(name, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"mine")
    out = tmp_path / "run"
    out.mkdir()
    (out / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PhototagError, match="symbolic link"):
        Run(out, Plan()).resume(*parts())


def test_a_training_goes_on_in_its_own_folder_and_not_from_a_damaged_checkpoint(tmp_path):
    run = Run(tmp_path, Plan())
    assert run.resume(*parts()) == []
    run.save([{"epoch": 1, "loss": 0.5}], *parts())
    assert run.resume(*parts()) == [{"epoch": 1, "loss": 0.5}]
    with pytest.raises(PhototagError, match="does not fit this net"):
        Run(tmp_path, Plan()).resume(nn.Linear(3, 3), *parts()[1:])
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    for damaged in (b"", whole[:200], b"\x80\x04N.", whole[: len(whole) // 2] + bytes(9)):
        (tmp_path / "checkpoint.pt").write_bytes(damaged)
        with pytest.raises(PhototagError, match="is no checkpoint of phototag, or damaged"):
            run.resume(*parts())
