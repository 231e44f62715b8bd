"""Many rows at once into columns of canonical values, or None where one of them needs a closer look.

The meaning of reading row by row (`read.py`), several times faster: what repeats (units, statuses, hours) is read once,
and what does not (references) is looked at as one long text. Whatever is not plain here is read again there, which
finds the fault and its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import add, itemgetter

from voucher_service.errors import BadFile
from voucher_service.reconciliation.reader.dates import parse_instant
from voucher_service.reconciliation.reader.header import Header
from voucher_service.reconciliation.reader.manner import AS_FOUND, SHEET_MARK, Dates
from voucher_service.reconciliation.reader.numbers import is_number, read_numbers
from voucher_service.reconciliation.reader.values import (
    BadCell,
    named_order,
    parse_cost,
    parse_quantity,
    parse_scale,
    parse_status,
)
from voucher_service.reconciliation.reader.words import Field, Scale

INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"
"""How an instant is written in `Columns.event_at`: its order is that of time, and both databases read it."""

_LONGEST = {Field.OUR_REF: 40, Field.PARTNER_REF: 80, Field.SERIAL: 30, Field.PRODUCT: 40}
_ORDERS = re.compile(r"(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-7][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})*")
_TAIL = re.compile(r"([0-9]{2}(?::[0-9]{2})?)(?:[.,]([0-9]{1,9}))?(?: ?(Z|[+-][0-9]{2}:?[0-9]{2}))?")


@dataclass(frozen=True, slots=True)
class Columns:
    """Canonical lines, column by column. `named` is the order id that `our_ref` spells.

    `sums` are the few that sum up a day: line, unit, status, when, how many top-ups, and the code of their product.
    """

    line: Sequence[int]
    our_ref: Sequence[str | None]
    named: Sequence[str | None]
    partner_ref: Sequence[str | None]
    serial: Sequence[str | None]
    unit: Sequence[str]
    quantity: Sequence[int]
    status: Sequence[str]
    event_at: Sequence[str]
    product: Sequence[str | None] = ()  # empty when the file has no such column
    sums: Sequence[tuple[int, str, str, datetime, int, str | None]] = ()
    number: Sequence[str | None] = ()  # as `numbers.read_number`, on its way to a keyed hash; empty as `product`
    cost: Sequence[int | None] = ()  # cents; empty as `product`

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Yield the lines, each as a tuple in the order of the fields."""
        return zip(
            self.line, self.our_ref, self.named, self.partner_ref, self.serial,
            self.unit, self.quantity, self.status, self.event_at, self.products(), self.numbers(),
            self.cost or [None] * len(self.line), strict=True,
        )  # fmt: skip

    def products(self) -> Sequence[str | None]:
        """Return the code of the product of each line, None where it states none."""
        return self.product or [None] * len(self.line)

    def numbers(self) -> Sequence[str | None]:
        """Return the telephone number of each line, None where it states none."""
        return self.number or [None] * len(self.line)


class NotPlainError(Exception):
    """Something in the rows needs to be read one by one."""


def convert(header: Header, starts: Sequence[int], every: Sequence[Sequence[str]]) -> tuple[Columns, set[Scale]]:
    """Return the rows, whose cells come column by column, as canonical columns, and the scales of their units.

    Raises:
        NotPlainError: the rows are short, long, or hold something that is read one by one.
    """
    if len(every) != header.width or Field.COUNT in header.places:
        raise NotPlainError

    def bare(name: Field) -> Sequence[str]:
        return every[header.places[name]]

    def column(name: Field) -> list[str] | None:
        return list(map(str.strip, bare(name))) if name in header.places else None

    quantity, status, at = bare(Field.QUANTITY), bare(Field.STATUS), [*map(str.strip, bare(Field.EVENT_AT))]
    try:
        units, quantities, scales = _amounts(
            header, bare(Field.UNIT) if Field.UNIT in header.places else None, quantity
        )
        ours, named = _ours(column(Field.OUR_REF), len(starts))
        theirs = _references(column(Field.PARTNER_REF), Field.PARTNER_REF, len(starts))
        serial = _references(column(Field.SERIAL), Field.SERIAL, len(starts))
        codes = column(Field.PRODUCT)
        product = () if codes is None else _references(codes, Field.PRODUCT, len(starts))
        told = column(Field.NUMBER)
        numbers = () if told is None else read_numbers(told)
        if not all(ours) and not all(map(_any, ours, theirs, serial, *([numbers] if numbers else []))):
            raise NotPlainError
        said = {text: parse_status(text.strip(), header.manner.words).value for text in set(status)}
        instants = _instants(at) if header.manner.dates == AS_FOUND else _dated(at, header.manner.dates)
        columns = Columns(
            starts, ours, named, theirs, serial, units, quantities, [said[text] for text in status], instants, product,
            number=numbers, cost=_costs(header, column(Field.COST)),
        )  # fmt: skip
    except (BadCell, ValueError) as error:
        raise NotPlainError from error
    return columns, scales


def refuse_numbers(columns: Columns, names: Mapping[Field, str]) -> None:
    """Refuse the first lines of a file if its references are telephone numbers: a line keeps its references in clear.

    Raises:
        BadFile: a column says nothing else, in all these lines.
    """
    stated = {
        Field.OUR_REF: columns.our_ref, Field.PARTNER_REF: columns.partner_ref, Field.SERIAL: columns.serial,
        Field.PRODUCT: columns.product,
    }  # fmt: skip
    for name, texts in stated.items():
        first = next(filter(None, texts), None)
        if first is not None and is_number(first) and all(text is None or is_number(text) for text in texts):
            raise BadFile(
                "cette colonne contient des numéros de téléphone : choisissez-la comme numéro de téléphone, pas comme "
                "référence.",
                line=columns.line[0],
                column=names[name],
            )


