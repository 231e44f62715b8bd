"""Lines that sum up the top-ups of a day: they count, and carry no reference of one top-up. Imports no tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from voucher_service.errors import BadFile
from voucher_service.reconciliation.reader.header import Header
from voucher_service.reconciliation.reader.rows import Row
from voucher_service.reconciliation.reader.words import Field


class Summed(NamedTuple):
    """What a line stands for: so many top-ups of its day, of one product where it names one."""

    number: int
    product: str | None


def summed(header: Header, row: Row, references: Mapping[Field, str | None]) -> Summed | None:
    """Return what the line sums up; None for a line about one top-up.

    The partner's own reference may stand beside a count (its number for the whole), ours and a serial may not.

    Raises:
        BadFile: the count is no number, or the line counts several and names one.
    """
    text = header.text(row.cells, Field.COUNT)
    if not text:
        return None
    column = header.names[Field.COUNT]
    if not (text.isascii() and text.isdigit() and int(text[:10]) > 0 and len(text) < 10):
        raise BadFile("« {text} » n’est pas un nombre de recharges.", line=row.line, column=column, text=text[:40])
    count, named = int(text), bool(references[Field.OUR_REF] or references[Field.SERIAL])
    if count == 1 and (named or references[Field.PARTNER_REF]):
        return None
    if named:
        raise BadFile(
            "cette ligne compte {count} recharges et porte la référence d’une seule : écrivez une ligne par recharge, "
            "ou enlevez la référence.",
            line=row.line,
            column=column,
            count=count,
        )
    return Summed(count, header.text(row.cells, Field.PRODUCT)[:40] or None)
