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


# What a file, a label or a person may be called, and what it would be as markup, script, address or
# command. No slash: files have these names.
NAMES = (
    '<script>hacked=1<\u2215script>', '<img src=x onerror=hacked=1>', '"><svg onload=hacked=1>',
    "' onmouseover='hacked=1", "<iframe srcdoc='<script>hacked=1'>", '<a href=javascript:hacked=1>x',
    'javascript:hacked=1', 'data:text\u2215html,<b>x', '&lt;script&gt;hacked=1',
    '&#60;img src=x onerror=hacked=1&#62;', '<style>*{display:none}', '<!--', '-->', ']]>', '${hacked=1}',
    '{{hacked=1}}', '`hacked=1`', '\\u003cimg src=x onerror=hacked=1\\u003e', '<base href=x>',
    '<form action=x>', '<math><mtext><img src=x onerror=hacked=1>',
    '<template><img src=x onerror=hacked=1>', '<details open ontoggle=hacked=1>', '__proto__',
    'constructor', 'toString', 'null', 'undefined', '%3Cscript%3Ehacked=1', '..%2f..%2fetc%2fpasswd',
    "'; DROP TABLE photos; --", '" OR 1=1', '%00', 'two\nlines', '\x1b[31mred\x1b[0m', '\u202egpj.exe',
    '\u2028line', '\u200b', 'caf\udce9', '\U0001f468\u200d\U0001f469\u200d\U0001f467', 'e\u0301',
)  # fmt: skip
