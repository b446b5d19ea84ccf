"""`phototag evaluate smilenet`: measure SmileNet on labelled faces."""

from __future__ import annotations

from pathlib import Path

import click

from phototag.cli.output import count, is_known_photo, printable, say, write_json, write_text


@click.command("smilenet")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False),
    help="SmileNet weights. Default: those in use.",
)
@click.option("--flip", is_flag=True, help="Average over the face and its mirror image.")
@click.option(
    "--held-out",
    is_flag=True,
    help="Only the persons that training holds out: one in ten by hash of the name.",
)
@click.option(
    "--without",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="List of SHA-256 hashes of pictures to leave out, as `evaluate labels` makes it.",
)
@click.option(
    "--verdicts",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Table of sha256,verdict: measure faces apart by what somebody saw, such as closed mouths.",
)
@click.option(
    "--whole-photos",
    is_flag=True,
    help="DATA holds photos, LABEL/*.jpg: find the largest face with our own tagger first.",
)
@click.option(
    "--shrink-to",
    type=click.IntRange(8, 96),
    help="Make faces this small first, in pixels: how well are distant ones read?",
)
@click.option(
    "--confusion",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the confusion matrix to this PNG.",
)
@click.option("--force", is_flag=True, help="Let --confusion replace a file that phototag did not make.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def evaluate_smilenet(
    data: Path,
    weights: Path | None,
    flip: bool,
    held_out: bool,
    without: Path | None,
    verdicts: Path | None,
    shrink_to: int | None,
    whole_photos: bool,
    confusion: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Measure SmileNet on labelled faces.

    DATA: a folder LABEL/*.jpg|png of face crops, a .csv of file,emotion, or an .npz with images and
    votes. Accuracy is against the emotion most people saw; faces where two emotions share the first
    place are left out. It is also
    reported for the faces on which more than half of the annotators agree.

    With --verdicts, faces are also counted by what somebody saw in them, named by the SHA-256 of the
    file, or of the pixels where they are in an .npz: of how many it is said that they smile, and the
    smile AUC of these beside the faces of DATA that do not smile.

    \b
      phototag evaluate smilenet faces/ --json
      phototag evaluate smilenet ferplus_valid.npz --flip --confusion confusion.png
      phototag evaluate smilenet ferplus_valid.npz --verdicts tests/benchmarks/mouths_by_eye.csv
    """
    from phototag.cli.decoders import silence_decoders
    from phototag.nets.device import set_cpu_threads
    from phototag.nets.smilenet import data as faces_of
    from phototag.nets.smilenet import evaluate as measures
    from phototag.nets.smilenet.checkpoint import load
    from phototag.nets.smilenet.label_issues import read_hashes
    from phototag.nets.smilenet.labels import EMOTIONS
    from phototag.nets.smilenet.net import fuse
    from phototag.outputs import check_output
    from phototag.weights import store

    if confusion:
        check_output(confusion, is_known_photo, force=force)
    net, calibration = load(weights or store.checked("smilenet"))
    fuse(net)
    if whole_photos and verdicts:
        raise click.UsageError("--verdicts names cut faces; it does not go with --whole-photos")
    left_out = read_hashes(without) if without else frozenset()
    cut = None
    if whole_photos:
        from phototag.taggers.smiles import largest_face_cutter

        cut = largest_face_cutter("auto", calibration.size)

    def read(only: frozenset[str] | None = None) -> faces_of.FaceSet:
        faces = faces_of.read_faces(data, calibration.size, cut=cut, without=left_out, only=only)
        if held_out:
            _, faces = faces_of.split_persons(faces)
        if shrink_to:
            faces.images = faces_of.shrunk(faces.images, shrink_to)
        return faces

    faces = read()
    for name, why in list(faces.skipped.items())[:10]:
        say(f"skipped: {name}: {why}")
    logits = measures.predict(net, faces.images, calibration.size, flip=flip)
    found = measures.measure(logits, faces, calibration)
    if verdicts:
        known, smiling = faces.known_smiles
        others = logits[1][known & ~smiling]
        found["verdicts"] = {}
        for verdict, hashes in sorted(faces_of.read_verdicts(verdicts).items()):
            _, said = measures.predict(net, read(hashes).images, calibration.size, flip=flip)
            found["verdicts"][verdict] = measures.measure_smiles(said, others, calibration)
    set_cpu_threads(1)
    silence_decoders()
    found["ms_per_face"] = measures.milliseconds_per_face(net, calibration.size)
    found["flip"] = flip
    if confusion:
        from phototag.nets.charts import draw_confusion

        draw_confusion(confusion, found["confusion"], EMOTIONS, force=force)
    if as_json:
        write_json(found)
        return

    def percent(value: float | None) -> str:
        return "   -" if value is None else f"{value:.1%}"

    write_text(f"{count(found['n'], 'face')} with a clear emotion")
    write_text(f"emotion accuracy {percent(found['accuracy'])}")
    if found["majority_n"] != found["n"]:
        write_text(
            f"  where more than half agree, {found['majority_n']} faces: "
            f"{percent(found['majority_accuracy'])}"
        )
    for name, row in found["per_class"].items():
        if row["n"]:
            write_text(
                f"  {name:10} n {row['n']:5}  precision {percent(row['precision'])}  recall "
                f"{percent(row['recall'])}"
            )
    write_text(
        f"smile accuracy {percent(found['smile_accuracy'])}, precision {percent(found['smile_precision'])}, "
        f"recall {percent(found['smile_recall'])} at threshold {found['smile_threshold']:.2f}"
    )
    if found["smile_auc"] is not None:
        write_text(f"smile AUC {found['smile_auc']:.4f}, calibration error {found['ece']:.3f}")
    for verdict, row in found.get("verdicts", {}).items():
        auc = "" if row["auc"] is None else f", AUC {row['auc']:.4f}"
        write_text(f"{printable(verdict)}: {row['told_as_smiles']} of {row['n']} told as smiles{auc}")
    write_text(f"{found['ms_per_face']:.2f} ms per face on one core, 32 at once")
