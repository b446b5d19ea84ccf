"""Reading less of a progressive JPEG that is to be shrunk anyway. Owns no picture; knows Pillow and the markers of a JPEG.

A progressive JPEG sends its coefficients in rounds (ITU-T T.81, annex G), the last bit of the brightness at the very end: a third
of the file, and what takes longest to decode, for a difference that averaging several pixels into one mostly undoes:

    brightness, coarse | colours | ... second to last bit | ... | last bit of the brightness | end
                                                                `-- left out
"""

from __future__ import annotations

import re

from PIL import Image

# Start of scan: length 8, of one component, the first; coefficients 1 to 63, from the second to last bit to the last.
LAST_BIT = re.compile(rb"\xff\xda\x00\x08\x01\x01.\x01\x3f\x10", re.DOTALL)
END = b"\xff\xd9"
# What the last bit is worth at most, in quantisation steps of the coefficients that DCT scaling to a half uses. Quality 85 has 9:
# there the picture is within 0.7 dB of what it is with the last bit, at quality 75 (15) it would lose 3.6 of 46.
WORTH, USED = 10, [row * 8 + column for row in range(4) for column in range(4)]


def without_last_bit(image: Image.Image, data: bytes) -> bytes | None:
    """The JPEG `data`, of which `image` is the opened picture, without the last scan; None where that is not of the kind that
    can be spared, or is not there: a file that is cut short stays as it is."""
    if image.format != "JPEG" or not image.info.get("progressive"):
        return None
    steps = image.quantization.get(0)  # type: ignore[attr-defined]
    if steps is None or max(steps[i] for i in USED) > WORTH:
        return None
    # Compressed pixels hold no such marker. What a file may carry after its end is another picture's or no picture's: then this
    # cuts there, and the picture itself is read whole.
    start = data.rfind(b"\xff\xda")
    if not LAST_BIT.match(data, max(start, 0)) or data.rfind(END) < start:
        return None
    return data[:start] + END
