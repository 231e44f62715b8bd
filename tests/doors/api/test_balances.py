"""Balances for a partner's program: both sides' figures, declared once under a key, its own gifts only."""

from __future__ import annotations

from typing import Any

from tests.doors.api.conftest import Program
from voucher_service.ids import new_id


def declare(program: Program, key: str = "", **body: object) -> tuple[int, dict[str, Any]]:
    headers = program.headers(**{"Idempotency-Key": key or str(new_id())})
    answer = program.client.post("/api/v1/balances", json=body, headers=headers)
    return answer.status_code, answer.get_json()


def test_a_balance_is_declared_and_compared_once(program: Program, stranger: Program) -> None:
    (gift,) = program.get("/balances?as_of=2026-03-31").get_json()["items"]
    assert (gift["theirs"], gift["residual"], gift["edition"]) == (None, None, 0), "not declared is not agreement"
    left = gift["ours"]["closing"]
    body = {"allocation_id": gift["allocation_id"], "as_of": "2026-03-31", "closing": left - 7}
    status, first = declare(program, "balance-0001", **body)
    assert (status, first["residual"], first["edition"]) == (201, -7, 1)
    assert declare(program, "balance-0001", **body) == (201, first)
    (found,) = program.get("/breaks?kind=balance_differs").get_json()["items"]
    assert (found["quantity"], found["theirs"], found["ours"]) == (-7, None, None)
    assert declare(program, **body | {"closing": left})[0] == 422, "a correction has a reason"
    status, second = declare(program, **body | {"closing": left, "reason": "Compté deux fois"})
    assert (status, second["residual"], second["edition"]) == (201, 0, 2)
    assert program.get("/breaks?kind=balance_differs&open=true").get_json()["total"] == 0
    assert declare(stranger, **body)[0] == 404
    for wrong in ({"as_of": "9999-12-31"}, {"as_of": "2199-01-01"}, {"delivered": -1}, {"closing": 10**30}, {"x": 1}):
        assert declare(program, **body | wrong)[0] == 422, wrong
    for day, count in (("0001-01-01", 0), ("9999-12-31", 1)):
        assert len(program.get(f"/balances?as_of={day}").get_json()["items"]) == count
