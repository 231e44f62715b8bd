"""What a partner says that means nothing, or too much: for checks of adapters."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

from tests.integrations.talk import Asked, Mishap, Said, Served


def rubbish(dice: random.Random, depth: int) -> Any:
    """Return some JSON with the names and words of partners in the wrong places."""
    names = (
        "id", "transactionId", "status", "class", "message", "code", "errorCode", "errors", "content", "transaction",
        "customIdentifier", "external_id", "deliveredAmount", "benefits", "amount", "units", "pinDetail", "description",
        "event", "topupBalance", "data", "last", "deliveredAmountCurrencyCode", "access_token", "expires_in",
    )  # fmt: skip
    words = ("SUCCESSFUL", "COMPLETED", "completed", "EUR", "", "é\0\n", "9" * 500, str(UUID(int=7)))
    pick = dice.random()
    if depth and pick < 0.5:
        return {dice.choice(names): rubbish(dice, depth - 1) for _ in range(dice.randint(0, 6))}
    if depth and pick < 0.65:
        return [rubbish(dice, depth - 1) for _ in range(dice.randint(0, 3))]
    return dice.choice([None, True, -1, 0, 10**30, 1e308, 0.1, *words])


def json_of(value: object) -> bytes:
    """Return the bytes of `value` as JSON."""
    return Said(200, value).raw().partition(b"\r\n\r\n")[2]


def echo(there: Served, status: int, number: str, text: str, secrets: tuple[str, ...]) -> Mishap:
    """Return the mishap of a partner that repeats numbers and credentials in every field it has."""

    def answer(line: Any, _said: Said) -> None:
        asked: Asked = there.asked[-1]
        whole = f"{number}:{':'.join(secrets)}:{asked.headers.get('authorization', '')}".replace(" ", "_")
        body: dict[str, object] = {"errorCode": text, "code": text, "errors": [{"code": text, "message": whole}]}
        body |= {"status": {"message": text, "class": {"message": text}} if "transactions" in asked.path else text}
        body |= {"message": whole, "description": whole}
        line.sendall(Said(status, body).raw())

    return answer
