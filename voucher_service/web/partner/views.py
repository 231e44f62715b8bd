"""The partner's pages. A partner's account sees its own partner only; another's pages do not exist for it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import NotFound
from voucher_service.ids import PROGRAMME_ZONE
from voucher_service.partners.models import Partner
from voucher_service.reconciliation import queries
from voucher_service.reconciliation.allocations import allocation_report
from voucher_service.reconciliation.classify import PRIORITIES as PRIORITY_OF
from voucher_service.reconciliation.closing.close import closes
from voucher_service.reconciliation.explain import LINE_WORDS, ORDER_WORDS, PRIORITIES, TEXTS, explain
from voucher_service.reconciliation.export import export_csv, export_xlsx
from voucher_service.reconciliation.intake.sequence import missing_numbers
from voucher_service.reconciliation.models import BreakClass
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.work import worklist
from voucher_service.web import doors
from voucher_service.web.partner.menu import menu

blueprint = Blueprint("partner", __name__, url_prefix="/partner")

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
READERS = (doors.Role.PARTNER, doors.Role.COORDINATOR, doors.Role.AUDITOR)


class Shown(BaseModel):
    """Which part of a long list."""

    kind: BreakClass | None = None
    page: int = Field(default=1, ge=1, le=1_000_000)


@blueprint.context_processor
def frame() -> dict[str, Any]:
    """Give every page the door's name, whose clock its times are, and the words for what became of a top-up."""
    return {
        "nav": menu(),
        "times_in": PROGRAMME_ZONE.key.rpartition("/")[2].replace("_", " "),
        "door_name": _("Espace opérateur"),
        "line_words": {state: _(words) for state, words in LINE_WORDS.items()},
        "order_words": {state: _(words) for state, words in ORDER_WORDS.items()},
        "priority_words": {number: _(words) for number, words in PRIORITIES.items()},
        "moment": lambda at: at.astimezone(PROGRAMME_ZONE).strftime("%d/%m/%Y\u00a0%H:%M"),
    }


def partner_of(session: Session, partner_id: UUID) -> Partner:
    """Return the partner if this person may see it; the answer is the same when it does not exist."""
    own = doors.current_staff().partner_id
    found = session.get(Partner, partner_id) if own in {None, partner_id} else None
    if found is None:
        raise NotFound("Cet opérateur n’existe pas, ou n’est pas le vôtre.")
    return found


@blueprint.get("/")
@doors.requires(*READERS)
def home() -> ResponseReturnValue:
    """Lead a partner to its page; let the others choose one."""
    own = doors.current_staff().partner_id
    if own is not None:
        return redirect(url_for("partner.overview", partner_id=own))
    with doors.services().database.read() as session:
        partners = session.scalars(select(Partner).order_by(Partner.name)).all()
    return render_template("partner/choose.html", partners=partners)


@blueprint.get("/<uuid:partner_id>/")
@doors.requires(*READERS)
def overview(partner_id: UUID) -> ResponseReturnValue:
    """Show what became of each gift, and the statements."""
    shown = doors.read_query(Shown)
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        gifts = allocation_report(session, partner_id)
        rows, total = queries.statements(session, partner_id, page=shown.page)
        missing = missing_numbers(session, partner_id)
        waiting = [month for month in closes(session, partner_id) if month.agreed_at is None]
        breaks, awaited = (
            worklist.how_many(session, worklist.Wanted(partner_id=partner_id, kind=kind), doors.now())
            for kind in (None, BreakClass.AWAITED_AT_PARTNER)
        )
    return render_template(
        "partner/overview.html",
        partner=partner,
        gifts=gifts,
        statements=rows,
        missing_numbers=missing,
        waiting=waiting,
        breaks=breaks - awaited,
        **_pages(shown.page, total),
    )


