"""Training curves and confusion matrices as PNG, by matplotlib (the `train` extra). Knows nothing of nets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from phototag.errors import PhototagError
from phototag.outputs import MARK, replace_file


def _figure(size_inches: tuple[float, float]):
    try:
        from matplotlib.figure import Figure  # the object interface: no window system, no global state
    except ImportError as error:
        raise PhototagError("drawing charts needs matplotlib; type: pip install 'phototag[train]'") from error
    return Figure(figsize=size_inches, layout="constrained")


def draw_lines(path: Path, series: Mapping[str, Sequence[float]], across: str) -> None:
    """One small panel per series, all over the same axis, counted from 1."""
    figure = _figure((7, 1.8 * len(series)))
    for panel, (name, values) in zip(
        figure.subplots(len(series), sharex=True, squeeze=False)[:, 0], series.items(), strict=True
    ):
        panel.plot(range(1, len(values) + 1), values, marker=".")
        panel.set_ylabel(name, fontsize=8)
        panel.grid(alpha=0.3)
    panel.set_xlabel(across)
    _save(figure, path)


def draw_confusion(
    path: Path, confusion: Sequence[Sequence[int]], names: Sequence[str], *, force: bool = False
) -> None:
    """Rows are the truth, columns the answer; shade is the share of the row, the number the count. `force`:
    replace a file that phototag did not make."""
    figure = _figure((7, 6))
    panel = figure.subplots()
    shares = [[count / max(1, sum(row)) for count in row] for row in confusion]
    panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    panel.set_xticks(range(len(names)), names, rotation=45, ha="right")
    panel.set_yticks(range(len(names)), names)
    panel.set_xlabel("answer")
    panel.set_ylabel("truth")
    for y, row in enumerate(confusion):
        for x, count in enumerate(row):
            panel.text(
                x,
                y,
                str(count),
                ha="center",
                va="center",
                fontsize=8,
                color="white" if shares[y][x] > 0.5 else "black",
            )
    _save(figure, path, force=force)


def _save(figure, path: Path, *, force: bool = False) -> None:
    with replace_file(path, force=force) as temporary:
        figure.savefig(temporary, dpi=110, format="png", metadata={"Comment": MARK})
