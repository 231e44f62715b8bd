"""Visits beside the redemption: recorded once, completed the same day, listed without names."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.programme import Programme
from voucher_service.errors import BadInput, Conflict, KeyReused, NotFound
from voucher_service.ids import local_day, new_id
from voucher_service.partners.models import CampaignPolicy
from voucher_service.staff.models import Role
from voucher_service.visits.desk import open_day, redeem_at_desk
from voucher_service.visits.follow_up import (
    complete_answers,
    my_scans,
    read_note,
    record_visit,
    visits_of_branch,
)
from voucher_service.visits.models import Visit
from voucher_service.visits.questions import DEFAULT_QUESTIONS, Forms


def record(programme: Programme, visit_id: UUID, **changes: Any) -> Visit:
    """Record a visit without a voucher that is right unless told otherwise."""
    fields: dict[str, Any] = {
        "person_id": None,
        "campaign_id": None,
        "branch_id": 1,
        "staff_id": programme.member(Role.COUNTER).id,
        "occurred_at": programme.now,
        "answers": {"thematiques": ["email"]},
        "note": "",
        "next_visit_on": None,
        "now": programme.now,
    }
    return programme.database.run(record_visit, programme.vault, Forms(), visit_id=visit_id, **(fields | changes))


def test_the_same_visit_again_is_one_visit(programme: Programme) -> None:
    visit_id, person_id = new_id(), programme.person()
    facts = {"person_id": person_id, "note": "Rappeler lundi", "next_visit_on": date(2026, 4, 1)}
    for _ in range(2):
        record(programme, visit_id, **facts)
    with programme.database.read() as session:
        visit = session.scalars(select(Visit)).one()
    assert (visit.person_id, read_note(programme.vault, visit)) == (person_id, "Rappeler lundi")
    others: list[dict[str, object]] = [
        {"note": "Autre"}, {"answers": {}}, {"person_id": None}, {"branch_id": 2}, {"next_visit_on": None}
    ]  # fmt: skip
    for other in others:
        with pytest.raises(KeyReused):
            record(programme, visit_id, **{**facts, **other})


def test_an_id_of_a_redemption_is_not_a_visit_without_a_voucher(programme: Programme) -> None:
    recorded = programme.scan(programme.digits(programme.issue()), answers={"thematiques": ["email"]})
    assert recorded.visit_id is not None
    with pytest.raises(KeyReused):
        record(programme, recorded.visit_id, campaign_id=programme.campaign_id)


def test_what_cannot_be_is_refused(programme: Programme) -> None:
    cases: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"person_id": new_id()}, NotFound),
        ({"campaign_id": new_id()}, NotFound),
        ({"answers": {}}, BadInput),
        ({"answers": {"prenom": "Amina"}}, BadInput),
        ({"note": "x" * 1001}, BadInput),
        ({"next_visit_on": date(2026, 3, 3)}, BadInput),
        ({"next_visit_on": date(2029, 1, 1)}, BadInput),
    ]
    for changes, kind in cases:
        with pytest.raises(kind):
            record(programme, new_id(), **changes)
    with programme.database.read() as session:
        assert session.scalars(select(Visit)).all() == []


def test_a_visit_is_completed_on_its_day_only(programme: Programme) -> None:
    visit_id = record(programme, new_id(), note="D’abord").id

    def complete(**changes: Any) -> Visit:
        fields = {"answers": {"duree": 20}, "note": "", "next_visit_on": None, "now": programme.now}
        return programme.database.run(
            complete_answers, programme.vault, Forms(), visit_id=visit_id, **(fields | changes)
        )

    assert complete().answers == {"duree": 20}
    assert read_note(programme.vault, complete()) == "D’abord", "an empty note leaves the one there is"
    assert read_note(programme.vault, complete(note="Puis")) == "Puis"
    assert complete(next_visit_on=date(2026, 5, 4)).next_visit_on == date(2026, 5, 4)
    with pytest.raises(BadInput):
        complete(answers={"duree": -1})
    with pytest.raises(Conflict):
        complete(now=programme.now + timedelta(days=1))


def test_the_day_ends_at_midnight_in_the_branch(programme: Programme) -> None:
    late = programme.now.replace(hour=22, minute=59)  # 23 h 59 in Paris
    next_day = late + timedelta(minutes=2)
    record(programme, new_id(), occurred_at=late, now=late)
    record(programme, new_id(), occurred_at=next_day, now=next_day)
    record(programme, new_id(), occurred_at=late, now=late, branch_id=2)
    with programme.database.read() as session:
        lines = visits_of_branch(session, Forms(), 1, local_day(late), now=next_day)
    assert [line.visit.occurred_at for line in lines] == [late]
    assert lines[0].open_questions == len(DEFAULT_QUESTIONS) - 1


def test_my_scans_are_mine_newest_first(programme: Programme) -> None:
    code = programme.digits(programme.issue())
    programme.scan(code)
    programme.later(minutes=1)
    programme.scan(code)
    programme.scan("rien", staff_id=programme.member(Role.VOLUNTEER).id)
    with programme.database.read() as session:
        mine = my_scans(session, programme.member(Role.COUNTER).id)
        assert [line.scan.outcome for line in mine] == ["used", "accepted"]
        assert [line.order is None for line in mine] == [True, False]
        assert len(my_scans(session, programme.member(Role.COUNTER).id, limit=1)) == 1


def test_a_missing_required_answer_undoes_the_whole_redemption(programme: Programme) -> None:
    with programme.database.begin() as session:
        session.scalars(select(CampaignPolicy)).one().questions = [{**DEFAULT_QUESTIONS[0], "required": True}]
    voucher = programme.issue()
    request = programme.request(programme.digits(voucher))

    def redeem(**changes: Any) -> Any:
        wanted = programme.request(request.code, scan_id=request.scan_id, **changes)
        forms = Forms()
        return programme.database.run(redeem_at_desk, programme.vault, programme.ring, forms, wanted, now=programme.now)

    with pytest.raises(BadInput) as refusal:
        redeem()
    assert refusal.value.field == "answers.type_lieu"
    with programme.database.read() as session:
        assert session.scalars(select(Visit)).all() == []
    first = redeem(answers={"type_lieu": "autre"})
    with programme.database.begin() as session:
        session.scalars(select(CampaignPolicy)).one().questions = []
    assert redeem(answers={"type_lieu": "autre"}) == first, "a replay is not held against today's form"
    assert programme.findings() == []


def test_a_date_is_proposed_when_the_door_is_open() -> None:
    friday = date(2026, 3, 6)
    assert [open_day(friday + timedelta(days=n)) for n in range(4)] == [friday, *[date(2026, 3, 9)] * 3]
