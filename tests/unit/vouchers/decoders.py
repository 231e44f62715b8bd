"""Two QR decoders that share no code with each other, reading pictures back for the tests."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import numpy.typing as npt
import zxingcpp
from PIL import Image

Pixels = npt.NDArray[np.uint8]


def read_zxing(pixels: Pixels) -> list[str]:
    """Every QR text zxing-cpp finds, in no special order.

    Asked for every format, it takes some modules for the bars of a line code now and then.
    """
    wanted = zxingcpp.barcode_formats_from_str("QRCode")
    found = zxingcpp.read_barcodes(Image.fromarray(pixels), formats=wanted, try_invert=False)
    return [code.text for code in found]


def read_opencv(pixels: Pixels) -> str:
    """The one text OpenCV decodes, or the empty text.

    It is told where the code is: its finder misses one clean picture in twenty, whoever made it, and what the
    tests ask it for is a second opinion on the modules.
    """
    dark_rows, dark_columns = (
        np.nonzero((pixels < 128).any(axis=1))[0],
        np.nonzero((pixels < 128).any(axis=0))[0],
    )
    top, bottom, left, right = dark_rows[0], dark_rows[-1], dark_columns[0], dark_columns[-1]
    corners = np.array([[[left, top], [right, top], [right, bottom], [left, bottom]]], dtype=np.float32)
    text, _ = cv2.QRCodeDetector().decode(pixels, corners)
    return str(text)


def raster_of_rows(rows: tuple[bytes, ...], module_px: int = 6, quiet: int = 4) -> Pixels:
    """A matrix as grey pixels with its quiet zone."""
    dark = np.array([list(row) for row in rows], dtype=np.uint8)
    grey = np.pad(255 - 255 * dark, quiet, constant_values=255)
    return np.kron(grey, np.ones((module_px, module_px), dtype=np.uint8))


def raster_of_svg(source: str, module_px: int = 6) -> Pixels:
    """Our SVG as grey pixels: every path filled with its colour, from its own M, h, v, H and z commands."""
    root = ET.fromstring(source)  # noqa: S314 - made a moment ago by the code under test
    side = int(root.attrib["viewBox"].split()[2])
    grey = np.full((side, side), 128, dtype=np.uint8)
    for path in root.iter("{http://www.w3.org/2000/svg}path"):
        shade = 255 if path.attrib["fill"] == "#fff" else 0
        outline = path.attrib["d"]
        boxes = re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)(?:h-\d+z|H\d+z)", outline)
        assert re.sub(r"M\d+ \d+h\d+v\d+(?:h-\d+z|H\d+z)", "", outline) == ""
        for x, y, width, height in (map(int, box) for box in boxes):
            grey[y : y + height, x : x + width] = shade
    return np.kron(grey, np.ones((module_px, module_px), dtype=np.uint8))
