"""What the agreed statement says beside the movements: what is left of each gift on both sides, and tolerance used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from voucher_service.partners.models import Allocation
from voucher_service.reconciliation.balances.books import position
from voucher_service.reconciliation.balances.compare import current
from voucher_service.reconciliation.balances.declare import MOVEMENTS
from voucher_service.reconciliation.balances.models import DeclaredBalance
from voucher_service.reconciliation.closing.month import Month
from voucher_service.reconciliation.export import csv_line
from voucher_service.reconciliation.models import Break, BreakSubject, Statement, StatementLine
from voucher_service.reconciliation.work.models import Settlement, Way
from voucher_service.units import Unit, display

NOT_DECLARED = "not declared by the partner"
HEADER = (
    "dotation", "nom", "unite", "jour", "solde_operateur", "solde_livres", "ecart", "autour_de_minuit", "declare_par",
)  # fmt: skip
Section = list[dict[str, Any]]


def balances_of(session: Session, month: Month, gifts: Sequence[Allocation]) -> Section:
    """Return what both sides say is left of each gift at the end of the month; or that the partner does not say."""
    said = {one.allocation_id: one for one in current(session, month.partner_id, month.last_day, month.last_day)}
    return [_balance(session, month, gift, said.get(gift.id)) for gift in gifts]


def _balance(session: Session, month: Month, gift: Allocation, said: DeclaredBalance | None) -> dict[str, Any]:
    until = said.until_at if said else month.until_at
    ours = position(session, gift.id, until, size=month.size)
    told = {
        "gift": gift.id, "label": gift.label, "unit": gift.unit, "as_of": month.last_day.isoformat(),
        "books": ours.closing, "around_midnight": ours.around_midnight,
    }  # fmt: skip
    if said is None:
        return told | {"declared": NOT_DECLARED}
    movements = {name: getattr(said, name) for name in ("opening", *MOVEMENTS) if getattr(said, name) is not None}
    return told | {
        "declared": {"closing": said.closing, "edition": said.edition, "in_statement": said.line is not None}
        | movements,
        "residual": said.closing - ours.closing,
    }


def tolerance_used(session: Session, month: Month) -> Section:
    """Return each difference that the tolerance closed, with the line or the balance that shows it."""
    of_line = and_(
        Break.line_id.is_not(None), Statement.first_day <= month.last_day, Statement.last_day >= month.first_day
    )
    of_balance = DeclaredBalance.as_of.between(month.first_day, month.last_day)
    rows: Sequence[Any] = session.execute(
        select(Settlement, Statement.file_sha256, StatementLine.line, DeclaredBalance.as_of)
        .join(Break, Break.id == Settlement.break_id)
        .join(Statement, Statement.id == Break.statement_id, isouter=True)
        .join(StatementLine, StatementLine.id == Break.line_id, isouter=True)
        .join(BreakSubject, BreakSubject.break_id == Break.id, isouter=True)
        .join(DeclaredBalance, DeclaredBalance.id == BreakSubject.balance_id, isouter=True)
        .where(Break.partner_id == month.partner_id, Break.resolved_at.is_not(None), or_(of_line, of_balance))
        .where(Settlement.way == Way.TOLERANCE.value)
        .order_by(Settlement.proposed_at, Settlement.id)
    ).all()
    return [
        {
            "gift": one.allocation_id,
            "unit": one.unit,
            "quantity": one.quantity,
            "transfer": str(one.transfer_id),
            "statement": bytes(digest).hex() if digest else None,
            "line": line,
            "balance_of": as_of.isoformat() if as_of else None,
        }
        for one, digest, line, as_of in rows
    ]


def table(section: Section) -> bytes:
    """Return the balances as CSV."""
    rows = [csv_line(HEADER)]
    for one in section:
        declared, is_said = one["declared"], isinstance(one["declared"], Mapping)
        rows.append(
            csv_line(
                (
                    one["gift"], one["label"], one["unit"], one["as_of"],
                    declared["closing"] if is_said else "non déclaré", one["books"],
                    one["residual"] if is_said else "", one["around_midnight"],
                    ("relevé" if declared["in_statement"] else "opérateur") if is_said else "",
                )
            )
        )  # fmt: skip
    return ("\ufeff" + "".join(rows)).encode()


def drawn(balances: Section, tolerance: Section) -> list[tuple[int, str]]:
    """Return both as lines of the printed statement: (size of the letters, words)."""
    texts = [(9, ""), (10, "Soldes des dotations en fin de mois")]
    for one in balances:
        unit = Unit(one["unit"])
        said = one["declared"]
        told = (
            f"opérateur {display(said['closing'], unit)}"
            if isinstance(said, Mapping)
            else "non déclaré par l’opérateur"
        )
        texts.append((9, f"   {one['label']} : livres {display(one['books'], unit)}, {told}"))
        if one["around_midnight"]:
            texts.append((9, f"      dont {display(one['around_midnight'], unit)} livrés de part et d’autre de minuit"))
    if tolerance:
        texts += [(9, ""), (10, f"Tolérance utilisée : {len(tolerance)} écart{'s' if len(tolerance) > 1 else ''}")]
        sums: dict[str, int] = {}
        for one in tolerance:
            sums[one["unit"]] = sums.get(one["unit"], 0) + abs(one["quantity"])
        texts += [(9, f"   {display(total, Unit(unit))} en tout") for unit, total in sorted(sums.items())]
    return texts
