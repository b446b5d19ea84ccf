"""What an engine is, and what it is told. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from phototag.metadata.beside import Reader
from phototag.pipeline import Batch
from phototag.records import Fingerprint
from phototag.stopping import Stop
from phototag.taggers import table

if TYPE_CHECKING:
    from phototag.library.jobs import Jobs


@dataclass(frozen=True)
class Work:
    """What to do with each photo: the names of taggers in running order, never nets, so that it is small
    enough to be sent. `tagger_options` and `fingerprints`: by tagger. `photos`: how many will come."""

    taggers: tuple[str, ...]
    tagger_options: Mapping[str, Mapping[str, Any]]
    fingerprints: Mapping[str, Fingerprint]
    device: str
    batch_size: int
    workers: int | None
    max_pixels: int
    photos: int

    def needs(self) -> dict[str, tuple[str, ...]]:
        """Tagger -> those whose answers it reads."""
        return {name: table.SPECS[name].needs for name in self.taggers}


class Engine(Protocol):
    """Turns jobs into batches of answers."""

    def check(self) -> None:
        """Raises UsageError where it cannot run here: asked before anything slow."""

    def run(
        self,
        jobs: Jobs,
        work: Work,
        *,
        stop: Stop,
        reader: Reader,
        on_message: Callable[[str], None],
    ) -> Generator[Batch]:
        """Decode and tag the photos of `jobs`, and yield what to save, each batch in one transaction. Once
        `stop` says yes, no photo is begun any more. `reader` reads the files beside photos, and has what
        could not be read in its `errors`. Raises TaggerBroken; EngineError where the engine fails."""
        ...
