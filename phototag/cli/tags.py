"""`phototag tags`: which labels there are to ask for."""

from __future__ import annotations

import click

from phototag.cli.output import db_option, json_option, open_library, printable, say, write_json, write_table


@click.command()
@db_option
@json_option
def tags(db: str | None, as_json: bool) -> None:
    """List the labels of the catalog with their numbers of photos.

    "from score" is the score from which on `phototag query LABEL` finds a photo.

    \b
      phototag tags
      phototag tags --json | jq '.[].label'
    """
    with open_library(db) as library:
        found = library.labels()
    if as_json:
        write_json(
            [
                {"label": row.label, "photos": row.photos, "source": row.source, "threshold": row.threshold}
                for row in found
            ]
        )
    elif found:
        write_table(
            ("label", "photos", "from score", "said by"),
            [(printable(r.label), f"{r.photos:,}", f"{r.threshold:.2f}", r.source) for r in found],
            frozenset({1, 2}),
            key=0,
        )
    else:
        say("No labels yet. Scan some photos first: phototag scan FOLDER")
