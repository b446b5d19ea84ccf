"""Draws docs/painted.jpg anew: a photo of sample_photos and its painting. Run:
`python -m tests.make_painting`"""

from pathlib import Path

import numpy as np
from PIL import Image

from phototag.nets.style import paint
from phototag.reading import decode
from phototag.records import Box

ROOT = Path(__file__).parent.parent
FACE = Box(178 / 512, 62 / 512, 270 / 512, 173 / 512)  # by eye


def main() -> None:
    photo = decode.open_photo(str(ROOT / "sample_photos/2016/astronaut.jpg"), working_side=512).pixels
    both = np.concatenate([photo, paint(photo, [FACE])], axis=1)
    Image.fromarray(both).save(ROOT / "docs" / "painted.jpg", quality=88)


if __name__ == "__main__":
    main()
