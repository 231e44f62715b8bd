"""QR pictures: right size and level, and every one read back by two decoders that are not ours."""

from __future__ import annotations

import io
from collections.abc import Callable
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from tests.unit.vouchers.decoders import raster_of_rows, raster_of_svg, read_opencv, read_zxing
from voucher_service.vouchers import qr
from voucher_service.vouchers.code import to_digits, to_url
from voucher_service.vouchers.qr import Medium

BARE = "10" + "0123456789" * 20
ADDRESS = "https://BONS.EXAMPLE.ORG/V/" + BARE[2:]
# Short hosts would fit version 6 at level M; a link for signing in fits a version below the smallest.
TEXTS = [BARE, ADDRESS, "https://A.FR/V/" + BARE[2:], "https://bons.example.org/carte?c=aB-9_", "BON", "1"]


def version(rows: qr.Matrix) -> int:
    """The QR version of a matrix, which must be square."""
    assert {len(row) for row in rows} == {len(rows)}
    return (len(rows) - 17) // 4


@pytest.mark.parametrize("medium", list(Medium))
@pytest.mark.parametrize("engine", [qr.quick_matrix, qr.reference_matrix], ids=["quick", "reference"])
def test_a_few_hundred_codes_are_read_back_by_both_decoders(
    medium: Medium, engine: Callable[[str, Medium], qr.Matrix | None], tokens: Callable[[int], list[bytes]]
) -> None:
    made = tokens(160 if engine is qr.quick_matrix else 16)
    for number, token in enumerate(made):
        text = to_url(token, "bons.example.org") if number % 4 == 3 else to_digits(token)
        rows = engine(text, medium)
        assert rows is not None
        pixels = raster_of_rows(rows, module_px=4)
        assert read_zxing(pixels) == [text]
        assert read_opencv(pixels) == text


@pytest.mark.parametrize(
    ("medium", "expected", "level"), [(Medium.LABEL, 5, "M"), (Medium.PAPER, 7, "Q"), (Medium.SCREEN, 8, "H")]
)
def test_the_medium_decides_version_and_level(medium: Medium, expected: int, level: str) -> None:
    rows = qr.matrix(BARE, medium)
    assert version(rows) == expected
    assert version(qr.reference_matrix(BARE, medium)) == expected
    (found,) = zxingcpp.read_barcodes(Image.fromarray(raster_of_rows(rows)))
    assert found.ec_level == level


@pytest.mark.parametrize("medium", list(Medium))
@pytest.mark.parametrize("text", TEXTS)
def test_never_version_6_and_never_below_the_smallest(text: str, medium: Medium) -> None:
    rows = qr.matrix(text, medium)
    assert version(rows) >= {Medium.LABEL: 5, Medium.PAPER: 7, Medium.SCREEN: 8}[medium]
    assert version(rows) != 6
    (found,) = zxingcpp.read_barcodes(Image.fromarray(raster_of_rows(rows)))
    assert (found.text, found.ec_level) == (text, {"label": "M", "paper": "Q", "screen": "H"}[medium])


