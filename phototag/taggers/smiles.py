"""Smile and emotion of every face by SmileNet. Whether everyone in the photo smiles follows from
these scores and is decided by phototag.smiling."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from phototag.errors import UnreadablePhoto
from phototag.nets.device import half_precision, pick_device
from phototag.nets.smilenet.checkpoint import load as load_net
from phototag.nets.smilenet.crop import cut_face, normalise
from phototag.nets.smilenet.evaluate import move_threshold, smile_probability
from phototag.nets.smilenet.labels import EMOTIONS
from phototag.nets.smilenet.net import fuse
from phototag.reading.decode import open_photo
from phototag.records import Box, Frame, Tag
from phototag.smiling import MIN_SCORE, SMILE_THRESHOLD, join_faces
from phototag.taggers import table
from phototag.taggers.table import WORKING_SIDE, Tagger
from phototag.weights import store

WEIGHTS = Path(__file__).parent.parent / "weights" / "smilenet.safetensors"
BATCH = 64  # faces at once: enough to fill any device, little memory


def load(device: str, options: Mapping[str, Any]) -> Tagger:
    """The tagger on `device` (see pick_device). Raises WeightsError, UsageError."""
    place = pick_device(device)
    net, calibration = load_net(store.checked("smilenet"))
    net = fuse(net).to(place)
    dtype = half_precision(place)

    @torch.inference_mode()
    def predict(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N, S, S) uint8 -> smile probabilities (N,), emotion probabilities (N, 8)."""
        smiles, emotions = [], []
        for part in torch.from_numpy(crops).split(BATCH):
            faces = normalise(part.to(place)).contiguous(memory_format=torch.channels_last)  # (B, 1, S, S)
            with torch.autocast(place.type, dtype, enabled=dtype is not None):
                emotion_logits, smile_logits = net(faces)
            said = smile_probability(smile_logits.float(), calibration).cpu()
            smiles.append(move_threshold(said, calibration.smile_threshold, SMILE_THRESHOLD))
            emotions.append((emotion_logits.float() / calibration.emotion_temperature).softmax(1).cpu())
        return torch.cat(smiles).numpy(), torch.cat(emotions).numpy()

    def tag(frames: Sequence[Frame]) -> list[list[Tag]]:
        found = [join_faces(frame.answers) for frame in frames]
        crops = [
            cut_face(frame.pixels, face.box, face.points, calibration.size)
            for frame, faces in zip(frames, found, strict=True)
            for face in faces
        ]
        smiles, emotions = predict(np.stack(crops)) if crops else (np.empty(0), np.empty((0, len(EMOTIONS))))
        answers: list[list[Tag]] = []
        at = 0
        for faces in found:
            tags: list[Tag] = []
            for face in faces:
                tags.append(Tag("smile", float(smiles[at]), face.box))
                tags += [
                    Tag(name, min(1.0, float(p)), face.box)
                    for name, p in zip(EMOTIONS, emotions[at], strict=True)
                ]
                at += 1
            answers.append(tags)
        return answers

    return tag


def _area(face: tuple[Box, object]) -> float:
    return face[0].area


def largest_face_cutter(device: str, size: int) -> Callable[[Path], np.ndarray]:
    """For measuring on whole photos: a function from a photo's file to the crop of its largest face
    that the face tagger is sure of, cut as a scan cuts it. It raises UnreadablePhoto where there is
    none."""
    find = table.load("faces", device, {})

    def cut(file: Path) -> np.ndarray:
        photo = open_photo(file, working_side=WORKING_SIDE, for_taggers=True)
        (found,) = find([Frame(0, photo.pixels, photo.width, photo.height)])
        faces = [(tag.box, tag.points) for tag in found if tag.score >= MIN_SCORE and tag.box]
        if not faces:
            raise UnreadablePhoto("no face found")
        box, points = max(faces, key=_area)
        return cut_face(photo.pixels, box, points, size)

    return cut
