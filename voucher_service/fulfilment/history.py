"""What an order's earlier attempts say, folded into the few facts that decisions need. No database here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from voucher_service.fulfilment.models import AttemptKind, AttemptOutcome


@dataclass(frozen=True, slots=True)
class History:
    """What an order's earlier attempts say, from what came back of each.

    `sent_at` and `sent_until` are the start and the deadline of the last sending that may have left. `proofs`
    counts late answers "not found" since then, `reversals` the requests to take it back. `generation` counts the
    references that were reversed. `confirmed` says that a confirmation may have left since then.
    """

    last: int = 0
    first_sent: datetime | None = None
    sent_at: datetime | None = None
    sent_until: datetime | None = None
    proofs: int = 0
    generation: int = 0
    own_failures: int = 0
    unclear: int = 0
    too_late: bool = False
    reversals: int = 0
    confirmed: bool = False

    def after(self, kind: str, outcome: str | None, started_at: datetime, deadline_at: datetime) -> History:
        """Return the history with one more attempt; `outcome` None: nobody came back with one."""
        submits = kind == AttemptKind.SUBMIT
        left = submits and outcome not in _STAYED
        return History(
            last=self.last + 1,
            first_sent=self.first_sent or (started_at if left else None),
            sent_at=started_at if left else self.sent_at,
            sent_until=max(self.sent_until or deadline_at, deadline_at) if left else self.sent_until,
            proofs=0 if submits else self.proofs + (outcome == AttemptOutcome.ABSENT),
            generation=self.generation + (kind == AttemptKind.REVERSE and outcome in _UNDONE),
            own_failures=self.own_failures + 1 if outcome is None or outcome in _OURS else 0,
            unclear=self.unclear + 1 if kind == AttemptKind.QUERY and outcome in _UNCLEAR else 0,
            too_late=not submits and (self.too_late or outcome == AttemptOutcome.TOO_LATE),
            reversals=0 if submits else self.reversals + (kind == AttemptKind.REVERSE),
            confirmed=not submits and (self.confirmed or (kind == AttemptKind.CONFIRM and outcome not in _STAYED)),
        )

    def during(self, kind: AttemptKind, started_at: datetime, deadline_at: datetime) -> History:
        """Return the history as it stands while such an attempt is under way: a sending may have left."""
        return self.after(kind, None, started_at, deadline_at) if kind is AttemptKind.SUBMIT else self


_OURS = (AttemptOutcome.INTERNAL, AttemptOutcome.LOST)
_STAYED = (AttemptOutcome.INTERNAL, AttemptOutcome.NOT_SENT)
_UNDONE = (AttemptOutcome.REVERSED, AttemptOutcome.NEVER_HAPPENED)
_UNCLEAR = (AttemptOutcome.UNKNOWN, AttemptOutcome.ACCEPTED, AttemptOutcome.NOT_FOUND)
