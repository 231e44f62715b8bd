"""When to try again and when to ask: the waits of a delivery, as data."""

from __future__ import annotations

from datetime import timedelta

QUERY_WAITS = tuple(timedelta(seconds=s) for s in (5, 15, 40, 240, 600, 2700))
"""Waits between questions: 5 s, 20 s, 60 s, 5 min, 15 min and 1 h after the answer stayed away."""

QUERY_LATER = timedelta(hours=1)

SEND_WAITS = tuple(timedelta(seconds=s) for s in (10, 30, 120, 600, 1800))
"""Waits before sending again what certainly never left."""

SEND_LATER = timedelta(hours=1)

ROUTE_PAUSE = timedelta(minutes=30)
"""How long a route rests after the partner refused us (not the person): an empty account, a bad password."""

STOCK_WAIT = timedelta(minutes=10)
"""How long an order waits for codes; the import of a lot wakes it at once."""

LEASE_MARGIN = timedelta(seconds=30)
"""What a worker may need on top of the partner's own limit before it counts as gone."""

MAX_INTERNAL_FAILURES = 5
"""So many failures of our own in a row, and people look at the order."""

MAX_SUBMITS = 5
"""So many proofs of absence after so many submissions, and people look at the order."""


def until_query(asked: int) -> timedelta:
    """Return the wait before the next question, when `asked` have been answered without a result."""
    return QUERY_WAITS[asked] if asked < len(QUERY_WAITS) else QUERY_LATER


def until_send(tries: int) -> timedelta:
    """Return the wait before the next submission, after `tries` that did not leave (1 or more)."""
    return SEND_WAITS[tries - 1] if tries <= len(SEND_WAITS) else SEND_LATER


CUT_OFF = timedelta(hours=24)
"""So long after an order may first have left, asking ends: the day's statement decides, or two people."""

PROOFS_NEEDED = 2
"""So many late answers "not found" prove that an order is absent."""

MAX_UNCLEAR_RECHECKS = 5
"""So often a settled order that a callback spoke of is asked about without a clear answer."""
