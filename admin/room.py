"""What every room of the coordination shares: who may enter, how a page and a form are shown and answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from admin import words
from voucher_service.errors import BadFile, BadInput, Conflict
from voucher_service.ids import local_day
from voucher_service.staff.lists import names_of
from voucher_service.units import Unit
from voucher_service.web import doors

READ = doors.requires(doors.Role.COORDINATOR, doors.Role.AUDITOR)
"""Whoever coordinates or audits."""
WRITE = doors.requires(doors.Role.COORDINATOR)
"""Coordinators: every change, and whatever shows who a person is or a code that could be spent."""

E = TypeVar("E", bound=StrEnum)
Choice = tuple[object, str]

FORM = "form"
"""The anchor of a fault that belongs to no field."""

_FIELD_OF = {
    "partner_name_taken": "name",
    "agreement_reference_taken": "reference",
    "allocation_label_taken": "label",
    "offer_code_taken": "code",
    "campaign_name_taken": "name",
    "already_in_force": "effective_from",
    "login_taken": "login",
    "branch_exists": "name",
    "phone_shared_by_too_many": "phone",
    "route_taken": "route",
}


class Kind(StrEnum):
    """How a field is asked for."""

    LINE = "line"
    AREA = "area"
    DATE = "date"
    SELECT = "select"
    RADIOS = "radios"
    CHECKS = "checks"
    FILE = "file"
    HIDDEN = "hidden"  # typed unseen, never shown again


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One question of a form. `options` are pairs (value, words); `value` stands there at first."""

    name: str
    label: str
    kind: Kind = Kind.LINE
    hint: str = ""
    value: object = ""
    options: Sequence[Choice] = ()
    empty: str = ""
    required: bool = True
    width: str = "medium"
    inputmode: str = ""
    attrs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A page that asks. `hidden` travels along; `lead` says in a sentence what this is for.

    `leave` are the words of the way out where « Annuler » would sound like the act itself.
    """

    title: str
    fields: Sequence[Field]
    action: str
    submit: str
    cancel: str
    lead: str = ""
    hidden: Mapping[str, object] = field(default_factory=dict)
    tone: str = "primary"
    help_template: str = ""
    leave: str = ""

    def page(self, faults: Mapping[str, str] | None = None) -> str:
        """Return the page; with faults, what was typed stays and each fault stands at its field."""
        known = {one.name for one in self.fields}
        errors: dict[str, str] = {}
        for name, message in (faults or {}).items():
            errors.setdefault(name.partition(".")[0] if name.partition(".")[0] in known else FORM, message)
        values = {one.name: self._value(one) for one in self.fields}
        hidden = {name: request.form.get(name, value) for name, value in self.hidden.items()}
        return render_template("admin/form.html", form=self, errors=errors, values=values, hidden=hidden)

    def _value(self, one: Field) -> object:
        if request.method != "POST":
            return one.value
        if one.kind is Kind.HIDDEN:
            return ""
        return request.form.getlist(one.name) if one.kind is Kind.CHECKS else request.form.get(one.name, "")[:2000]


def submitted(form: Form, act: Callable[[], ResponseReturnValue]) -> ResponseReturnValue:
    """Return what `act` answers, or the form again with what is to mend: nothing was recorded then."""
    try:
        return act()
    except BadInput as error:
        return form.page(doors.faults_of(error)), 422
    except BadFile as error:
        return form.page({"file": doors.said(error)}), 422
    except Conflict as error:
        return form.page({_FIELD_OF.get(error.code, FORM): doors.said(error)}), 409


def unit_field() -> Field:
    """Return the question which unit."""
    units = [(unit.value, words.unit(unit)) for unit in Unit]
    return Field(name="unit", label=_("Unité"), kind=Kind.SELECT, options=units)


def check_page(form: Form, rows: Sequence[tuple[str, str]], *, question: str, submit: str, note: str = "") -> str:
    """Return the page that shows the answers once more before they count; what was typed travels hidden."""
    sent = [(name, value) for name in request.form for value in request.form.getlist(name)]
    hidden = [pair for pair in sent if pair[0] not in {"csrf_token", "step"}]
    return render_template(
        "admin/check.html", form=form, rows=rows, question=question, submit=submit, hidden=hidden, note=note
    )


def step() -> str:
    """Return which button of a form in two steps was pressed: "" (first), "edit" or "confirm"."""
    return request.form.get("step", "")


def page(name: str, **context: Any) -> str:
    """Return a page of this door; `name` is its room and its own name: `gifts/stock`."""
    return render_template(f"admin/{name}.html", **context)


def done(message: str, endpoint: str, **values: Any) -> ResponseReturnValue:
    """Say what was done on the page that shows it."""
    flash(message, "ok")
    return redirect(url_for(endpoint, **values), 303)


def refused(error: Conflict, endpoint: str, **values: Any) -> ResponseReturnValue:
    """Say on the page why the state of things did not allow it."""
    flash(doors.said(error), "bad")
    return redirect(url_for(endpoint, **values), 303)


def today() -> date:
    """Return the day it is at the branches."""
    return local_day(doors.now())


def actor() -> str:
    """Return under which name the acts of who is signed in are recorded."""
    return doors.current_staff().actor


def may_write() -> bool:
    """Say whether who is signed in may change things."""
    staff = doors.signed_in()
    return staff is not None and staff.role is doors.Role.COORDINATOR


def who(session: Session, actors: Iterable[str | None]) -> dict[str, str]:
    """Return words for each actor: a name, or which part of the system it was."""
    given = [one for one in actors if one]
    service = {one: _("le service") for one in given if not one.startswith("staff:")}
    return {one: _("un ancien compte") for one in given} | service | names_of(session, given)


def log(event: str, **facts: object) -> None:
    """Write one line in the log of the service, with who did it."""
    doors.log().info(event, actor=actor(), **facts)
