"""An operator of our own that speaks TMF654, for tests of what its specification leaves to the operator."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.integrations.talk import Asked, Said

TOKEN = "token-5d1e"


@dataclass
class Tmf654Server:
    """Answers as an operator may. `keeps` says whether the description comes back."""

    state: str = "created"
    keeps: bool = True
    codes: dict[str, tuple[int, str]] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)

    def is_order(self, asked: Asked) -> bool:
        """Say whether the request orders a top-up."""
        return asked.method == "POST"

    def answer(self, asked: Asked) -> Said:
        """Return the answer."""
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return refused(401, "41")
        if self.is_order(asked):
            return self._order(asked.body)
        if asked.path == "/topupBalance":
            offset, limit = int(asked.query.get("offset", 0)), int(asked.query["limit"])
            return Said(200, self.lines[offset : offset + limit], {"X-Total-Count": str(len(self.lines))})
        found = [line for line in self.lines if line["id"] == asked.path.rpartition("/")[2]]
        return Said(200, found[0]) if found else refused(404, "60")

    def _order(self, body: dict[str, Any]) -> Said:
        number = body["logicalResource"][0]["id"]
        if number in self.codes:
            return refused(*self.codes[number])
        line = {**body, "id": f"TB-{len(self.lines):04d}", "status": self.state}
        line |= {"requestedDate": "2026-03-04T11:00:00Z"}
        if not self.keeps:
            del line["description"]
        self.lines.append(line)
        return Said(201, line)

    def finish(self, state: str = "completed") -> None:
        """Bring all orders to their end."""
        for line in self.lines:
            line["status"] = state


def refused(status: int, code: str) -> Said:
    """Return a refusal in the specification's form."""
    return Said(status, {"code": code, "reason": "No"})
