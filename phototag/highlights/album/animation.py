"""The shots of a moment as a small moving picture, which ends on the one that was kept."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence

from phototag.errors import PhototagError
from phototag.highlights.album.folder import OutputFolder
from phototag.highlights.chosen import open_chosen
from phototag.highlights.verdict import Choice
from phototag.records import Photo

FOLDER = "bursts"
SIDE = 640  # pixels, the long side: what a message shows
SHOT_MS, LAST_MS = 180, 1200
MOST_SHOTS = 12  # besides the kept one; a longer burst is evenly thinned


def lay_out(
    folder: OutputFolder, choice: Choice, names: Sequence[str], progress: Callable[[], None] | None = None
) -> None:
    """Fill `bursts/` in the folder: a WebP for each kept photo of a burst, of its name. Raises PhototagError
    where a kept photo cannot be opened any more; other shots that cannot are left out."""
    bursts: Mapping[int, Sequence[Photo]] = choice.bursts()
    for verdict, name in zip(choice.kept, names, strict=True):
        kept = verdict.photo
        others = [photo for photo in bursts.get(kept.photo_id, ()) if _shape(photo) == _shape(kept)]
        if others:
            folder.write(f"{FOLDER}/{name.rpartition('.')[0]}.webp", animate(kept, others))
        if progress is not None:
            progress()


def animate(kept: Photo, others: Sequence[Photo]) -> bytes:
    """An endless WebP of the other shots, in their order, and the kept one, held for a while."""
    from PIL import Image

    last = Image.fromarray(open_chosen(kept, SIDE))
    step = max(1.0, len(others) / MOST_SHOTS)
    shots = []
    for photo in [others[int(number * step)] for number in range(int(len(others) / step))]:
        try:
            shots.append(Image.fromarray(open_chosen(photo, SIDE)).resize(last.size))
        except PhototagError:
            continue
    data = io.BytesIO()
    first, *rest = [*shots, last]
    durations = [SHOT_MS] * len(shots) + [LAST_MS]
    first.save(data, "WEBP", save_all=True, append_images=rest, duration=durations, loop=0, quality=80)
    return data.getvalue()


def _shape(photo: Photo) -> tuple[int | None, int | None]:
    return photo.width, photo.height
