"""Grouping 50,000 faces, and 1,000 new ones beside them: CPU time and peak memory, in a process of its own.
The faces are made: a few persons in thousands of photos, as families have them, hundreds in some, and as
many strangers; persons lie about as far apart as those of real photos do."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np

from phototag.people.grouping import Face, group_faces, join_groups
from tests.benchmarks import ROOT, Figure, Plan, tell

FACES, NEW = 50_000, 1_000
SIZE = 128
# Of the lengths of what all faces, all faces of one person, and each face have of their own, and in how
# many directions persons differ: as in real embeddings half of the pairs of one person lie within 0.29, half
# of those of two within 0.56, and one of a thousand of these within 0.37.
COMMON, PERSON, OWN = 0.9, 0.34, 0.21
PERSON_DIRECTIONS = 16
LARGEST = 0.08  # of the faces: those of the person who is in most photos; each next is in 0.97 of that
STRANGERS = 0.5  # of the faces


def figures(plan: Plan = Plan()) -> list[Figure]:
    count = plan.photos or FACES
    run = [sys.executable, "-m", "tests.benchmarks.people", str(count)]
    done = subprocess.run(run, capture_output=True, text=True, cwd=ROOT, check=True)
    found = json.loads(done.stdout)
    tell(f"{found['groups']:,} groups of {found['persons']:,} persons; {found['joined']:,} new faces joined")
    new = min(NEW, count)
    return [
        Figure(f"people, grouping {count:,} faces", found["group_s"], 60, "s CPU"),
        Figure(f"people, {new:,} new faces beside {count:,}", found["join_s"], 3, "s CPU"),
        Figure(f"people, peak memory with {count:,} faces", found["peak_mb"], 500, "MB"),
    ]


def make_faces(count: int, seed: int = 2016) -> tuple[np.ndarray, list[int]]:
    """(count, 128) half floats of length 1, and whose each is, in no order."""
    rng = np.random.default_rng(seed)
    sizes, left = [], round(count * (1 - STRANGERS))
    size = LARGEST * count
    while left > 0:
        sizes.append(min(left, max(2, round(size))))
        left -= sizes[-1]
        size *= 0.97
    sizes += [1] * (count - sum(sizes))
    persons = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))

    def directions(number: int, size: int = SIZE) -> np.ndarray:
        vectors = rng.normal(size=(number, size)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    axes = np.linalg.qr(rng.normal(size=(SIZE, PERSON_DIRECTIONS)))[0].astype(np.float32)
    of_person = directions(len(sizes), PERSON_DIRECTIONS) @ axes.T
    vectors = COMMON * directions(1) + PERSON * of_person[persons] + OWN * directions(count)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16), persons.tolist()


def main(count: int) -> None:
    import resource

    new = min(NEW, count)
    vectors, persons = make_faces(count + new)
    # two to a photo, but nobody twice
    faces = [Face(f"{n:08}", n // 2 if persons[n] != persons[n ^ 1] else n + 0.5) for n in range(count + new)]
    started = time.process_time()
    groups = group_faces(vectors[:count], faces[:count])
    grouped = time.process_time()
    joined = join_groups(vectors[count:], faces[count:], vectors[:count], faces[:count], groups)
    ended = time.process_time()
    found = {
        "group_s": grouped - started,
        "join_s": ended - grouped,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "groups": len({*groups} - {-1}),
        "persons": len({*persons}),
        "joined": sum(number >= 0 for number in joined),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
