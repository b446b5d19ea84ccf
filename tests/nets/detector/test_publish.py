import torch

from phototag.nets.detector import checkpoint, data, net, publish


def test_only_labels_that_are_good_enough_ship(coco_file, tmp_path, monkeypatch):
    torch.manual_seed(0)
    photos = data.read_coco(coco_file, coco_file.parent)
    source, target = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    checkpoint.save(source, net.build(photos.names), checkpoint.Settings(photos.names, 96, 160))
    told = publish.publish(source, photos, target)
    assert told["thresholds"] == {} and checkpoint.load(target)[1].thresholds == {}, (
        "a net that learned nothing says nothing for sure"
    )
    monkeypatch.setattr(publish, "LEAST_AP50", -1.0)
    monkeypatch.setattr(publish, "LEAST_BOXES", 6)
    publish.publish(source, photos, target, 64, 128)
    settings = checkpoint.load(target)[1]
    assert settings.thresholds == {"red": publish.CAUTIOUS, "blue": publish.CAUTIOUS}
    assert (settings.short_side, settings.long_side) == (64, 128)
    before, after = (checkpoint.read_weights(path)[0] for path in (source, target))
    assert all(torch.equal(before[name], after[name]) for name in before)
