"""`phototag evaluate`: the figures of the model cards, for anyone to print."""

from __future__ import annotations

import click

from phototag.cli.evaluate_faces import evaluate_faces
from phototag.cli.evaluate_framing import evaluate_framing
from phototag.cli.evaluate_kinds import evaluate_kinds
from phototag.cli.evaluate_labels import evaluate_labels
from phototag.cli.evaluate_objects import evaluate_objects
from phototag.cli.evaluate_people import evaluate_people
from phototag.cli.evaluate_smilenet import evaluate_smilenet
from phototag.cli.evaluate_theme import evaluate_theme


@click.group()
def evaluate() -> None:
    """Measure the nets on labelled pictures.

    Every figure in the README and the model cards is printed by one of these commands.
    """


evaluate.add_command(evaluate_faces)
evaluate.add_command(evaluate_framing)
evaluate.add_command(evaluate_kinds)
evaluate.add_command(evaluate_labels)
evaluate.add_command(evaluate_objects)
evaluate.add_command(evaluate_people)
evaluate.add_command(evaluate_smilenet)
evaluate.add_command(evaluate_theme)
