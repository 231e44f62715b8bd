"""What the counter keeps between requests: the branch chosen, each branch's till, the forms of the campaigns."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import current_app, session
from sqlalchemy import select

from voucher_service.errors import BadInput
from voucher_service.staff.models import Branch
from voucher_service.visits.questions import Forms
from voucher_service.web import doors

STAFF = (doors.Role.COUNTER, doors.Role.VOLUNTEER, doors.Role.COORDINATOR)
_KEY = "counter"
_BRANCH = "branch"


@dataclass(slots=True)
class DeskState:
    """One process's memory. A branch never changes its till, so the number of the book is read once."""

    tills: dict[int, int] = field(default_factory=dict)
    forms: Forms = field(default_factory=Forms)


def desk_state() -> DeskState:
    """Return this application's memory of the counter."""
    state: DeskState = current_app.extensions.setdefault(_KEY, DeskState())
    return state


def till_of(branch_id: int) -> int:
    """Return the till book of a branch that the person signed in may act for.

    Raises:
        BadInput: no such branch, or not theirs (field `branch_id`).
    """
    staff = doors.current_staff()
    tills = desk_state().tills
    if staff.sees_all_branches or branch_id in staff.branches:
        if branch_id not in tills:
            with doors.services().database.read() as database:
                found = database.scalar(select(Branch.till_book_id).where(Branch.id == branch_id))
            if found is not None:
                tills[branch_id] = found
        if branch_id in tills:
            return tills[branch_id]
    raise BadInput("Cette antenne n’existe pas, ou n’est pas la vôtre : choisissez la vôtre.", field="branch_id")


def choose_branch(branch_id: int) -> None:
    """Keep the branch for this session. Raises BadInput: not one of theirs."""
    till_of(branch_id)
    session[_BRANCH] = branch_id


def chosen_branch(branches: list[Branch]) -> Branch | None:
    """Return the branch of this session: the one chosen, else the only or first one; None: there is none."""
    return next((branch for branch in branches if branch.id == session.get(_BRANCH)), branches[0] if branches else None)


def sees_people() -> bool:
    """Say whether the person signed in may see what the beneficiary's file says. Volunteers may not."""
    return doors.current_staff().role is not doors.Role.VOLUNTEER
