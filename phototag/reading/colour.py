"""From a file's colours to sRGB. What the numbers of a file mean is said by an ICC profile, or, where
there is none, by the code points of ITU-T H.273 (cICP of PNG, nclx of AVIF and HEIF), by gAMA and
cHRM of PNG, or by the Exif of a JPEG, as cameras say that they wrote Adobe RGB. All of them become an
ICC profile here, and LittleCMS does the rest."""

from __future__ import annotations

import io
import struct
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from phototag.reading import png

Primaries = tuple[float, ...]  # x and y of white, red, green, blue
D65, D50_XYZ = (0.3127, 0.3290), (0.9642, 1.0, 0.8249)
SRGB: Primaries = (*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
# Code points of ITU-T H.273, table 2. What is not listed is shown as sRGB.
PRIMARIES: dict[int, Primaries] = {
    1: SRGB,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
# Table 3: transfer characteristics. Those of video (1, 6, 14, 15) are shown as sRGB, as browsers do.
GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
PQ, HLG = 16, 18
# What cameras write where they are set to Adobe RGB (CIPA DCF 2.0, optional file): "uncalibrated" as Exif's
# colour space, and R03 as the interoperability index; older ones the number 2.
ADOBE_RGB: Primaries = (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
ADOBE_GAMMA = 563 / 256
EXIF_FOLDER, INTEROPERABILITY, COLOUR_SPACE, INDEX = 0x8769, 0xA005, 0xA001, 1
UNCALIBRATED, OLD_ADOBE_RGB = 0xFFFF, 2
WHITE_NITS = 203.0  # of diffuse white in HDR pictures (ITU-R BT.2408)
CURVE_POINTS = 1024
EQUAL = 3  # of 255: a profile that moves no colour further than this is sRGB
SRGB_GAMMA_TOLERANCE = 0.05  # of a PNG's gamma: closer to 1/2.2 is meant as sRGB (libpng's threshold)


def profile_of(image: Image.Image, data: bytes) -> bytes:
    """The ICC profile that says what the picture's numbers mean; empty where they are sRGB or nothing
    is said. `data`: the file."""
    if image.format == "PNG" and (points := _cicp_of(data)):  # it goes before a profile (PNG, 4.3)
        return _of_code_points(*points)
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and _is_profile(profile):
        return profile
    if image.format == "PNG":
        return _of_png(image)
    if image.format in ("AVIF", "HEIF"):
        at = data.find(b"colrnclx", 0, 1 << 20)
        if at >= 0 and at + 12 <= len(data):
            return _of_code_points(*struct.unpack_from(">HH", data, at + 8))
    if image.format == "JPEG" and image.mode == "RGB":
        return _of_exif(image)
    return b""


def _of_exif(image: Image.Image) -> bytes:
    try:
        exif = image.getexif()
        space = exif.get_ifd(EXIF_FOLDER).get(COLOUR_SPACE)
        if space == UNCALIBRATED:
            index = exif.get_ifd(INTEROPERABILITY).get(INDEX)
            is_adobe = str(index).startswith("R03")
        else:
            is_adobe = space == OLD_ADOBE_RGB
    except Exception:  # damaged Exif costs the Exif, not the picture
        return b""
    return make_profile(ADOBE_RGB, ADOBE_GAMMA) if is_adobe else b""


@lru_cache(maxsize=16)
def _is_profile(profile: bytes) -> bool:
    try:
        ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except Exception:  # whatever LittleCMS says of a damaged profile
        return False
    return True


def _cicp_of(data: bytes) -> tuple[int, int] | None:
    """The code points of a PNG for its primaries and its transfer characteristics."""
    for chunk in png.chunks(data):
        if chunk.name == b"cICP" and png.fits(data, chunk) and chunk.end - chunk.start == 16:
            return data[chunk.start + 8], data[chunk.start + 9]
        if chunk.name == b"IDAT":  # it stands before the pixels
            break
    return None


def _of_png(image: Image.Image) -> bytes:
    if "srgb" in image.info:
        return b""
    gamma, chromaticity = image.info.get("gamma"), image.info.get("chromaticity")
    exponent = None
    if isinstance(gamma, float) and 0.05 < gamma < 20 and abs(gamma * 2.2 - 1) > SRGB_GAMMA_TOLERANCE:
        exponent = 1 / gamma
    primaries = SRGB
    if isinstance(chromaticity, tuple) and len(chromaticity) == 8 and min(chromaticity[1::2]) > 0.001:
        primaries = chromaticity
    if exponent is None and np.allclose(primaries, SRGB, atol=0.01):
        return b""
    return make_profile(primaries, exponent)


def _of_code_points(primaries: int, transfer: int) -> bytes:
    where = PRIMARIES.get(primaries, SRGB)
    if where == SRGB and transfer not in (*GAMMAS, PQ, HLG):
        return b""
    return make_profile(where, transfer if transfer in (PQ, HLG) else GAMMAS.get(transfer))


@lru_cache(maxsize=16)
def make_profile(primaries: Primaries, curve: float | None) -> bytes:
    """An ICC profile (version 2, matrix and curves) of these primaries; `curve`: an exponent, PQ, HLG,
    or None for that of sRGB. Empty where the primaries are no triangle."""
    try:
        matrix = _to_d50(primaries)
    except np.linalg.LinAlgError:
        return b""
    if not np.isfinite(matrix).all() or np.abs(matrix).max() > 4:
        return b""
    shape = _curve(curve)
    tags = {
        b"desc": _description(b"made by phototag"),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz(D50_XYZ),
    }
    for name, column in zip((b"r", b"g", b"b"), matrix.T, strict=True):
        tags |= {name + b"XYZ": _xyz(column), name + b"TRC": shape}
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", start + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"lcms", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + _xyz(D50_XYZ)[8:]
    return head.ljust(128, b"\0") + table + body


def _to_d50(primaries: Primaries) -> np.ndarray[Any, Any]:
    """(3, 3) from linear RGB to XYZ as seen under D50 (Bradford's adaptation, as ICC.1 asks)."""
    xy = np.array(primaries, np.float64).reshape(4, 2)
    xyz = np.column_stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(1)) / xy[:, 1]])
    white, columns = xyz[0], xyz[1:].T
    matrix = columns * np.linalg.solve(columns, white)
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    gains = (bradford @ np.array(D50_XYZ)) / (bradford @ white)
    adapted: np.ndarray[Any, Any] = np.linalg.inv(bradford) @ np.diag(gains) @ bradford @ matrix
    return adapted


