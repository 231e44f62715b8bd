"""Films for the fake camera: pictures shown one after another, over and over."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

FRAMES_PER_SECOND = 30  # what Chromium plays an MJPEG file at
Scene = tuple[Image.Image | None, float]  # a picture (None: blank) and its seconds


def frame(picture: Image.Image, size: tuple[int, int]) -> bytes:
    """One JPEG, the picture centred on white; 4:2:0 is the only sampling the fake camera reads."""
    shown = picture.convert("RGB")
    shown.thumbnail(size)
    canvas = Image.new("RGB", size, "white")
    canvas.paste(shown, ((size[0] - shown.width) // 2, (size[1] - shown.height) // 2))
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=92, subsampling="4:2:0")
    return out.getvalue()


def film(
    path: Path,
    scenes: Iterable[Scene],
    *,
    size: tuple[int, int] = (1280, 720),
) -> Path:
    """Write an MJPEG film for `--use-file-for-fake-video-capture`.

    Every frame has the same size, in pixels.
    """
    with path.open("wb") as out:
        for picture, seconds in scenes:
            image = frame(picture or Image.new("RGB", size, "white"), size)
            out.write(image * max(1, round(seconds * FRAMES_PER_SECOND)))
    return path


def turned(picture: Image.Image, degrees: float) -> Image.Image:
    """The picture turned about its middle, on white."""
    return picture.convert("RGB").rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")


def photographed(picture: Image.Image) -> Image.Image:
    """The picture as paper before a cheap camera: aslant, seen from the side, half in a shadow, soft and grainy."""
    paper = turned(picture.resize((560, 560), Image.Resampling.BICUBIC), 7)
    size = paper.size
    aslant = paper.transform(
        size,
        Image.Transform.PERSPECTIVE,
        (1.06, 0.04, -24, 0.02, 1.10, -36, 0.00006, 0.00016),  # the far edge is smaller
        Image.Resampling.BICUBIC,
        fillcolor="white",
    )
    light = Image.linear_gradient("L").resize(size).rotate(90).point(lambda level: 120 + level * 100 // 255)
    shadow = Image.composite(aslant, Image.new("RGB", size, (32, 30, 28)), light)
    ImageDraw.Draw(shadow).line((0, size[1] * 0.52, size[0], size[1] * 0.5), fill=(150, 148, 140), width=3)  # a fold
    grain = Image.effect_noise(size, 40).convert("RGB")
    return Image.blend(shadow.filter(ImageFilter.GaussianBlur(1.6)), grain, 0.15)
