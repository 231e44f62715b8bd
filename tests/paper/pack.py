"""A pack for the tests: made and keyed in as the door does it, without its pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.desk import Desk
from voucher_service.ids import new_id
from voucher_service.staff.models import Role
from voucher_service.visits.paper import keying, packs
from voucher_service.visits.paper.models import EmergencyPack
from voucher_service.vouchers.models import Voucher

NUMBER = "+33639981234"


@dataclass(slots=True)
class Pack:
    """One pack of a desk; an hour has passed since it was made."""

    desk: Desk
    row: EmergencyPack

    @classmethod
    def made(cls, desk: Desk, *, branch_id: int = 1, pages: int = 2) -> Pack:
        """Make it, then let an hour pass."""
        row = desk.programme.database.run(
            packs.make_pack,
            pack_id=new_id(),
            branch_id=branch_id,
            pages=pages,
            actor="staff:test",
            now=desk.programme.now,
        )
        desk.programme.later(hours=1)
        return cls(desk, row)

    def written(self, voucher: Voucher | str, line: int = 1, **changes: Any) -> keying.Written:
        """A line as it stands on the paper, half an hour old; `changes` replace fields."""
        fields: dict[str, Any] = {
            "number_of_pack": self.row.number,
            "page": 1,
            "line": line,
            "handed_at": self.desk.programme.now - timedelta(minutes=30),
            "code": voucher if isinstance(voucher, str) else self.desk.programme.typed(voucher),
            "initials": "AB",
            "number": NUMBER,
            "paid_cents": 200,
            "handed": "une carte SIM",
        }
        return keying.Written(**(fields | changes))

    def key(self, written: keying.Written, *, by: Role = Role.COUNTER) -> keying.Keyed:
        """Key a line in."""
        programme = self.desk.programme
        return programme.database.run(
            keying.key_line,
            programme.vault,
            programme.ring,
            written,
            staff_id=programme.member(by).id,
            now=programme.now,
        )