def test_version_6_would_be_taken_without_its_guard() -> None:
    """The short address fits version 6 exactly; the quick engine takes it and is turned down."""
    taken = zxingcpp.create_barcode(TEXTS[2], zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    assert np.array(taken.to_image(scale=1, add_quiet_zones=False)).shape == (41, 41)
    assert qr.quick_matrix(TEXTS[2], Medium.LABEL) is None
    assert version(qr.matrix(TEXTS[2], Medium.LABEL)) == 7


@pytest.mark.parametrize("medium", list(Medium))
@pytest.mark.parametrize("text", [BARE, ADDRESS], ids=["bare", "address"])
def test_both_engines_lay_the_same_modules(text: str, medium: Medium) -> None:
    """Under one of the eight masks the two agree module by module: same segments, same error correction."""
    quick = qr.quick_matrix(text, medium)
    assert quick is not None
    assert quick in [qr.reference_matrix(text, medium, mask) for mask in range(8)]


def test_a_single_wrong_module_of_the_format_area_is_noticed() -> None:
    """Planted bug: the comparison above fails for one module turned over."""
    rows = qr.matrix(BARE)
    turned = (*rows[:8], bytes([1 - rows[8][0]]) + rows[8][1:], *rows[9:])
    assert turned not in [qr.reference_matrix(BARE, Medium.PAPER, mask) for mask in range(8)]


@pytest.mark.parametrize("medium", list(Medium))
def test_the_svg_is_read_back(medium: Medium, tokens: Callable[[int], list[bytes]]) -> None:
    for text in [ADDRESS, *map(to_digits, tokens(10))]:
        pixels = raster_of_svg(qr.svg(text, medium, title="Bon"))
        assert read_zxing(pixels) == [text]
        assert read_opencv(pixels) == text


def test_the_svg_speaks_to_screen_readers_and_keeps_its_white() -> None:
    source = qr.svg(BARE, title='Bon d’aide <10 €> & "l\'antenne"')
    root = ET.fromstring(source)  # noqa: S314 - made by the line above
    name = 'Bon d’aide <10 €> & "l\'antenne"'
    assert (root.attrib["role"], root.attrib["aria-label"]) == ("img", name)
    assert root[0].text == name
    assert root.attrib["shape-rendering"] == "crispEdges"
    assert [path.attrib["fill"] for path in root[1:]] == ["#fff", "#000"]
    pixels = raster_of_svg(source, module_px=1)
    assert pixels.shape == (53, 53)
    inside = pixels[4:-4, 4:-4]
    assert (pixels == 255).sum() - (inside == 255).sum() == 53 * 53 - 45 * 45
    assert "id=" not in source  # two codes on one page must not share names


@pytest.mark.parametrize("module_px", [2, 8])
def test_the_png_is_read_back(module_px: int, tokens: Callable[[int], list[bytes]]) -> None:
    for text in map(to_digits, tokens(10)):
        picture = Image.open(io.BytesIO(qr.png(text, Medium.PAPER, module_px=module_px)))
        assert (picture.format, picture.mode, picture.size) == ("PNG", "1", (53 * module_px, 53 * module_px))
        pixels = np.array(picture.convert("L"))
        assert read_zxing(pixels) == [text]
        assert read_opencv(pixels) == text


def test_pictures_are_the_same_at_each_run() -> None:
    assert qr.png(BARE) == qr.png(BARE)
    assert qr.svg(BARE, title="Bon") == qr.svg(BARE, title="Bon")


@pytest.mark.parametrize("colour", [True, False])
def test_the_terminal_picture_is_read_back(colour: bool) -> None:
    blocks = {" ": (0, 0), "▄": (0, 1), "▀": (1, 0), "█": (1, 1)}
    rows: list[bytes] = []
    for line in qr.terminal(BARE, colour=colour).splitlines():
        drawn = line.removeprefix("\x1b[38;5;16;48;5;231m").removesuffix("\x1b[0m")
        assert len(drawn) == 45
        assert ("\x1b" in line) is colour
        # Drawn modules are dark on a white ground, and light where the terminal's own dark ground shows.
        halves = [tuple(half ^ (not colour) for half in blocks[character]) for character in drawn]
        rows += [bytes(upper for upper, _ in halves), bytes(lower for _, lower in halves)]
    pixels = raster_of_rows(tuple(rows), quiet=0)
    assert read_zxing(pixels) == [BARE]
    assert read_opencv(pixels) == BARE


@pytest.mark.parametrize("text", ["", "é", "a\nb", "1" * 501])
def test_texts_that_readers_would_disagree_on_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="text must"):
        qr.matrix(text)


@pytest.mark.parametrize("module_px", [0, 65])
def test_an_unreasonable_module_size_is_refused(module_px: int) -> None:
    with pytest.raises(ValueError, match=f"module_px must be 1 to 64, not {module_px}"):
        qr.png(BARE, module_px=module_px)


def test_runs_cover_the_dark_modules_and_no_other() -> None:
    rows = qr.matrix(BARE)
    drawn = [bytearray(len(rows)) for _ in rows]
    for x, y, length in qr.runs(rows):
        for column in range(x, x + length):
            drawn[y][column] += 1
    assert tuple(map(bytes, drawn)) == rows
