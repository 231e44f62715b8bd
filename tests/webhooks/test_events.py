"""The features tell in their own transaction: a gift that opens, a statement that is compared."""

from __future__ import annotations

import json

from sqlalchemy import select

from tests.flows.reconciliation.builders import DAY, VAULT
from tests.programme import FIRST_DAY, LAST_DAY
from tests.webhooks.conftest import Hooks
from voucher_service.partners.gifts import approve_allocation, propose_allocation
from voucher_service.partners.models import Agreement
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement


def told(hooks: Hooks) -> list[tuple[str, dict[str, object]]]:
    """What stands in the outbox."""
    return [(row.event, json.loads(row.body)["data"]) for row in hooks.rows()]


def test_a_gift_is_told_when_it_is_approved(hooks: Hooks) -> None:
    hooks.add()
    programme = hooks.programme
    with programme.database.begin() as session:
        agreement_id = session.scalars(select(Agreement.id)).one()
        gift = propose_allocation(
            session, agreement_id=agreement_id, label="Don d’été", unit="eur_cent", quantity=100, valid_from=FIRST_DAY,
            valid_until=LAST_DAY, priority=1, earmarks=[], actor="staff:a", now=programme.now,
        )  # fmt: skip
    assert told(hooks) == [], "it waits for a second person"
    programme.database.run(approve_allocation, gift.id, "staff:b", programme.now)
    programme.database.run(approve_allocation, gift.id, "staff:b", programme.now)
    assert told(hooks) == [("allocation.opened", {"allocation_id": gift.id})], "once, however often it is agreed to"


def test_a_statement_that_is_compared_is_told(hooks: Hooks) -> None:
    hooks.add()
    programme = hooks.programme
    columns = "référence client;identifiant transaction;montant;unité;statut;date"
    content = f"{columns}\nX1;T1;5,00;EUR;livré;{DAY:%d/%m/%Y}\n".encode()
    with programme.database.begin() as session:
        kept = import_statement(
            session, vault=VAULT,
            partner_id=programme.partner_id, file_name="mars.csv", content=content, actor="staff:a",
            now=programme.now, period=(DAY, DAY),
        )  # fmt: skip
        found = run(session, kept.id, programme.now)
    assert found.new == 1
    data = {"statement_id": str(kept.id)}
    assert told(hooks) == [("statement.reconciled", data), ("statement.differences_changed", data)]
