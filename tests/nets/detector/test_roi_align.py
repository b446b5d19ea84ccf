import torch
from torchvision.ops import MultiScaleRoIAlign

from phototag.nets.detector.roi_align import RoIAlign


def pyramid(batch: int = 2) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {str(i): torch.randn(batch, 8, 40 >> i, 52 >> i, requires_grad=True) for i in range(3)}


BOXES = [
    torch.tensor([[0.0, 0.0, 416.0, 320.0], [10.0, 20.0, 33.5, 61.25], [400.0, 300.0, 416.0, 320.0]]),
    torch.tensor([[100.0, 40.0, 260.0, 200.0], [5.0, 5.0, 5.5, 300.0], [0.0, 0.0, 112.0, 112.0]]),
]


def test_gives_the_numbers_and_gradients_of_torchvision():
    maps = pyramid()
    theirs = MultiScaleRoIAlign(["0", "1", "2"], 7, 2, canonical_scale=112)(maps, BOXES, [(320, 416)] * 2)
    ours = RoIAlign()(maps, BOXES, [(320, 416)] * 2)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    upstream = torch.randn_like(theirs)
    for ours_of, theirs_of in zip(
        torch.autograd.grad(ours, list(maps.values()), upstream),
        torch.autograd.grad(theirs, list(maps.values()), upstream),
        strict=True,
    ):
        torch.testing.assert_close(ours_of, theirs_of, atol=1e-3, rtol=1e-3)


def test_no_boxes_at_all():
    pooled = RoIAlign()(pyramid(), [torch.zeros(0, 4), torch.zeros(0, 4)], [(320, 416)] * 2)
    assert pooled.shape == (0, 8, 7, 7)


def test_torchvisions_levels_of_its_own_nets():
    """ResNet's four maps, 112 pixels on the second; MobileNet's two of one stride, of which it
    reads the first."""
    torch.manual_seed(0)
    four = {str(i): torch.randn(2, 8, 80 >> i, 104 >> i) for i in range(4)}
    theirs = MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2)(four, BOXES, [(320, 416)] * 2)
    torch.testing.assert_close(
        RoIAlign((4, 8, 16, 32))(four, BOXES, [(320, 416)] * 2), theirs, atol=1e-4, rtol=1e-4
    )
    two = {"0": torch.randn(2, 8, 10, 13), "1": torch.randn(2, 8, 10, 13), "pool": torch.randn(2, 8, 5, 7)}
    theirs = MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2)(two, BOXES, [(320, 416)] * 2)
    torch.testing.assert_close(RoIAlign((32,))(two, BOXES, [(320, 416)] * 2), theirs, atol=1e-4, rtol=1e-4)
