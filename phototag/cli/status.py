"""`phototag status`: how far the catalog is."""

from __future__ import annotations

import click

from phototag.cli.output import (
    count,
    db_option,
    json_option,
    open_library,
    printable,
    size,
    write_json,
    write_table,
    write_text,
)


@click.command()
@db_option
@json_option
def status(db: str | None, as_json: bool) -> None:
    """Show catalog statistics and the weights in use.

    \b
      phototag status
      phototag status --json | jq .taggers
    """
    from phototag.reading import files
    from phototag.records import Fingerprint
    from phototag.scanning import decode_fingerprint, likely_device
    from phototag.taggers import table
    from phototag.taggers.fingerprints import compute_fingerprints
    from phototag.weights.default_detector import choose_detector

    options = {name: dict(spec.options) for name, spec in table.SPECS.items()}
    if "objects" in options:  # to do is what a scan would do now
        options["objects"]["detector"] = choose_detector("auto", likely_device("auto"), offline=True).detector
    with open_library(db) as library:
        people = library.looks_for_people()
    wanted = [name for name, spec in table.SPECS.items() if people or not spec.only_if_asked]
    able = [name for name in wanted if table.SPECS[name].missing(options[name]) is None]
    fingerprints = compute_fingerprints(able, options)
    fingerprints["decode"] = Fingerprint(decode_fingerprint(files.MAX_PIXELS))
    with open_library(db) as library:
        found = library.status(fingerprints)
    weights = {name: [path.name for path in table.SPECS[name].weights(options[name])] for name in able}
    unable = {name: table.SPECS[name].missing(options[name]) for name in wanted if name not in able}
    if as_json:
        taggers = {
            name: {
                "done": row.done,
                "to_do": row.to_do,
                "failed": row.failed,
                "weights": weights.get(name, []),
            }
            for name, row in found.taggers.items()
            if name != "decode"
        }
        write_json(
            {
                "catalog": found.catalog,
                "size_bytes": found.size_bytes,
                "photos": found.photos,
                "missing": found.missing,
                "taggers": taggers,
                "detectors": dict(found.detectors),
                "cannot_run": unable,
            }
        )
        return
    write_text(f"{printable(found.catalog)}, {size(found.size_bytes)}")
    write_text(f"{count(found.photos, 'photo')}, {found.missing:,} of them missing\n")
    lines = [
        (name, f"{row.done:,}", f"{row.to_do:,}", f"{row.failed:,}", ", ".join(weights.get(name, [])) or "-")
        for name, row in found.taggers.items()
        if name != "decode"
    ]
    write_table(("tagger", "done", "to do", "failed", "weights"), lines, frozenset({1, 2, 3}), key=0)
    if found.detectors:
        by = ", ".join(
            f"{name} in {count(number, 'photo')}" for name, number in sorted(found.detectors.items())
        )
        write_text(f"\nThings found with {by}.")
    for why in unable.values():
        write_text(f"\n{why}")
