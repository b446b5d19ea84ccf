"""`phototag evaluate kinds`: what the words of whole photos are worth, by a list of verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from phototag.cli.output import count, draws_bars, json_option, printable, say, write_json, write_text
from phototag.errors import UnreadablePhoto, UsageError

BATCH = 16  # photos in memory at once


@click.command("kinds")
@click.argument("verdicts", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--words", "by_word", is_flag=True, help="Print every word that was wrong or doubtful, too.")
@json_option
def evaluate_kinds(verdicts: Path, folder: Path, by_word: bool, as_json: bool) -> None:
    """Measure the words said of whole photos by what a person saw.

    VERDICTS is a CSV file with the columns sample, sha256 (of the photo's file), word, first and second:
    right, wrong or doubtful, as somebody judged the word on that photo, twice. FOLDER holds the photos.
    What is said with the present thresholds (phototag/taggers/kinds.toml) is counted, for each sample
    by itself. Words judged differently the second time count as doubtful; precision leaves doubtful
    words out.

    \b
      phototag evaluate kinds tests/benchmarks/kinds_by_eye.csv photos/
    """
    from tqdm import tqdm

    from phototag.cli.decoders import silence_decoders
    from phototag.cli.verdicts import Worth, read_samples
    from phototag.reading.decode import open_photo
    from phototag.reading.files import hash_file
    from phototag.reading.walk import Walk
    from phototag.records import Frame
    from phototag.taggers import table

    silence_decoders()
    samples = read_samples(verdicts, "word")
    wanted = {sha256 for photos in samples.values() for sha256 in photos}
    paths = [file.full_path() for file in Walk([folder])]
    files = {sha256: path for path in paths if (sha256 := hash_file(path)) in wanted}
    if not files:
        raise UsageError(f"{folder}: none of the {count(len(wanted), 'photo')} of {verdicts.name} is in it")
    if len(files) < len(wanted):
        lost = count(len(wanted) - len(files), "photo")
        say(f"{lost} of {len(wanted):,} are not in {printable(str(folder))}")
    tagger = table.load("kinds", "auto", {})
    said: dict[str, list[str]] = {}
    hashes = sorted(files)
    starts = range(0, len(hashes), BATCH)
    for start in tqdm(starts, desc="looking at photos", delay=2, disable=not draws_bars()):
        frames, of = [], hashes[start : start + BATCH]
        read = []
        for index, sha256 in enumerate(of):
            try:
                photo = open_photo(files[sha256], working_side=table.WORKING_SIDE, for_taggers=True)
            except UnreadablePhoto as error:
                say(f"skipped: {printable(files[sha256])}: {error}")
                continue
            frames.append(Frame(index, photo.pixels, photo.width, photo.height))
            read.append(sha256)
        for sha256, tags in zip(read, tagger(frames), strict=True):
            said[sha256] = [tag.label for tag in tags]
    found: dict[str, Any] = {}
    for sample, photos in samples.items():
        worth = Worth()
        for sha256, judged in photos.items():
            if sha256 in said:
                worth.add(judged, said[sha256])
        not_right = {
            word: counts for word, counts in sorted(worth.by_word.items()) if counts.keys() - {"right"}
        }
        found[sample] = {**worth.as_dict(), "words": not_right}
        if not as_json and worth.photos:
            worth.show(sample, "words")
            if by_word:
                for word, counts in not_right.items():
                    told = ", ".join(f"{number} {verdict}" for verdict, number in sorted(counts.items()))
                    write_text(f"  {printable(word):16} {told}")
    if as_json:
        write_json(found)
