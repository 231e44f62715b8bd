"""Races, each as a function that fails when someone is wronged: used on the service and on planted bugs."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import patch
from uuid import UUID

from sqlalchemy import func, select, text

from tests.programme import Programme, add_gift
from tests.properties.arena import answer_of
from tests.world import World, give
from voucher_service.db import Database
from voucher_service.ids import new_id
from voucher_service.partners.gifts import approve_allocation
from voucher_service.visits.outcomes import Outcome
from voucher_service.vouchers import issue, life
from voucher_service.vouchers.models import Batch, BatchState, Voucher


def rush(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do all `works` at the same moment, each in a thread of its own; what each answered, in order."""
    start = threading.Barrier(len(works))

    def go(work: Callable[[], Any]) -> Any:
        start.wait()
        return answer_of(work)

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(go, works))


def count(programme: Programme, **where: object) -> int:
    """How many vouchers there are."""
    conditions = [getattr(Voucher, name) == value for name, value in where.items()]
    with programme.database.read() as session:
        return session.scalar(select(func.count()).select_from(Voucher).where(*conditions)) or 0


def wide(url: str, *, gift: int, gifts: int = 1) -> Programme:
    """A programme with a connection for each of 32 threads, and `gifts` gifts of `gift` cents."""
    programme = Programme.make(url, gift=gift)
    programme.database.close()
    programme.database = Database(url, pool_size=32)
    with programme.database.begin() as session:
        for _ in range(gifts - 1):
            add_gift(session, programme.partner_id, gift)
    return programme


def issue_more_than_there_is(programme: Programme, *, threads: int, possible: int) -> None:
    """As many are issued as the gifts pay for; everyone else is told so, and nobody waits for ever."""
    answers = rush([programme.issue] * threads)
    told = Counter(answer if isinstance(answer, str) else "issued" for answer in answers)
    assert told == {"issued": possible, "allocation_exhausted": threads - possible}
    assert count(programme) == possible
    assert programme.findings() == []


def cancel(programme: Programme, voucher_id: UUID) -> None:
    """Cancel."""
    programme.database.run(life.cancel, voucher_id, actor="staff:a", reason="perdu", now=programme.now)


def reissue(programme: Programme, voucher_id: UUID) -> Voucher:
    """Replace by a new voucher."""
    return programme.database.run(
        life.reissue, programme.ring, voucher_id, new_id(), actor="staff:b", reason="abîmé", now=programme.now
    )


def expire(programme: Programme) -> int:
    """The sweep of a day on which everything issued today is over."""
    return programme.database.run(life.expire_due, now=programme.now + timedelta(days=91), limit=20)


def four_ends(programme: Programme, *, rounds: int) -> Counter[str]:
    """Redeem, cancel, reissue and expire the same voucher at once: one of them happens. How often each did."""
    won: Counter[str] = Counter()
    for _ in range(rounds):
        voucher = programme.issue()
        scanned, cancelled, reissued, _ = rush(
            [
                partial(programme.scan, programme.digits(voucher)),
                partial(cancel, programme, voucher.id),
                partial(reissue, programme, voucher.id),
                partial(expire, programme),
            ]
        )
        did = {
            "redeemed": scanned.outcome is Outcome.ACCEPTED,
            "cancelled": cancelled is None,
            "replaced": not isinstance(reissued, str),
        }
        happened = [state for state, done in did.items() if done]
        with programme.database.read() as session:
            state = session.get_one(Voucher, voucher.id).state
        assert happened == ([] if state == "expired" else [state]), f"{happened}, but the voucher is {state}"
        won[state] += 1
    assert programme.findings() == []
    return won


def person_at_the_cap(programme: Programme, *, rounds: int, desks: int = 2) -> None:
    """Several desks give the last voucher that a person may get: one does, the others are told of the cap."""
    with programme.database.begin() as session:
        session.execute(text("UPDATE campaign_policy SET cap_cents = 1000"))
    for _ in range(rounds):
        person = programme.person()
        programme.issue(person_id=person)
        answers = rush([partial(programme.issue, person_id=person)] * desks)
        told = Counter(answer if isinstance(answer, str) else "issued" for answer in answers)
        assert told["issued"] == 1, told
        assert set(told) <= {"issued", "cap_reached"}, told
        assert count(programme, person_id=person) == 2
    assert programme.findings() == []


def new_batch(programme: Programme, quantity: int, campaign_id: UUID | None = None) -> UUID:
    """A batch ready to be issued."""
    batch = Batch(
        id=new_id(),
        label="Lot",
        campaign_id=campaign_id or programme.campaign_id,
        offer_id=programme.top_up_id,
        quantity=quantity,
        state=BatchState.READY.value,
        needs_second_person=0,
        created_by="staff:test",
        created_at=programme.now,
    )
    with programme.database.begin() as session:
        session.add(batch)
    return batch.id


def issue_batch(programme: Programme, batch_id: UUID) -> int:
    """Issue what is missing of a batch."""
    return issue.issue_batch(programme.database, programme.ring, batch_id, clock=lambda: programme.now)


def two_workers_one_batch(programme: Programme, *, rounds: int) -> None:
    """Two workers issue the same batch: together exactly what was asked."""
    with patch.object(issue, "CHUNK", 7):
        for _ in range(rounds):
            batch_id = new_batch(programme, 30)
            answers = rush([partial(issue_batch, programme, batch_id)] * 2)
            assert count(programme, batch_id=batch_id) == 30, answers
            assert sum(answers) == 30, answers
    assert programme.findings() == []


def two_approvers(database: Database, world: World, *, rounds: int, quantity: int) -> None:
    """Two people agree to the same gift at once: one does, the other is told; it is received once."""
    for number in range(rounds):
        with database.begin() as session:
            gift = give(session, world, label=f"Don {number}", quantity=quantity)
        answers = rush(
            [
                partial(database.run, approve_allocation, gift.id, f"staff:{who}", gift.created_at)
                for who in ("paul", "zoe")
            ]
        )
        told = Counter(answer if isinstance(answer, str) else "approved" for answer in answers)
        assert told == {"approved": 1, "allocation_not_pending": 1}
        with database.read() as session:
            received = session.scalar(
                text("SELECT SUM(quantity) FROM transfer WHERE object_kind = 'allocation' AND object_id = :id"),
                {"id": str(gift.id)},
            )
        assert received == quantity


def crossing(programme: Programme, *, rounds: int) -> Counter[str]:
    """Batches, reissues, cancellations and sweeps over several gifts at once: no two ever wait crosswise."""
    told: Counter[str] = Counter()
    with patch.object(issue, "CHUNK", 5):
        for _ in range(rounds):
            old = [programme.issue().id for _ in range(4)]
            batches = [new_batch(programme, 10) for _ in range(3)]
            answers = rush(
                [
                    *(partial(reissue, programme, voucher_id) for voucher_id in old[:3]),
                    partial(cancel, programme, old[3]),
                    *(partial(issue_batch, programme, batch_id) for batch_id in batches),
                    *[partial(expire, programme)] * 2,
                    programme.issue,
                ]
            )
            told.update(answer if isinstance(answer, str) else "ok" for answer in answers)
    assert programme.findings() == []
    return told
