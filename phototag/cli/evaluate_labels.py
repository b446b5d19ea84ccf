"""`phototag evaluate labels`: which labels of a set of faces are likely wrong."""

from __future__ import annotations

from pathlib import Path

import click

from phototag.cli.output import (
    count,
    is_known_photo,
    json_option,
    printable,
    refuse_without,
    say,
    write_json,
    write_text,
)
from phototag.outputs import TEXT_MARK, check_output, replace_file


@click.command("labels")
@click.argument("data", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the pictures' SHA-256 hashes here, one a line, for --without.",
)
@click.option("--force", is_flag=True, help="Let --out replace a file that phototag did not make.")
@json_option
def evaluate_labels(data: Path, out: Path | None, force: bool, as_json: bool) -> None:
    """List faces whose label is likely wrong.

    DATA: a folder LABEL/*.jpg|png of face crops, or a .csv of file,emotion. By confident learning
    (Northcutt, Jiang & Chuang 2021): a classifier that never saw a person says what their face shows,
    and is surer of it than it is on average of faces with that label. Look at some before you leave
    them out.

    \b
      phototag evaluate labels expressions.csv --out wrong.txt
      phototag evaluate smilenet expressions.csv --held-out --without wrong.txt
    """
    if out is None:
        refuse_without("--out", ("--force", force))
    else:
        check_output(out, is_known_photo, force=force)
    from phototag.nets.smilenet import data as faces_of
    from phototag.nets.smilenet.checkpoint import load
    from phototag.nets.smilenet.label_issues import find_issues
    from phototag.reading.files import hash_file
    from phototag.weights import store

    if data.suffix == ".npz":
        raise click.UsageError("votes of several people need no such list; give a folder or a .csv")
    net, calibration = load(store.checked("smilenet"))
    faces = faces_of.read_faces(data, calibration.size)
    files = [(file, word) for file, word in faces_of.labelled_files(data) if str(file) not in faces.skipped]
    issues = find_issues(net, faces, calibration.size)
    wrong = [
        {"file": str(file), "label": word, "sha256": hash_file(str(file))}
        for (file, word), issue in zip(files, issues.tolist(), strict=True)
        if issue
    ]
    if out is not None:
        head = f"{TEXT_MARK}\n# SHA-256 of pictures whose label is likely wrong: phototag evaluate labels\n"
        with replace_file(out, force=force) as temporary:
            temporary.write_text(
                head + "".join(f"{one}\n" for one in sorted({row["sha256"] for row in wrong})), "utf-8"
            )
    if as_json:
        write_json(wrong)
        return
    for row in wrong:
        write_text(f"{printable(row['label']):10} {printable(row['file'])}")
    say(f"{count(len(wrong), 'label')} of {len(faces)} likely wrong")
