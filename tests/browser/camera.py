"""Films for the fake camera: pictures shown one after another, over and over."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

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
