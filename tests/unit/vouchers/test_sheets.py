"""Printed sheets: rendered as a printer would, and every code read back from the picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium_c
import pytest

from tests.unit.vouchers.decoders import read_zxing
from voucher_service.vouchers import sheets
from voucher_service.vouchers.code import to_digits, to_url
from voucher_service.vouchers.sheets import Layout, SheetVoucher, write_pdf
from voucher_service.vouchers.typed_code import grouped, with_check

PER_PAGE = {Layout.LABELS: 24, Layout.CARDS: 8}
PRINTERS_LEAVE_WHITE = 4.2 / 25.4 * 72  # points
A4_WIDTH, A4_HEIGHT = 595.28, 841.89

Make = Callable[[int], list[SheetVoucher]]


@pytest.fixture(scope="module")
def make(tokens: Callable[[int], list[bytes]]) -> Make:
    """So many vouchers with signed codes."""

    def vouchers(count: int) -> list[SheetVoucher]:
        return [
            SheetVoucher(
                digits=to_digits(token),
                typed_code=with_check(f"{number:014d}"),
                offer_label="Recharge 10 €",
                price_label="À payer : 3 €",
                last_day=date(2027, 3, 1),
                branch_label="Saint-Denis, cœur de ville",
                reference=f"Lot 7 · {number + 1}",
            )
            for number, token in enumerate(tokens(count))
        ]

    return vouchers


def printed(vouchers: list[SheetVoucher], layout: Layout) -> bytes:
    """The bytes of the sheet."""
    out = io.BytesIO()
    assert write_pdf(iter(vouchers), layout, out) == len(vouchers)
    return out.getvalue()


def pages_of(source: bytes) -> list[pypdfium2.PdfPage]:
    """The pages of a PDF."""
    return list(pypdfium2.PdfDocument(source))


def codes_in(source: bytes, dots_per_inch: int) -> list[list[str]]:
    """The texts of the codes on each page, read from its rendered pixels."""
    return [
        read_zxing(np.array(page.render(scale=dots_per_inch / 72).to_pil().convert("L"))) for page in pages_of(source)
    ]


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("count", [1, 24, 100])
def test_every_code_is_read_back_from_the_rendered_pages(layout: Layout, count: int, make: Make) -> None:
    vouchers = make(count)
    found = codes_in(printed(vouchers, layout), 150)
    expected = [voucher.digits for voucher in vouchers]
    per_page = PER_PAGE[layout]
    assert [sorted(page) for page in found] == [
        sorted(expected[start : start + per_page]) for start in range(0, count, per_page)
    ]


@pytest.mark.parametrize("layout", list(Layout))
def test_addresses_are_read_back_too(layout: Layout, make: Make, tokens: Callable[[int], list[bytes]]) -> None:
    pairs = zip(make(8), tokens(8), strict=True)
    vouchers = [replace(voucher, digits=to_url(token, "bons.example.org")) for voucher, token in pairs]
    assert sorted(codes_in(printed(vouchers, layout), 200)[0]) == sorted(voucher.digits for voucher in vouchers)


def test_a_code_printed_twice_is_noticed(make: Make) -> None:
    """Planted bug: one voucher's code drawn in the place of another's."""
    vouchers = make(8)
    wrong = [*vouchers[:7], replace(vouchers[7], digits=vouchers[0].digits)]
    expected = sorted(voucher.digits for voucher in vouchers)
    assert sorted(codes_in(printed(wrong, Layout.CARDS), 150)[0]) != expected


@pytest.mark.parametrize("layout", list(Layout))
def test_people_find_the_words(layout: Layout, make: Make) -> None:
    vouchers = make(PER_PAGE[layout])
    (page,) = pages_of(printed(vouchers, layout))
    text = page.get_textpage().get_text_bounded()
    for words in ("Recharge 10 €", "À payer : 3 €", "À présenter à l’antenne", "Saint-Denis, cœur de ville"):
        assert text.count(words) == len(vouchers)
    for voucher in vouchers:
        assert all(group in text for group in grouped(voucher.typed_code).split())
        assert voucher.reference in text
    assert ("Show this at the branch" in text) is (layout is Layout.CARDS)
    assert ("Jusqu’au 1er mars 2027" in text) is (layout is Layout.CARDS)
    assert ("Until 1 March 2027" in text) is (layout is Layout.CARDS)
    assert ("Jusqu’au 01/03/2027" in text) is (layout is Layout.LABELS)


@pytest.mark.parametrize("layout", list(Layout))
def test_the_same_vouchers_give_the_same_bytes(layout: Layout, make: Make) -> None:
    assert printed(make(9), layout) == printed(make(9), layout)
    assert printed(make(9), layout) != printed(make(9)[::-1], layout)


def test_a_code_is_one_path(make: Make) -> None:
    (page,) = pages_of(printed(make(24), Layout.LABELS))
    paths = [found for found in page.get_objects() if found.type == pdfium_c.FPDF_PAGEOBJ_PATH]
    assert len(paths) == 24


@pytest.mark.parametrize("layout", list(Layout))
def test_names_too_long_stay_in_their_place(layout: Layout, make: Make) -> None:
    """Nothing runs into the margin printers leave white, over the next voucher, or over another line."""
    long = "Association des habitants – Maison de quartier du Faubourg-Saint-Antoine, bâtiment C"
    vouchers = [
        replace(voucher, offer_label="Forfait 40 Go " * 9, price_label=long, branch_label=long, reference=long)
        for voucher in make(PER_PAGE[layout])
    ]
    vouchers[1] = replace(vouchers[1], offer_label="W" * 90, last_day=date(2028, 9, 30))
    (page,) = pages_of(printed(vouchers, layout))
    columns, rows = (3, 8) if layout is Layout.LABELS else (2, 4)
    texts = page.get_textpage()
    boxes = [texts.get_rect(number) for number in range(texts.count_rects())]
    assert len(boxes) >= 8 * PER_PAGE[layout]
    for left, bottom, right, top in boxes:
        assert left > PRINTERS_LEAVE_WHITE
        assert right < A4_WIDTH - PRINTERS_LEAVE_WHITE
        assert bottom > PRINTERS_LEAVE_WHITE - 1.5  # a descender may touch it
        assert top < A4_HEIGHT - PRINTERS_LEAVE_WHITE
        assert left // (A4_WIDTH / columns) == right // (A4_WIDTH / columns)
        assert bottom // (A4_HEIGHT / rows) == top // (A4_HEIGHT / rows)
    for number, one in enumerate(boxes):
        assert not any(overlap(one, other) for other in boxes[number + 1 :])


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether two boxes share more than a descender's depth."""
    shared = 1.0
    return (
        min(one[2], other[2]) - max(one[0], other[0]) > shared
        and min(one[3], other[3]) - max(one[1], other[1]) > shared
    )


