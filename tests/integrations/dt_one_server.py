"""A DT One of our own for tests, written by hand from its published lists: there is no specification to serve."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integrations.talk import Asked, Said

KEY, SECRET = "key-83e9fdff", "secret-8cb30145"


@dataclass
class DtOneServer:
    """Answers as the partner does. `ends` is the state a confirmed order comes to, `codes` refuse by number."""

    ends: tuple[str, str] = ("COMPLETED", "COMPLETED")
    codes: dict[str, tuple[int, int]] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    created: datetime = datetime(2026, 3, 4, 11, tzinfo=UTC)
    page: int = 100
    too_wide: int = 0

    def is_order(self, asked: Asked) -> bool:
        """Say whether the request orders a top-up."""
        return asked.method == "POST" and asked.path == "/async/transactions"

    def answer(self, asked: Asked) -> Said:
        """Return the answer."""
        expected = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        if asked.headers.get("authorization") != expected:
            return refused(401, 1000401)
        if asked.method == "POST":
            return self._order(asked.body) if self.is_order(asked) else self._act(asked.path)
        return self._question(asked)

    def _question(self, asked: Asked) -> Said:
        if asked.path == "/transactions":
            return self._list(asked)
        if asked.path.startswith("/transactions/"):
            line = self._find(asked.path.split("/")[2])
            return Said(200, line) if line else refused(404, 1008004)
        if asked.path == "/balances":
            return Said(200, [{"id": 1, "unit_type": "CURRENCY", "unit": "EUR", "available": 99.5, "holding": 0}])
        if asked.path.startswith("/lookup/mobile-number/"):
            return Said(
                200, [{"id": 7, "name": "Ondine", "identified": False}, {"id": 9, "name": "Telma", "identified": True}]
            )
        if asked.path == "/products":
            return self._products(int(asked.query["page"]))
        return Said(200, PRODUCT) if asked.path == "/products/3001" else refused(404, 1003001)

    def _order(self, body: dict[str, Any]) -> Said:
        number = body["credit_party_identifier"]["mobile_number"]
        if number in self.codes:
            return refused(*self.codes[number])
        if len(body["external_id"]) > 40 or not isinstance(body["product_id"], int):
            return refused(400, 1000400)
        if any(line["external_id"] == body["external_id"] for line in self.lines):
            return refused(400, 1007001)
        state = "CONFIRMED" if body["auto_confirm"] else "CREATED"
        line = {
            "id": 2237512891 + len(self.lines),
            "external_id": body["external_id"],
            "creation_date": self.created.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
            "status": status(state, state),
            "product": {"id": body["product_id"]},
            "credit_party_identifier": {"mobile_number": number},
            "benefits": [{"type": "CREDITS", "unit_type": "CURRENCY", "unit": "EUR", "amount": {"base": 5.0}}],
        }
        self.lines.append(line)
        return Said(201, line)

    def _act(self, path: str) -> Said:
        parts = path.strip("/").split("/")
        line = self._find(parts[-2]) if len(parts) > 1 else None
        if line is None:
            return refused(404, 1008004)
        cancels, now = parts[-1] == "cancel", line["status"]["class"]["message"]
        if now != "CREATED":
            late = 1007007 if cancels else 1007002
            return refused(400, 1007005 if now == "CANCELLED" else late)
        state = "CANCELLED" if cancels else "CONFIRMED"
        line["status"] = status(state, state)
        return Said(200, line)

    def finish(self) -> None:
        """Bring all orders to their end."""
        for line in self.lines:
            line["status"] = status(*self.ends)

    def _find(self, theirs: str) -> dict[str, Any] | None:
        return next((line for line in self.lines if str(line["id"]) == theirs), None)

    def _list(self, asked: Asked) -> Said:
        since, until = (datetime.fromisoformat(asked.query[name]) for name in ("from_date", "to_date"))
        if until - since > timedelta(hours=24):
            self.too_wide += 1
            return refused(400, 1000400)
        wanted = asked.query.get("external_id")
        lines = [line for line in self.lines if wanted in {None, line["external_id"]}]
        lines = [line for line in lines if since <= datetime.fromisoformat(line["creation_date"]) < until]
        page = int(asked.query["page"])
        more = {"X-Next-Page": str(page + 1) if page * self.page < len(lines) else ""}
        return Said(200, lines[(page - 1) * self.page : page * self.page], more)

    @staticmethod
    def _products(page: int) -> Said:
        return Said(200, [PRODUCT], {"X-Next-Page": "2"}) if page == 1 else Said(200, [RANGED])


PRODUCT = {
    "id": 3001,
    "name": "20 GB",
    "type": "FIXED_VALUE_RECHARGE",
    "operator": {"id": 9, "name": "Telma", "country": {"iso_code": "FRA"}},
    "destination": {"unit_type": "DATA", "unit": "GB", "amount": 20},
}
RANGED = {
    "id": 3002,
    "name": "Credit",
    "type": "RANGED_VALUE_RECHARGE",
    "operator": {"id": 9, "name": "Telma", "country": {"iso_code": "FRA"}},
    "destination": {"unit_type": "CURRENCY", "unit": "EUR", "amount": {"min": 5, "max": 50}},
}


def status(class_name: str, state: str) -> dict[str, Any]:
    """Return a state in the partner's form."""
    return {"id": 70000, "message": state, "class": {"id": 7, "message": class_name}}


def refused(http: int, code: int) -> Said:
    """Return a refusal in the partner's form."""
    return Said(http, {"errors": [{"code": code, "message": "No"}]})
