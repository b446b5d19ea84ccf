"""SmileNet on held-out faces of the expressions set that were looked at by eye: closed-mouth smiles
apart, and a sheet of faces judged without knowing label or answer.

    python -m tests.benchmarks.expressions expressions.csv

expressions_by_eye.csv: sha256 of the picture, verdict. The closed-mouth smiles are all that one of us
saw among the first 360 held-out faces labelled happy. The other verdicts are of a shuffled sheet: the
34 faces on which label and SmileNet disagree about the smile, and 62 on which they agree."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import torch

from phototag.nets.smilenet import data, evaluate
from phototag.nets.smilenet.checkpoint import load
from phototag.nets.smilenet.net import fuse
from phototag.reading.files import hash_file
from phototag.taggers.smiles import WEIGHTS

BY_EYE = Path(__file__).with_suffix("").with_name("expressions_by_eye.csv")


def main(source: Path) -> None:
    with BY_EYE.open(newline="") as lines:
        verdicts = {row["sha256"]: row["verdict"] for row in csv.DictReader(lines)}
    net, calibration = load(WEIGHTS)
    faces = data.read_faces(source, calibration.size)
    files = [file for file, _ in data.labelled_files(source) if str(file) not in faces.skipped]
    chosen = [
        (i, verdicts[digest]) for i, file in enumerate(files) if (digest := hash_file(str(file))) in verdicts
    ]
    some = faces.subset(torch.tensor([i for i, _ in chosen]))
    _, logits = evaluate.predict(fuse(net), some.images, calibration.size)
    said = evaluate.smile_probability(logits, calibration) >= calibration.smile_threshold
    for wanted in ("closed-mouth smile", "smile", "no smile", "unclear"):
        mine = torch.tensor([verdict == wanted for _, verdict in chosen])
        print(f"{wanted}: {int(mine.sum())} faces, {int(said[mine].sum())} of them told as smiles")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
