"""A tagger small enough to be scanned with by the hundred, and the program with only that tagger. Run as
`python -m tests.tiny scan FOLDER`, it is the real command line with a different table."""

from phototag.records import Tag
from phototag.taggers import table

SPEC = table.TaggerSpec("colour", "tests.tiny:load", version=1, summary="the mean of each colour")


def load(device, options):
    return lambda frames: [
        [
            Tag(name, float(frame.pixels[..., i].mean()) / 255)
            for i, name in enumerate(("red", "green", "blue"))
        ]
        for frame in frames
    ]


if __name__ == "__main__":
    from phototag.cli import main

    table.SPECS.clear()
    table.SPECS["colour"] = SPEC
    main()
