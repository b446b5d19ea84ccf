"""Which faces lie near each other: exact, by blocks, so that memory stays bounded."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

BLOCK = 512  # rows at a time: beside 50,000 faces a block of distances takes 100 MB
# Distances are kept as whole numbers of a millionth: sums of them do not depend on the order of adding.
UNIT = 1_000_000


def find_pairs(embeddings: Array, radius: float) -> tuple[Array, Array, Array]:
    """All pairs i < j of rows of `embeddings` (N, D) whose Euclidean distance is below `radius`:
    (i, j, distance in millionths), int32, int32 and int64, sorted by i, then j."""
    vectors = np.ascontiguousarray(embeddings, np.float32)
    squares = np.einsum("nd,nd->n", vectors, vectors)  # (N,)
    firsts, seconds, distances = [], [], []
    for start in range(0, len(vectors), BLOCK):
        stop = min(start + BLOCK, len(vectors))
        products = vectors[start:stop] @ vectors[start:].T  # (block, N - start)
        squared = squares[start:stop, None] + squares[None, start:] - 2 * products
        rows, columns = np.nonzero(squared < radius**2)
        later = columns > rows
        rows, columns = rows[later], columns[later]
        firsts.append((rows + start).astype(np.int32))
        seconds.append((columns + start).astype(np.int32))
        # The expansion above loses digits where two faces are all but equal: once more, exactly.
        exact = np.linalg.norm(
            vectors[rows + start].astype(np.float64) - vectors[columns + start].astype(np.float64), axis=1
        )
        distances.append(np.rint(exact * UNIT).astype(np.int64))
    if not firsts:
        return np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int64)
    return np.concatenate(firsts), np.concatenate(seconds), np.concatenate(distances)
