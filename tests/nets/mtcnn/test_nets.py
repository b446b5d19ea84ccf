"""The folded networks answer what facenet_pytorch's own answer, on the same weights."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from facenet_pytorch.models import mtcnn as reference

from phototag.nets.mtcnn.nets import _pool_3_by_2, load_nets


@pytest.fixture(scope="module")
def nets():
    return load_nets()


def pixels(*shape: int) -> torch.Tensor:
    """Noise over smooth gradients: neither saturates the nets."""
    torch.manual_seed(shape[0])
    ramp = torch.linspace(0, 200, shape[3]) * torch.linspace(0.2, 1, shape[2])[:, None]
    return (ramp + torch.rand(shape) * 55).contiguous(memory_format=torch.channels_last)


def normalised(x: torch.Tensor) -> torch.Tensor:
    return (x - 127.5) * 0.0078125


@torch.inference_mode()
def test_proposals(nets) -> None:
    x = pixels(2, 3, 64, 96)
    offsets, probabilities = reference.PNet()(normalised(x))
    logits, features = nets[0](x)
    assert logits.shape == (2, 27, 43)  # (H - 10) / 2, (W - 10) / 2
    torch.testing.assert_close(logits.sigmoid(), probabilities[:, 1], atol=1e-5, rtol=0)
    torch.testing.assert_close(nets[0].offsets(features), offsets.permute(0, 2, 3, 1), atol=1e-5, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize(("stage", "theirs", "side"), [(1, reference.RNet, 24), (2, reference.ONet, 48)])
def test_crops(nets, stage: int, theirs, side: int) -> None:
    x = pixels(5, 3, side, side)
    *rest, probabilities = theirs()(normalised(x))
    answer = nets[stage](x)
    torch.testing.assert_close(answer[:, 0].sigmoid(), probabilities[:, 1], atol=1e-5, rtol=0)
    torch.testing.assert_close(answer[:, 1:], torch.cat(rest, dim=1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("side", [3, 4, 9, 10, 21, 22, 46])
def test_pooling_is_max_pooling(side: int) -> None:
    torch.manual_seed(side)
    x = torch.randn(2, 16, side, side).contiguous(memory_format=torch.channels_last)
    expected = torch.nn.functional.max_pool2d(x, 3, 2, ceil_mode=True)
    assert torch.equal(_pool_3_by_2(x), expected)


def test_weight_files_are_found_without_torch() -> None:
    code = (
        "import sys; from phototag.nets.mtcnn.weights import weight_files\n"
        "assert [f.name for f in weight_files()] == ['pnet.pt', 'rnet.pt', 'onet.pt']\n"
        "assert not {'torch', 'facenet_pytorch', 'numpy'} & set(sys.modules), 'heavy imports'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
