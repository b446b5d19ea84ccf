"""Bytes as nobody's program writes them: what fuzz tests damage files with, and values for fields of
JSON, TOML and SQL."""

import random

EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\x40\0", b"\x80\0\0\0")
VALUES = (
    None, True, -1, 0, 1, 2**31, 2**63, 10**400, -0.5, 1e308, float("inf"), float("nan"),
    "", "0", "x" * 5000, "a\nb", "a\0b", "\x1b[31m", "\udcff", "2016-13-45", [], [[]], {}, {"a": 1},
    ["a"], [1, 2], "[" * 2000,
)  # fmt: skip


def mutant(data: bytes, rng: random.Random) -> bytes:
    """The file with some bytes changed, numbers set to extremes, parts doubled, moved or cut out."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(min(len(changed), rng.choice((64, 1024, len(changed)))))
        how = rng.randrange(6)
        if how == 0:
            changed[at] = rng.randrange(256)
        elif how == 1:
            changed[at : at + 4] = rng.choice(EXTREMES)
        elif how == 2:
            changed[at] ^= 1 << rng.randrange(8)
        elif how == 3:
            del changed[at : at + rng.randrange(1, 200)]
        elif how == 4:
            place = rng.randrange(len(changed))
            changed[place:place] = changed[at : at + rng.randrange(1, 500)]
        else:
            del changed[max(1, at) :]
        if not changed:
            return b"\0"
    return bytes(changed)


def distort(document, rng: random.Random):
    """The JSON value with one of the values in it replaced by a hostile one, a key gone or doubled."""
    if isinstance(document, dict) and document and rng.random() < 0.8:
        changed, key = dict(document), rng.choice(list(document))
        how = rng.randrange(8)
        if how == 0:
            del changed[key]
        elif how == 1:
            changed[rng.choice(("", "x" * 300, "a\nb", "constructor"))] = changed[key]
        else:
            changed[key] = distort(changed[key], rng)
        return changed
    if isinstance(document, list) and document and rng.random() < 0.8:
        place = rng.randrange(len(document))
        return [*document[:place], distort(document[place], rng), *document[place + 1 :]]
    return rng.choice(VALUES)
