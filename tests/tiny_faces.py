"""Taggers of faces, small enough to scan pictures with by the dozen: a face is a patch of colour, and a
red one smiles. `wider` makes other weights, which see each face a little larger."""

from contextlib import contextmanager

import numpy as np
from PIL import Image

from phototag.records import Box, Tag
from phototag.smiling import join_faces
from phototag.taggers import table

SIZE_WH = (640, 480)
# Left, top, right, bottom in pixels: no two in one column or row, so that they are told apart
# whichever way the picture is turned.
PLACES = ((60, 40, 180, 160), (260, 190, 380, 310), (470, 330, 590, 450))


def draw(path, smiles, *, seed=0, caption=None, orientation=None):
    """A picture with a face at each place: True smiles, False does not, None: there is none. The same
    faces and seed make the same compressed pixels, whatever is written beside them."""
    picture = Image.new("RGB", SIZE_WH, (90 + seed, 90, 90))
    for place, smiling in zip(PLACES, smiles, strict=False):
        if smiling is not None:
            picture.paste((250, 40, 40) if smiling else (40, 40, 250), place)
    exif = Image.Exif()
    if caption:
        exif[0x010E] = caption
    if orientation:
        exif[0x0112] = orientation
    picture.save(path, quality=95, exif=exif.tobytes())


def load_faces(device, options):
    def tag(frames):
        return [[Tag("face", 0.99, box) for box in find(frame.pixels, options["wider"])] for frame in frames]

    return tag


def load_smiles(device, options):
    def tag(frames):
        answers = []
        for frame in frames:
            faces = join_faces(frame.answers)
            answers.append([Tag("smile", _redness(frame.pixels, face.box), face.box) for face in faces])
        return answers

    return tag


def find(pixels, wider):
    """The boxes of the patches, from left to right."""
    height, width = pixels.shape[:2]
    spread = pixels.max(axis=2).astype(int) - pixels.min(axis=2)
    is_face = spread > 100
    columns = np.flatnonzero(is_face.any(axis=0))
    boxes = []
    for run in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
        if len(run) < 10:
            continue
        rows = np.flatnonzero(is_face[:, run].any(axis=1))
        left, right = run[0] / width, (run[-1] + 1) / width
        top, bottom = rows[0] / height, (rows[-1] + 1) / height
        x, y = wider * (right - left), wider * (bottom - top)
        boxes.append(Box(left - x, top - y, right + x, bottom + y))
    return boxes


def _redness(pixels, box):
    left, top, right, bottom = box.pixels(pixels.shape[1], pixels.shape[0])
    patch = pixels[top:bottom, left:right]
    return float((patch[..., 0] > patch[..., 2]).mean() > 0.5) * 0.8 + 0.1


@contextmanager
def installed(wider=0.0):
    """The program with only these taggers."""
    before = dict(table.SPECS)
    table.SPECS.clear()
    table.SPECS["faces"] = table.TaggerSpec(
        "faces", "tests.tiny_faces:load_faces", version=1, summary="patches", options={"wider": wider}
    )
    table.SPECS["smiles"] = table.TaggerSpec(
        "smiles", "tests.tiny_faces:load_smiles", version=1, summary="red ones", needs=("faces",)
    )
    try:
        yield
    finally:
        table.SPECS.clear()
        table.SPECS.update(before)
