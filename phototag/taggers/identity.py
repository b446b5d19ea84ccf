"""Whose face each is, as 128 numbers (an embedding): near for two pictures of one person, apart for two
persons. Names nobody: phototag.people groups faces by these numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from phototag.nets.device import pick_device
from phototag.nets.identity.align import cut_face
from phototag.nets.identity.net import EMBEDDING_SIZE, embed
from phototag.nets.identity.net import load as load_net
from phototag.records import Frame, Tag
from phototag.taggers.table import Tagger
from phototag.weights import store

LABEL = "identity"
BATCH = 16  # faces at once: fills two cores, and their maps take 60 MB
LANDMARKS = 5  # of MTCNN: without them a face cannot be aligned


def load(device: str, options: Mapping[str, Any]) -> Tagger:
    """The tagger on `device` (see pick_device). Raises WeightsError, UsageError."""
    place = pick_device(device)
    net = load_net(store.checked(LABEL)).to(place)

    @torch.inference_mode()
    def look_at(crops: Sequence[np.ndarray]) -> np.ndarray:
        """(150, 150, 3) uint8 each -> (N, 128) half floats of length 1."""
        if not crops:
            return np.empty((0, EMBEDDING_SIZE), np.float16)
        faces = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)  # (N, 3, 150, 150)
        return torch.cat([embed(net, part.to(place)).half().cpu() for part in faces.split(BATCH)]).numpy()

    def tag(frames: Sequence[Frame]) -> list[list[Tag]]:
        found, crops = [], []
        for frame in frames:
            its_faces = []
            for face in frame.answers.get("faces", ()):
                if face.box is None or len(face.points) != LANDMARKS:
                    continue
                try:
                    crops.append(cut_face(frame.pixels, face.points))
                except ValueError:  # landmarks on one point, or outside the picture: nobody's face
                    continue
                its_faces.append(face)
            found.append(its_faces)
        embeddings = iter(look_at(crops))
        return [
            [Tag(LABEL, face.score, face.box, embedding=next(embeddings).tobytes()) for face in faces]
            for faces in found
        ]

    return tag
