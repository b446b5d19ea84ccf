import torch

from phototag.nets.detector.suppress import merge_boxes


def merged(*things):
    """(left, top, right, bottom, label, score) each -> what remains, rounded."""
    table = torch.tensor(things, dtype=torch.float32).reshape(-1, 6)
    boxes, labels, scores = merge_boxes(table[:, :4], table[:, 4].long(), table[:, 5])
    return [
        (*(round(edge, 1) for edge in box), label, round(score, 3))
        for box, label, score in zip(boxes.tolist(), labels.tolist(), scores.tolist(), strict=True)
    ]


def test_nothing_and_one_remain_as_they_are():
    assert merged() == []
    assert merged((10, 20, 30, 60, 1, 0.7)) == [(10, 20, 30, 60, 1, 0.7)]


def test_overlapping_boxes_of_one_label_are_one_thing_and_agree_on_its_edges():
    alone = (300, 0, 400, 100, 1, 0.5)
    assert merged((0, 0, 100, 100, 1, 0.8), (10, 0, 110, 100, 1, 0.4), (50, 0, 150, 100, 2, 0.3), alone) == [
        (3.3, 0, 103.3, 100, 1, 0.8),  # 0 with the weight of 0.8, 10 with that of 0.4
        alone,
        (50, 0, 150, 100, 2, 0.3),
    ]
    far = (30, 0, 130, 100, 1, 0.4)  # the same thing, IoU 0.54, but no vote on its edges
    assert merged((0, 0, 100, 100, 1, 0.8), far) == [(0, 0, 100, 100, 1, 0.8)]


def test_a_worse_box_over_two_better_ones_counts_half():
    left, right, over = (0, 0, 100, 200, 1, 0.9), (150, 0, 250, 200, 1, 0.8), (0, 0, 250, 200, 1, 0.75)
    assert merged(left, right, over) == [left, right, (0, 0, 250, 200, 1, 0.375)]
    assert merged(left, right, (*over[:4], 2, 0.75))[2][5] == 0.75, "a sofa that people sit on"


def test_a_small_one_before_a_better_large_one_stays():
    flock, lamb = (0, 0, 300, 200, 3, 0.9), (20, 100, 80, 160, 3, 0.6)
    assert merged(flock, lamb) == [flock, lamb]
    assert merged((*flock[:5], 0.5), lamb)[1] == (*flock[:5], 0.25)