@blueprint.get("/<uuid:partner_id>/statements/<uuid:statement_id>")
@doors.requires(*READERS)
def result(partner_id: UUID, statement_id: UUID) -> ResponseReturnValue:
    """Show the one figure that matters, then each difference in words."""
    shown = doors.read_query(Shown)
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        statement = queries.statement_of(session, partner_id, statement_id)
        row = queries.row_of(session, statement)
        counted = row.figures
        found, total = queries.differences(session, statement, kind=shown.kind, page=shown.page)
    return render_template(
        "partner/result.html", partner=partner, statement=statement, row=row, figures=counted, kind=shown.kind,
        differences=[(item, explain(item, _, doors.language())) for item in found],
        kinds=[(kind, _(TEXTS[kind].title), count) for kind, count in sorted(counted.by_class.items(), key=_urgency)],
        priorities=PRIORITY_OF, **_pages(shown.page, total),
    )  # fmt: skip


@blueprint.get("/<uuid:partner_id>/statements/<uuid:statement_id>/lines")
@doors.requires(*READERS)
def lines(partner_id: UUID, statement_id: UUID) -> ResponseReturnValue:
    """Show the lines in the file's order, each with what it was matched with."""
    shown = doors.read_query(Shown)
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        statement = queries.statement_of(session, partner_id, statement_id)
        found, total = queries.lines(session, statement, kind=shown.kind, page=shown.page)
    titles = {kind: _(text.title) for kind, text in TEXTS.items()}
    return render_template(
        "partner/lines.html", partner=partner, statement=statement, lines=found, titles=titles,
        **_pages(shown.page, total),
    )  # fmt: skip


@blueprint.get("/<uuid:partner_id>/statements/<uuid:statement_id>/differences.csv")
@doors.requires(*READERS)
def export(partner_id: UUID, statement_id: UUID) -> ResponseReturnValue:
    """Send every difference as a file that no spreadsheet runs."""
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
        statement = queries.statement_of(session, partner_id, statement_id)
        body = "".join(export_csv(queries.all_differences(session, statement)))
    head = {"Content-Disposition": f"attachment; filename=ecarts-{statement.last_day:%Y-%m-%d}.csv"}
    return Response(body, mimetype="text/csv", headers=head)


@blueprint.get("/<uuid:partner_id>/statements/<uuid:statement_id>/differences.xlsx")
@doors.requires(*READERS)
def export_book(partner_id: UUID, statement_id: UUID) -> ResponseReturnValue:
    """Send every difference as a workbook in which everything but numbers is text."""
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
        statement = queries.statement_of(session, partner_id, statement_id)
        body = export_xlsx(queries.all_differences(session, statement))
    head = {"Content-Disposition": f"attachment; filename=ecarts-{statement.last_day:%Y-%m-%d}.xlsx"}
    return Response(body, mimetype=XLSX, headers=head)


@blueprint.post("/<uuid:partner_id>/statements/<uuid:statement_id>/run")
@doors.requires(doors.Role.PARTNER, doors.Role.COORDINATOR)
def again(partner_id: UUID, statement_id: UUID) -> ResponseReturnValue:
    """Reconcile again, after something was corrected."""
    database, now = doors.services().database, doors.now()
    with database.read() as session:
        partner_of(session, partner_id)
        queries.statement_of(session, partner_id, statement_id)
    done = database.run(run, statement_id, now)
    flash(_("Rapprochement refait : %(new)s nouveaux écarts, %(closed)s refermés.", new=done.new, closed=done.closed))
    return redirect(url_for("partner.result", partner_id=partner_id, statement_id=statement_id), 303)


def _urgency(counted: tuple[BreakClass, int]) -> tuple[int, str]:
    return PRIORITY_OF[counted[0]], counted[0].value


def _pages(page: int, total: int) -> dict[str, Any]:
    """Return the hrefs of the neighbouring pages, empty where there is none."""
    assert request.endpoint is not None, "a page is shown by a view"
    kept: dict[str, Any] = {name: value for name, value in request.args.items() if name != "page"}
    kept |= request.view_args or {}

    def href(number: int) -> str:
        assert request.endpoint is not None, "a page is shown by a view"
        return url_for(request.endpoint, **kept, page=number)

    return {
        "total": total,
        "previous_href": href(page - 1) if page > 1 else "",
        "next_href": href(page + 1) if page * queries.PAGE < total else "",
    }
