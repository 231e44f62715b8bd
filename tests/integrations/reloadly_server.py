"""A Reloadly of our own for tests: tokens that end, orders by reference, a report in pages. Shapes as recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.integrations.talk import Asked, Said

ID, SECRET, AUDIENCE = "client-7f3a", "s3cr3t-b91c", "https://topups.example"
PIN_OPERATOR = 672


@dataclass
class ReloadlyServer:
    """Answers as the partner does. `codes` decides what an order for a number ends with; `state` what it becomes."""

    life: int = 3600
    state: str = "SUCCESSFUL"
    codes: dict[str, tuple[int, str]] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    withdrawn: set[str] = field(default_factory=set)
    page: int = 200

    def is_order(self, asked: Asked) -> bool:
        """Say whether the request orders a top-up."""
        return asked.method == "POST" and asked.path.startswith("/topups")

    def answer(self, asked: Asked) -> Said:
        """Return the answer."""
        if asked.path == "/oauth/token":
            return self._token(asked.body)
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens or token in self.withdrawn:
            return refused(401, "INVALID_TOKEN")
        return self._order(asked) if self.is_order(asked) else self._question(asked)

    def _question(self, asked: Asked) -> Said:
        if asked.path == "/accounts/balance":
            return Said(200, {"balance": 1234.56, "currencyCode": "EUR", "updatedAt": "2026-01-16 08:39:56"})
        if asked.path == "/topups/reports/transactions":
            return self._report(asked)
        if asked.path.startswith("/operators/"):
            return self._operators(asked.path)
        for line in self.lines:
            if asked.path == f"/topups/{line['transactionId']}/status":
                return Said(200, {"code": line.get("code"), "status": line["status"], "transaction": line})
        return refused(404, "NOT_FOUND")

    def _operators(self, path: str) -> Said:
        if path.startswith("/operators/auto-detect/"):
            return self._detect(path.split("/")[4])
        if path.startswith("/operators/countries/"):
            return Said(200, [_operator(535, "Ondine France"), _operator(PIN_OPERATOR, "Atlas Code", pin=True)])
        operator = int(path.rpartition("/")[2])
        return Said(200, {"operatorId": operator, "name": "Ondine France", "pin": operator == PIN_OPERATOR})

    def _token(self, body: dict[str, str]) -> Said:
        if (body["client_id"], body["client_secret"]) != (ID, SECRET):
            return refused(401, "INVALID_CREDENTIALS")
        if body["audience"] != AUDIENCE or body["grant_type"] != "client_credentials":
            return refused(400, "INVALID_AUDIENCE")
        self.tokens.append(f"token-{len(self.tokens)}-a7e1")
        return Said(200, {"access_token": self.tokens[-1], "expires_in": self.life, "token_type": "Bearer"})

    def _detect(self, number: str) -> Said:
        if number in self.codes:
            return refused(404, self.codes[number][1])
        return Said(200, {"operatorId": 535, "id": 535, "name": "Ondine France", "pin": False})

    def _order(self, asked: Asked) -> Said:
        body, wait = asked.body, asked.path == "/topups"
        number = body["recipientPhone"]["number"]
        if number in self.codes:
            return refused(*self.codes[number])
        if any(line["customIdentifier"] == body["customIdentifier"] for line in self.lines):
            return refused(400, "CUSTOM_IDENTIFIER_ALREADY_USED")
        pin = {"serial": "810268", "info1": "DIAL *611", "code": "773709732524155"}
        line = {
            "transactionId": 4602843 + len(self.lines),
            "status": self.state if wait else "PROCESSING",
            "operatorTransactionId": None,
            "customIdentifier": body["customIdentifier"],
            "recipientPhone": number,
            "operatorId": body["operatorId"],
            "deliveredAmount": body["amount"],
            "deliveredAmountCurrencyCode": "EUR",
            "transactionDate": "2026-01-16 03:39:56",
            "pinDetail": pin if body["operatorId"] == PIN_OPERATOR else None,
        }
        self.lines.append(line)
        return Said(200, dict(line) if wait else {"transactionId": line["transactionId"]})

    def finish(self, state: str = "SUCCESSFUL", **facts: object) -> None:
        """Bring all orders to their end."""
        for line in self.lines:
            line.update(status=state, **facts)

    def _report(self, asked: Asked) -> Said:
        wanted = asked.query.get("customIdentifier")
        lines = [line for line in self.lines if wanted in {None, line["customIdentifier"]}]
        start = (int(asked.query["page"]) - 1) * self.page
        part = lines[start : start + self.page]
        return Said(200, {"content": part, "last": start + self.page >= len(lines)})


def _operator(number: int, name: str, *, pin: bool = False) -> dict[str, Any]:
    return {
        "operatorId": number,
        "name": name,
        "pin": pin,
        "country": {"isoName": "FR"},
        "destinationCurrencyCode": "EUR",
        "supportsLocalAmounts": False,
        "minAmount": 1,
        "maxAmount": 50.0,
    }


def refused(status: int, code: str) -> Said:
    """Return a refusal in the partner's form."""
    return Said(status, {"timeStamp": "2026-01-16 18:37:10", "message": "No", "errorCode": code, "details": []})