def _any(*references: str | None) -> bool:
    return any(references)


def _amounts(
    header: Header, units: Sequence[str] | None, texts: Sequence[str]
) -> tuple[list[str], list[int], set[Scale]]:
    """Return the units, the quantities and the scales the file uses."""
    if units is None:
        assert header.scale is not None, "a header without a column of units has one unit"
        units = [""] * len(texts)
        scales = {"": header.scale}
    else:
        scales = {text: parse_scale(text.strip()) for text in set(units)}
    if len(scales) == 1:
        (scale,) = scales.values()
        pieces = {amount: parse_quantity(amount.strip(), scale, header.manner.marks) for amount in set(texts)}
        return [scale[0].value] * len(texts), [*map(pieces.__getitem__, texts)], {scale}
    names = {text: scale[0].value for text, scale in scales.items()}
    told = {
        pair: parse_quantity(pair[0].strip(), scales[pair[1]], header.manner.marks)
        for pair in set(zip(texts, units, strict=True))
    }
    return [names[unit] for unit in units], [*map(told.__getitem__, zip(texts, units, strict=True))], {*scales.values()}


def _costs(header: Header, texts: list[str] | None) -> Sequence[int | None]:
    if texts is None:
        return ()
    told = {text: parse_cost(text, header.names[Field.COST], header.manner.marks) for text in set(texts)}
    return [told[text] for text in texts]


def _references(texts: list[str] | None, name: Field, count: int) -> Sequence[str | None]:
    if texts is None:
        return [None] * count
    whole = "".join(texts)
    if max(map(len, texts)) > _LONGEST[name] or not whole.isprintable() or "e+" in whole or "E+" in whole:
        raise NotPlainError
    if SHEET_MARK in whole:
        raise NotPlainError
    lengths = set(map(len, texts))
    if 32 in lengths or (36 in lengths and whole != whole.lower()):
        raise NotPlainError  # perhaps a UUID in another dress
    return texts if all(texts) else [text or None for text in texts]


def _ours(texts: list[str] | None, count: int) -> tuple[Sequence[str | None], Sequence[str | None]]:
    """Return our references, and the ids of orders they spell: the very same list where they spell nothing else."""
    if not texts or set(map(len, texts)) != {36}:
        ours = _references(texts, Field.OUR_REF, count)
        return ours, [None if text is None else named_order(text) for text in ours]
    odd, whole, at = [], "".join(texts), 0
    while at < len(whole):
        found = _ORDERS.match(whole, at)
        at = found.end() if found else at
        if at < len(whole):  # the odd one out is looked at by itself
            odd.append(at // 36)
            at += 36
    if not odd:
        return texts, texts
    _references([texts[place] for place in odd], Field.OUR_REF, len(odd))
    named: list[str | None] = [*texts]
    for place in odd:
        named[place] = named_order(texts[place])
    return texts, named


@lru_cache(maxsize=16_384)
def _hour(head: str, zone: str) -> str:
    """Return day and hour in UTC for the part of a date before the first colon.

    Raises:
        NotPlainError: the clock changes in that hour, or a minute of it could fall on another.
    """
    first, last = parse_instant(f"{head}:00:00{zone}"), parse_instant(f"{head}:59:59{zone}")
    if first.minute or last - first != timedelta(minutes=59, seconds=59):
        raise NotPlainError
    return f"{first:%Y-%m-%dT%H}"


@lru_cache(maxsize=16_384)
def _minutes(tail: str) -> tuple[str, str]:
    """Return minutes, seconds and microseconds as text, and the zone, for the part after the first colon."""
    found = _TAIL.fullmatch(tail)
    if found is None:
        raise NotPlainError
    clock, fraction, zone = found.groups(default="")
    minute, _, second = clock.partition(":")
    if minute > "59" or (second or "00") > "59":
        raise NotPlainError
    return f":{minute}:{second or '00'}.{fraction[:6].ljust(6, '0')}Z", zone


def _instants(texts: list[str]) -> list[str]:
    """Return the instants as `INSTANT` writes them."""
    first = texts[0].find(":") + 1
    heads = [*map(itemgetter(slice(first)), texts)]
    hours = set(heads)
    if first and all(head.find(":") == first - 1 for head in hours):
        tails = [*map(itemgetter(slice(first, None)), texts)]
        ends = {tail: _minutes(tail) for tail in set(tails)}
        zones = {zone for _, zone in ends.values()}
        if len(zones) == 1:  # days and hours are few, and so are minutes and seconds
            (zone,) = zones
            starts = {head: _hour(head[:-1], zone) for head in hours}
            rests = {tail: rest for tail, (rest, _) in ends.items()}
            return [*map(add, map(starts.__getitem__, heads), map(rests.__getitem__, tails))]
    return [_instant(text) for text in texts]


def _instant(text: str) -> str:
    head, colon, tail = text.partition(":")
    if not colon:
        return instant_text(parse_instant(text))
    rest, zone = _minutes(tail)
    return _hour(head, zone) + rest


def _dated(texts: list[str], dates: Dates) -> list[str]:
    """Return the instants of dates written the partner's own way."""
    told = {text: instant_text(parse_instant(text, dates)) for text in set(texts)}
    return [told[text] for text in texts]


def instant_text(at: datetime) -> str:
    """Return an aware instant as `INSTANT` writes it."""
    return at.astimezone(UTC).strftime(INSTANT)
