"""Ten files that say the same in ten ways, as ten billing systems would print it. Nothing here uses the reader."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter

from voucher_service.reconciliation.reader.profile import Control
from voucher_service.reconciliation.reader.words import Field

PARIS, NEW_YORK = ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True)
class Said:
    """One line as the partner means it; cents, an instant in UTC."""

    ours: str
    theirs: str
    status: str  # delivered, refused, reversed
    cents: int
    at: datetime


LINES = [
    Said(
        "01900000-0000-7000-8000-00000000aa01", "TX-1001", "delivered", 1250, datetime(2026, 3, 13, 7, 11, tzinfo=UTC)
    ),
    Said(
        "01900000-0000-7000-8000-00000000aa02", "TX-1002", "refused", 500, datetime(2026, 3, 14, 10, 0, 30, tzinfo=UTC)
    ),
    Said(
        "01900000-0000-7000-8000-00000000aa03",
        "TX-1003",
        "delivered",
        123456,
        datetime(2026, 3, 28, 22, 59, tzinfo=UTC),
    ),
    # The day of 23 hours, after the change.
    Said("01900000-0000-7000-8000-00000000aa04", "TX-1004", "reversed", 2000, datetime(2026, 3, 29, 9, 30, tzinfo=UTC)),
]
TELEPHONES = (639980042, "06 39 98 00 43", 33639980044, "06****45")  # of numbers given to fiction, two without zero
TOTAL = sum(line.cents for line in LINES)
FRENCH = {"delivered": "Livré", "refused": "Refusé", "reversed": "Remboursé"}
ENGLISH = {"delivered": "SUCCESSFUL", "refused": "FAILED", "reversed": "REFUNDED"}
OWN = {"delivered": "Aboutie", "refused": "KO réseau", "reversed": "Avoir émis"}


@dataclass(frozen=True, slots=True)
class Shape:
    """A file, and what a person has to say where the guess alone cannot know: fields of a `Profile`."""

    content: bytes
    first_line: int
    told: dict[str, Any] = field(default_factory=dict)


def comma(cents: int, grouping: str = "") -> str:
    whole = f"{cents // 100:,}".replace(",", grouping)
    return f"{whole},{cents % 100:02d}"


def point(cents: int, grouping: str = "") -> str:
    return f"{cents // 100:,}".replace(",", grouping) + f".{cents % 100:02d}"


def local(at: datetime, form: str, zone: ZoneInfo = PARIS) -> str:
    return at.astimezone(zone).strftime(form)


def text(rows: list[list[object]], separator: str, end: str = "\r\n") -> str:
    return "".join(separator.join(map(str, row)) + end for row in rows)


def french_semicolons() -> Shape:
    """Windows-1252, decimal comma, blanks between thousands, a title above, a TOTAL row below."""
    rows: list[list[object]] = [["Relevé des recharges offertes"], []]
    rows.append(["Référence client", "Identifiant transaction", "Montant (EUR)", "Statut", "Date et heure"])
    for said in LINES:
        when = local(said.at, "%d/%m/%Y %H:%M:%S")
        rows.append([said.ours, said.theirs, comma(said.cents, "\u00a0"), FRENCH[said.status], when])
    rows.append(["TOTAL", len(LINES), comma(TOTAL, " ")])
    return Shape(text(rows, ";").encode("cp1252"), 4)


def american_commas() -> Shape:
    """A byte-order mark, quoted cells, month first with AM and PM, New York time, a comma between thousands."""
    rows = ['"External ID","Transaction ID","Status","Amount","Currency","Created at","Completed at"']
    for said in LINES:
        when = local(said.at, "%m/%d/%Y %I:%M:%S %p", NEW_YORK)
        amount = point(said.cents, ",")
        rows.append(f'"{said.ours}","{said.theirs}","{ENGLISH[said.status]}","{amount}","EUR","01/01/2026","{when}"')
    return Shape(("\n".join(rows) + "\n").encode("utf-8-sig"), 2, {"zone": "America/New_York"})


def utf16_tabs() -> Shape:
    """What a spreadsheet saves as "Unicode text": UTF-16, tabs; the amount in cents."""
    rows: list[list[object]] = [["Votre référence", "Réf. opérateur", "Montant en centimes", "État", "Horodatage"]]
    rows += [[said.ours.upper(), said.theirs, said.cents, FRENCH[said.status], said.at.isoformat()] for said in LINES]
    return Shape(text(rows, "\t").encode("utf-16"), 2)


def pipes_of_a_mainframe() -> Shape:
    """No header: places only; H and T records with count and sum; compact dates; one unit for the whole file."""
    rows: list[list[object]] = [["H", "COUP DE POUCE", 12, len(LINES), comma(TOTAL)]]
    for said in LINES:
        when = local(said.at, "%Y%m%d%H%M%S")
        rows.append(["D", when, said.theirs, said.ours.replace("-", ""), comma(said.cents), ENGLISH[said.status]])
    rows.append(["T", len(LINES), comma(TOTAL)])
    told: dict[str, Any] = {
        "unit": "EUR",
        "opening": Control("H", count=4, total=5, number=3),
        "closing": Control("T", count=2, total=3),
    }
    return Shape(text(rows, "|", "\n").encode(), 2, told)


def own_words() -> Shape:
    """Names and words nobody else uses, points between thousands, two-digit years."""
    rows: list[list[object]] = [["Kennung", "Beleg", "Wert", "Ergebnis", "Zeitpunkt"]]
    for said in LINES:
        when = local(said.at, "%d.%m.%y %H:%M:%S")
        rows.append([said.ours, said.theirs, comma(said.cents, "."), OWN[said.status], when])
    statuses = {"aboutie": "delivered", "ko reseau": "refused", "avoir emis": "reversed"}
    told: dict[str, Any] = {"unit": "EUR", "statuses": statuses, "columns": {Field.STATUS: 3}}
    return Shape(text(rows, ";").encode(), 2, told | {"decimal": ",", "grouping": "."})


def old_mac() -> Shape:
    """Line ends of long ago, columns the other way round, numbered lines, dates as seconds since 1970."""
    rows: list[list[object]] = [["Date", "Statut", "Devise", "Montant", "Transaction ID", "Référence client", "Ligne"]]
    for number, said in enumerate(LINES, start=1):
        when = int(said.at.timestamp())
        rows.append([when, FRENCH[said.status], "€", point(said.cents), said.theirs, said.ours, number])
    return Shape(text(rows, ",", "\r").encode(), 2)


def _book(fill: Callable[[Any, Any], None], *, first: str = "Feuil1") -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        fill(book, book.add_worksheet(first))
    return file.getvalue()


def plain_book() -> Shape:
    """A workbook: true dates, true numbers, an empty row in the middle, a totals row that is a formula."""

    def fill(book: Any, sheet: Any) -> None:
        dates, top = book.add_format({"num_format": "dd/mm/yyyy hh:mm"}), ("Référence client", "Transaction", "Montant")
        sheet.write_row(0, 0, [top[0], "Identifiant transaction", "Montant EUR", "Statut", "Date de livraison"])
        for at, said in enumerate(LINES, start=1):
            row = at + (at > 2)
            sheet.write_row(row, 0, [said.ours, said.theirs, said.cents / 100, FRENCH[said.status]])
            sheet.write_datetime(row, 4, said.at.astimezone(PARIS).replace(tzinfo=None), dates)
        sheet.write(6, 0, "Total")
        sheet.write_number(6, 1, len(LINES))
        sheet.write_formula(6, 2, "=SUM(C2:C6)", None, TOTAL / 100)

    return Shape(_book(fill), 2)


def merged_book() -> Shape:
    """Two header rows with merged cells, an empty first column, a summary sheet before, numbers as text."""

    def fill(book: Any, summary: Any) -> None:
        summary.write_row(0, 0, ["Mois", "Montant"])
        sheet = book.add_worksheet("Détail")
        sheet.merge_range("B2:F2", "Recharges offertes, mars 2026")
        sheet.merge_range("B4:B5", "Référence client")
        sheet.merge_range("C4:D4", "Opération")
        sheet.write_row(4, 2, ["N° de transaction", "Statut"])
        sheet.merge_range("E4:E5", "Montant EUR")
        sheet.merge_range("F4:F5", "Date")
        for row, said in enumerate(LINES, start=5):
            cells = [said.ours, said.theirs, FRENCH[said.status], comma(said.cents, " ")]
            sheet.write_row(row, 1, [*cells, local(said.at, "%d/%m/%Y %H:%M:%S")])
        sheet.write_row(9, 1, ["Totaux", "", "", comma(TOTAL)])

    return Shape(_book(fill, first="Résumé"), 6, {"columns": {Field.PARTNER_REF: 2}})


def serial_book() -> Shape:
    """Dates as bare numbers of days, in UTC; telephones as numbers; a hidden sheet that must not be read."""

    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["our ref", "partner ref", "amount cents", "status", "timestamp", "Numéro de ligne"])
        for row, said in enumerate(LINES, start=1):
            days = (said.at.replace(tzinfo=None) - datetime(1899, 12, 30)) / timedelta(days=1)  # noqa: DTZ001
            cells = [said.ours, said.theirs, said.cents, ENGLISH[said.status], days, TELEPHONES[row - 1]]
            sheet.write_row(row, 0, cells)
        hidden = book.add_worksheet("Archive")
        for row in range(20):
            hidden.write_row(row, 0, ["our ref", "status", "amount cents", "timestamp", "x"])
        hidden.hide()

    return Shape(_book(fill), 2, {"zone": "UTC"})


def wide_book() -> Shape:
    """Forty columns of which five count, one of them a group sum; amounts of a formula's last value."""

    def fill(_book: Any, sheet: Any) -> None:
        names = [f"Info {n}" for n in range(40)]
        names[3], names[9], names[17], names[30], names[39] = (
            "custom identifier",
            "state",
            "amount eur",
            "date",
            "ID transaction",
        )
        sheet.write_row(2, 0, names)
        for row, said in enumerate(LINES, start=3):
            sheet.write_row(row, 0, [f"x{row}"] * 40)
            sheet.write_string(row, 3, said.ours)
            sheet.write_string(row, 9, ENGLISH[said.status])
            sheet.write_formula(row, 17, f"={said.cents}/100", None, said.cents / 100 * (1 + 3e-16))
            sheet.write_string(row, 30, local(said.at, "%Y-%m-%d %H:%M:%S"))
            sheet.write_string(row, 39, said.theirs)

    return Shape(_book(fill), 4)


SHAPES: dict[str, Callable[[], Shape]] = {
    shape.__name__: shape
    for shape in (
        french_semicolons, american_commas, utf16_tabs, pipes_of_a_mainframe, own_words, old_mac, plain_book,
        merged_book, serial_book, wide_book,
    )
}  # fmt: skip
