"""`phototag tags`: which labels there are to ask for."""

from __future__ import annotations

import click

from phototag.cli.output import db_option, json_option, open_library, printable, say, write_json, write_table


@click.command()
@db_option
@json_option
def tags(db: str | None, as_json: bool) -> None:
    """List the labels of the catalog with their numbers of photos.

    \b
      phototag tags
      phototag tags --json | jq '.[].label'
    """
    from phototag.query.terms import DEFAULT_SCORE
    from phototag.weights.thresholds import strictest

    with open_library(db) as library:
        found = library.labels(thresholds=strictest(library.detectors(), DEFAULT_SCORE))
    if as_json:
        write_json([{"label": row.label, "photos": row.photos, "source": row.source} for row in found])
    elif found:
        write_table(
            ("label", "photos", "said by"),
            [(printable(r.label), f"{r.photos:,}", r.source) for r in found],
            frozenset({1}),
        )
    else:
        say("No labels yet. Scan some photos first: phototag scan FOLDER")