def _curve(curve: float | None) -> bytes:
    values = np.linspace(0, 1, CURVE_POINTS)
    if curve == PQ:  # SMPTE ST 2084, clipped at diffuse white
        power = values ** (1 / 78.84375)
        nits = 10000 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (
            1 / 0.1593017578125
        )
        linear = nits / WHITE_NITS
    elif curve == HLG:  # ARIB STD-B67 on a display of 1,000 nits
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)
        linear = 1000 * scene**1.2 / WHITE_NITS
    elif curve is None:
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    else:
        linear = values**curve
    points = np.clip(linear, 0, 1) * 65535 + 0.5
    return b"curv\0\0\0\0" + struct.pack(">I", CURVE_POINTS) + points.astype(">u2").tobytes()


def _xyz(values: Any) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in values))


def _description(text: bytes) -> bytes:
    return b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + bytes(1 + 4 + 4 + 2 + 1 + 67)


@lru_cache(maxsize=16)  # a library's photos come from a handful of cameras and programs
def to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """How to bring the colours of an ICC profile to sRGB; None where it moves no colour, as that of
    sRGB itself whatever it is called, or where the profile is absent, damaged or made for other
    channels: then the plain conversion is the best guess there is."""
    try:
        if mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif profile:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        else:
            return None
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except Exception:  # whatever LittleCMS says of a damaged profile
        return None
    return None if mode in ("L", "RGB") and _moves_nothing(transform, mode) else transform


def _moves_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    steps = np.arange(0, 256, 15, dtype=np.uint8)  # 18 of them
    probe: np.ndarray[Any, Any]
    if mode == "L":
        probe = np.arange(256, dtype=np.uint8).reshape(16, 16)
        expected = np.repeat(probe[..., None], 3, 2)
    else:
        probe = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(18, -1, 3)
        expected = probe
    shown = ImageCms.applyTransform(Image.fromarray(probe), transform)
    return bool(np.abs(np.asarray(shown).astype(int) - expected).max() <= EQUAL)
