"""The folder of a training: nothing in it is overwritten that no training made."""

import os
import resource
import signal
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from phototag.errors import PhototagError
from phototag.nets.smilenet.checkpoint import load, save
from phototag.nets.training import FILES, Run
from phototag.weights import store


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


@pytest.mark.parametrize("name", FILES[1:])
def test_beside_a_checkpoint_files_that_no_training_made_stay_too(name, tmp_path):
    run = Run(tmp_path, Plan())
    run.save([{"epoch": 1, "loss": 0.5}], *parts())
    (tmp_path / name).write_bytes(b"name,price\nshoes,3\n")
    with pytest.raises(PhototagError, match="phototag did not make it"):
        run.resume(*parts())
    assert (tmp_path / name).read_bytes() == b"name,price\nshoes,3\n"


def test_a_log_that_came_meanwhile_stays(tmp_path):
    run = Run(tmp_path, Plan())
    run.save([{"epoch": 1, "loss": 0.5}], *parts())
    (tmp_path / "log.csv").write_text("mine")
    with pytest.raises(PhototagError, match="phototag did not make it"):
        run.save([{"epoch": 2, "loss": 0.5}], *parts())
    assert (tmp_path / "log.csv").read_text() == "mine"


def test_weights_are_written_whole_over_weights_of_ours_alone(tmp_path):
    net, calibration = load(store.path("smilenet"))
    file = tmp_path / "smilenet.safetensors"
    save(file, net, calibration)
    save(file, net, calibration)
    assert load(file)[1] == calibration
    umask = os.umask(0)
    os.umask(umask)
    assert file.stat().st_mode & 0o777 == 0o666 & ~umask
    other = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(3)}, other, metadata={"format": "pt"})
    before = other.read_bytes()
    with pytest.raises(PhototagError, match="phototag did not make it"):
        save(other, net, calibration)
    assert other.read_bytes() == before
    link = tmp_path / "link.safetensors"
    link.symlink_to(file)
    with pytest.raises(PhototagError, match="symbolic link"):
        save(link, net, calibration)
    assert sorted(one.name for one in tmp_path.iterdir()) == [link.name, other.name, file.name]


def test_on_a_full_disk_a_training_keeps_the_checkpoint_of_the_epoch_before(tmp_path, file_limit):
    run = Run(tmp_path, Plan())
    run.save([{"epoch": 1, "loss": 0.5}], *parts())
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    large = nn.Linear(600, 600)
    with file_limit(100_000), pytest.raises(PhototagError, match=r"cannot write .*checkpoint\.pt"):
        run.save([{"epoch": 2, "loss": 0.5}], large, large, torch.optim.SGD(large.parameters(), 0.1))
    with file_limit(100_000), pytest.raises(PhototagError, match=r"cannot write .*smilenet\.safetensors"):
        save(tmp_path / "smilenet.safetensors", *load(store.path("smilenet")))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.fixture
def file_limit():
    """Within it no file grows beyond so many bytes, as on a full disk."""

    @contextmanager
    def limit(size_bytes):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)

    return limit
