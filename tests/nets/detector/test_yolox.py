import struct

import numpy as np
import pytest
import torch

from phototag.errors import WeightsError
from phototag.nets.detector import everyday, yolox
from phototag.weights import manifest


def number(value):
    """A protocol-buffer integer."""
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def field(key, content):
    if isinstance(content, int):
        return number(key << 3) + number(content)
    return number(key << 3 | 2) + number(len(content)) + content


def focused(weight):
    """(O, 3, 6, 6) over RGB from 0 to 1 -> (O, 12, 3, 3) over four shifted BGR pictures of 0 to
    255, as YOLOX is published."""
    patches = [weight.flip(1)[:, :, down::2, right::2] for right in (0, 1) for down in (0, 1)]
    return torch.cat(patches, 1) / 255


def write_onnx(net, path):
    """The convolutions of the net as an ONNX file lists them, and the nodes in running order."""
    graph = b""
    for i, layer in enumerate(part for part in net.modules() if isinstance(part, torch.nn.Conv2d)):
        graph += field(
            1,
            field(1, b"x") + field(1, b"w%d" % i) + field(1, b"b%d" % i) + field(2, b"y") + field(4, b"Conv"),
        )
        graph += field(1, field(1, b"y") + field(2, b"x") + field(4, b"Sigmoid"))
        weight = focused(layer.weight) if i == 0 else layer.weight
        for name, value in ((b"w%d" % i, weight), (b"b%d" % i, layer.bias)):
            numbers = value.detach().numpy().astype("<f4").tobytes()
            dims = b"".join(field(1, size) for size in value.shape)
            graph += field(5, dims + field(2, 1) + field(8, name) + field(9, numbers))
    graph += field(
        5, field(1, 1) + field(2, 7) + field(8, b"axes") + field(9, struct.pack("<q", 2))
    )  # an integer tensor
    path.write_bytes(field(1, 8) + field(7, graph))
    return path


@pytest.fixture
def small(tmp_path):
    torch.manual_seed(3)
    net = yolox.Yolox(80, 4).eval()
    return net, write_onnx(net, tmp_path / "small.onnx")


def test_an_onnx_file_becomes_the_same_net(small):
    net, file = small
    read = yolox.read_onnx(file)
    images = torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        ours, theirs = read(images), net(images)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    assert ours.boxes.shape == (2, 8 * 12 + 4 * 6 + 2 * 3, 4) and ours.kinds.shape[2] == 80


def test_the_first_layer_is_the_published_one_cut_in_four():
    """Focus (Ge et al. 2021): every second pixel of BGR 0 to 255, four times, then 3 x 3."""
    torch.manual_seed(0)
    weight = torch.randn(4, 3, 6, 6)
    rgb = torch.rand(1, 3, 32, 32)
    bgr = rgb.flip(1) * 255
    parts = [bgr[..., down::2, right::2] for right in (0, 1) for down in (0, 1)]
    published = torch.nn.functional.conv2d(torch.cat(parts, 1), focused(weight), padding=1)
    torch.testing.assert_close(
        torch.nn.functional.conv2d(rgb, weight, stride=2, padding=2), published, atol=1e-3, rtol=1e-4
    )
    torch.testing.assert_close(yolox._from_focus(focused(weight)), weight)


def test_boxes_are_decoded_as_published():
    """x, y = (offset + cell) * stride; w, h = exp(offset) * stride."""
    offsets = [torch.zeros(1, 4, size, size) for size in (4, 2, 1)]
    offsets[0][0, :, 2, 3] = torch.tensor([0.5, 0.25, np.log(2), np.log(4)])
    nothing = [torch.zeros(1, 1, size, size) for size in (4, 2, 1)]
    said = yolox.decode(offsets, nothing, nothing)
    torch.testing.assert_close(said.boxes[0, 2 * 4 + 3], torch.tensor([28.0 - 8, 18.0 - 16, 28 + 8, 18 + 16]))
    assert said.boxes.shape == (1, 21, 4)


def test_other_files_are_refused_in_a_sentence(small, tmp_path):
    _, file = small
    for content in (b"", b"no such thing", file.read_bytes()[:-900]):
        (tmp_path / "x.onnx").write_bytes(content)
        with pytest.raises(WeightsError, match=r"x\.onnx"):
            yolox.read_onnx(tmp_path / "x.onnx")
    with pytest.raises(WeightsError, match=r"y\.onnx"):
        yolox.read_onnx(tmp_path / "y.onnx")
    with pytest.raises(WeightsError, match=r"yolox_nano\.onnx is what fits"):
        everyday.start_from_trained(file, manifest.SHIPPED / "people-pets.safetensors")
