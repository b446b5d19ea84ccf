"""Draws docs/film.jpg anew: stills of the film of sample_photos. Run: `python -m tests.make_film_stills`"""

import tempfile
from pathlib import Path

from PIL import Image

from phototag import Library, scan
from phototag.highlights import theme as themes
from phototag.highlights.appearance import measure_appearance
from phototag.highlights.choose import choose
from phototag.highlights.film import make, score, storyboard
from phototag.query.terms import Query

ROOT = Path(__file__).parent.parent
SIZE_WH = (640, 360)
COLUMNS, GAP = 4, 8


def main() -> None:
    theme = themes.load("year")
    with tempfile.TemporaryDirectory() as folder, Library.open(Path(folder) / "catalog.db") as library:
        scan(library, [ROOT / "sample_photos"])
        choice = choose(list(library.photos(Query())), theme, measure_appearance)
    seconds = storyboard.film_seconds(len(choice.kept), theme.film)
    beats = score.beats_of("warm", seconds)
    board = storyboard.draft(
        choice.kept, theme, "Best of 2015 to 2016", SIZE_WH, beats, bursts=choice.bursts()
    )
    wanted = {round(scene.first + 0.45 * (scene.last - scene.first)) for scene in board.scenes}
    stills = [
        Image.fromarray(planes.frame().to_ndarray(format="rgb24"))
        for number, planes in enumerate(make._frames(board, theme, SIZE_WH))
        if number in wanted
    ]
    stills = [*stills[:11], stills[-1]]  # three rows, the end card among them
    rows = -(-len(stills) // COLUMNS)
    width, height = SIZE_WH
    sheet = Image.new("RGB", (COLUMNS * (width + GAP) - GAP, rows * (height + GAP) - GAP), "white")
    for number, still in enumerate(stills):
        sheet.paste(still, (number % COLUMNS * (width + GAP), number // COLUMNS * (height + GAP)))
    sheet.resize((sheet.width // 2, sheet.height // 2), Image.Resampling.LANCZOS).save(
        ROOT / "docs" / "film.jpg", quality=88
    )


if __name__ == "__main__":
    main()
