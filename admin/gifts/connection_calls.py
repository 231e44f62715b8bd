"""Asking a partner from a page: its adapter is made afresh from the row, switched on or not; faults are codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from voucher_service.crypto import SealBroken
from voucher_service.fulfilment import connections
from voucher_service.fulfilment.abilities import Tries
from voucher_service.fulfilment.connection_models import Connection
from voucher_service.fulfilment.kinds import BadSetting
from voucher_service.web import doors

T = TypeVar("T")


class Unanswered(Exception):
    """The partner gave no answer that can be used. `code` is one of a trial's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def held(connection_id: UUID) -> Connection:
    """Return the row of the connection. Raises NotFound."""
    with doors.services().database.read() as session:
        return connections.connection(session, connection_id)


def partner(connection_id: UUID) -> Tries:
    """Return the adapter of the connection as its row stands now.

    Raises:
        NotFound. Unanswered: `connection_unusable`.
    """
    services, row = doors.services(), held(connection_id)
    try:
        made = services.kinds[row.kind].build(connections.plan_of(services.vault, row))
    except (KeyError, ValueError, BadSetting, SealBroken) as fault:
        raise Unanswered("connection_unusable") from fault
    assert isinstance(made, Tries), "every kind that can be connected can be tried"
    return made


def asked(there: Tries, question: Callable[[], T]) -> T:
    """Return the answer to a question; when there is none, what a test of the connection says of it.

    Raises:
        Unanswered.
    """
    try:
        return question()
    except Exception as fault:  # adapters raise what they like when they do not know
        doors.log().warning("partner_question_failed", fault=type(fault).__name__)
        trial = there.try_connection()
        raise Unanswered("answer_unexpected" if trial.ok else trial.code) from None