def test_a_voucher_may_leave_price_and_branch_out(make: Make) -> None:
    (voucher,) = make(1)
    for layout in Layout:
        (page,) = pages_of(printed([replace(voucher, price_label="", branch_label="")], layout))
        text = page.get_textpage().get_text_bounded()
        assert "payer" not in text
        assert "Recharge 10 €" in text


def test_what_the_font_lacks_is_written_plainer(make: Make) -> None:
    (voucher,) = make(1)
    strange = replace(voucher, branch_label="Győr\u202f4\u20115 مرحبا", offer_label="ﬁn 漢")
    (page,) = pages_of(printed([strange], Layout.CARDS))
    text = page.get_textpage().get_text_bounded()
    assert "Gyor 4-5 ?????" in text
    assert text.count("?") == 6


def test_the_fonts_travel_with_the_sheet(make: Make) -> None:
    source = printed(make(1), Layout.CARDS)
    assert source.count(b"/FontFile2") == 2
    assert b"/Lang" in source


def test_progress_is_told_after_each_page(make: Make) -> None:
    told: list[int] = []
    write_pdf(iter(make(20)), Layout.CARDS, io.BytesIO(), progress=told.append)
    assert told == [8, 16, 20]


def test_what_cannot_be_printed_leaves_no_half_file(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    with pytest.raises(ValueError, match="no voucher to print"):
        write_pdf([], Layout.LABELS, out)
    with pytest.raises(ValueError, match="printable ASCII"):
        write_pdf([*make(1), replace(make(1)[0], digits="é")], Layout.LABELS, out)
    monkeypatch.setattr(sheets, "MOST_VOUCHERS", 2)
    with pytest.raises(ValueError, match="at most 2 vouchers"):
        write_pdf(make(3), Layout.LABELS, out)
    assert out.getvalue() == b""
    assert write_pdf(make(2), Layout.LABELS, out) == 2


def test_two_sheets_made_at_once_do_not_mix(make: Make) -> None:
    """The fonts are shared by the threads of a web server; what each sheet takes from them is not."""
    labels, cards = make(48), make(40)[::-1]
    alone = printed(labels, Layout.LABELS), printed(cards, Layout.CARDS)
    with ThreadPoolExecutor(max_workers=4) as threads:
        made = [
            (threads.submit(printed, labels, Layout.LABELS), threads.submit(printed, cards, Layout.CARDS))
            for _ in range(4)
        ]
        for first, second in made:
            assert (first.result(), second.result()) == alone
