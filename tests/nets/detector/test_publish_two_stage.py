import torch

from phototag.nets.detector import data, everyday, publish_two_stage


def test_labels_get_thresholds_and_poor_ones_do_not_ship(coco_file, tmp_path, monkeypatch):
    torch.manual_seed(0)
    photos = data.read_coco(coco_file, coco_file.parent)
    settings = everyday.Settings(
        ("red", "blue", "kite", "toaster"), 200, 96, taught=4, seen=3, width=4, hidden=24
    )
    source, target = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    net = everyday.build(settings)
    for level in net.rpn.head.levels:
        level.objectness.bias.data.fill_(1.0)
    everyday.save(source, net, settings)
    told = publish_two_stage.publish(source, target, [photos, photos])
    read = everyday.load(target)[1]
    assert set(read.thresholds) == {"red", "blue", "kite"} and told["left out"] == ["hair drier", "toaster"]
    assert read.thresholds["kite"] >= publish_two_stage.UNSEEN_LOWEST and len(told["sha256"]) == 64
    monkeypatch.setattr(publish_two_stage, "LEAST_BOXES", 1)
    assert "red" in publish_two_stage.publish(source, target, [photos])["left out"], "it learned nothing"
    assert everyday.detector(target).names[1:] == (None, None, "kite", None)
