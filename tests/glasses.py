"""A tagger about faces in one file: what it says with a face's box belongs to that face. Instead of
a net it looks at how dark the eyes are, which is enough for a test."""

from phototag.records import Tag
from phototag.taggers import table

SPEC = table.TaggerSpec(
    "glasses", "tests.glasses:load", version=1, summary="who wears glasses", needs=("faces",)
)


def load(device, options):
    def tag(frames):
        answers = []
        for frame in frames:
            tags = []
            for face in frame.answers["faces"]:
                height, width = frame.pixels.shape[:2]
                left, top, right, bottom = face.box.pixels(width, height)
                eyes = frame.pixels[top + (bottom - top) // 4 : top + (bottom - top) // 2, left:right]
                tags.append(Tag("glasses", 1 - float(eyes.mean()) / 255, face.box))
            answers.append(tags)
        return answers

    return tag
