"""The compact detector's network, the one preprocessing of every detector, and the reading and
writing of its weights.

Owns the Faster R-CNN on EfficientNet-Lite0 and `Detector`, which asks any torchvision Faster R-CNN
about pictures of mixed sizes. Must not know where pictures come from or where answers go."""

from __future__ import annotations

from collections.abc import Sequence

import timm
import torch
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from phototag.nets.backbone import BACKBONE, MEAN, STD, FrozenNormConv, imagenet_state
from phototag.nets.detector.roi_align import BINS, RoIAlign
from phototag.nets.inference import join_norms

PYRAMID = 128  # channels; 256 costs three times as much and gained nothing with 3,000 photos
HEAD = 512
# Side lengths in pixels, two on each of strides 8, 16, 32 and 64: from a face in a crowd to a
# portrait filling the picture.
ANCHORS = ((24, 36), (56, 84), (120, 168), (240, 340))
RATIOS = (0.5, 1.0, 2.0)


class Backbone(nn.Module):
    """EfficientNet-Lite0 (Tan & Le 2019, the Lite variant) without its head, and a feature pyramid
    (Lin et al. 2017): (B, 3, H, W) -> maps of 128 channels at strides 8, 16, 32 and 64."""

    def __init__(self) -> None:
        super().__init__()
        self.body = timm.create_model(BACKBONE, features_only=True, out_indices=(2, 3, 4))
        self.fpn = FeaturePyramidNetwork(self.body.feature_info.channels(), PYRAMID, LastLevelMaxPool())
        self.out_channels = PYRAMID

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        maps = self.body(images.contiguous(memory_format=torch.channels_last))
        return self.fpn({str(i): level for i, level in enumerate(maps)})

    def freeze(self, stages: int = 2) -> None:
        """Join every convolution with its norm for good, and stop the stem and the first `stages`
        stages from learning: edges and textures are ImageNet's, 3,000 photos cannot improve
        them."""
        join_norms(self.body, FrozenNormConv)
        for part in (self.body.conv_stem, *self.body.blocks[:stages]):
            part.requires_grad_(False)


class NoResize(GeneralizedRCNNTransform):
    """Normalises and pads but never resizes: pictures come at their working size, resized by Pillow
    with antialiasing."""

    def resize(self, image, target=None):
        return image, target


def build(labels: Sequence[str], imagenet: bool = False, **options) -> FasterRCNN:
    """The compact net for `labels` (the background is added in front). `imagenet`: start the
    backbone from ImageNet's weights. `options` go to torchvision's FasterRCNN."""
    backbone = Backbone()
    if imagenet:
        wanted = backbone.body.state_dict()
        source = imagenet_state()
        backbone.body.load_state_dict({name: source[name] for name in wanted})
    backbone.freeze()
    defaults = {
        "rpn_anchor_generator": AnchorGenerator(ANCHORS, (RATIOS,) * len(ANCHORS)),
        "box_roi_pool": RoIAlign(),
        "box_head": TwoMLPHead(PYRAMID * BINS * BINS, HEAD),
        "box_predictor": FastRCNNPredictor(HEAD, len(labels) + 1),
        "rpn_pre_nms_top_n_train": 600,
        "rpn_post_nms_top_n_train": 300,
        "rpn_pre_nms_top_n_test": 300,
        # of 329 photos none holds more than 20 things; 1,000 proposals double the head's time
        "rpn_post_nms_top_n_test": 150,
        "box_batch_size_per_image": 64,  # the 300 proposals of a photo with one dog repeat themselves
        "box_score_thresh": 0.02,
        "box_detections_per_img": 60,
    }
    net = FasterRCNN(backbone, image_mean=MEAN, image_std=STD, **(defaults | options))
    net.transform = NoResize(0, 0, MEAN, STD)
    return net
