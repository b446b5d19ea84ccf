"""`phototag train`: teach the nets, from ImageNet's weights or on from ours."""

from __future__ import annotations

import click

from phototag.cli.train_detector import train_detector
from phototag.cli.train_faceness import train_faceness
from phototag.cli.train_smilenet import train_smilenet


@click.group()
def train() -> None:
    """Train the nets on labelled pictures.

    Training takes hours on a processor. It writes a checkpoint after every epoch: the same command
    again goes on where it stopped, to the same numbers."""


train.add_command(train_detector)
train.add_command(train_faceness)
train.add_command(train_smilenet)
