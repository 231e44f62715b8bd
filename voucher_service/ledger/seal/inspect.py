"""The check of the sealed log: its own SQL, and the hashing of the stand-alone verifier, not the sealer's.

It names the row, or between which leaves the fault lies. Without a checkpoint kept outside the database it can
only say that the log agrees with itself: who may rewrite the transfers may rewrite the log with them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from voucher_service.ledger.audit import Finding
from voucher_service.ledger.seal import inspect_keys
from voucher_service.ledger.seal.models import KeyChange
from voucher_service.ledger.seal.note import LogKey, NoteBroken, Tree
from voucher_service.ledger.seal.ring import Ring
from voucher_service.ledger.seal.verify_books import FIELDS, leaf_of

SAYS = "a sealed transfer says what it said when it was sealed"
PAIRS = "every leaf has its transfer, and every transfer a leaf within the hour"
NUMBERS = "leaves are numbered without a gap"
NODES = "the tree's inner hashes follow from its leaves"
KEPT = "every checkpoint kept here is signed and states this tree"
OUTSIDE = "the tree begins with every checkpoint kept outside"
KEYS = "every change of the log's key is signed by the key before it and the one after"
RULES = (SAYS, PAIRS, NUMBERS, NODES, KEPT, OUTSIDE, KEYS)

LATE = timedelta(hours=1)
_GAP = 100_000  # a number further away than this is itself what is wrong

_POSTGRESQL = """
    SELECT l.number, l.transfer_id::text, l.hash, t.id::text, t.unit, t.quantity::text, t.source_id::text,
        t.destination_id::text, t.reason, t.object_kind, t.object_id,
        to_char(t.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        to_char(t.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        COALESCE(t.resolves_id::text, ''), COALESCE(t.corrects_id::text, ''), t.key, encode(t.request_hash, 'hex'),
        t.actor
    FROM ledger_leaf l LEFT JOIN transfer t ON t.id = l.transfer_id
    WHERE l.number > :after ORDER BY l.number LIMIT 4096
"""
_TEXTS = "unit quantity source_id destination_id reason object_kind object_id occurred_at recorded_at"
_SQLITE = f"""
    SELECT l.number, CAST(l.transfer_id AS BLOB), l.hash, CAST(t.id AS BLOB),
        {", ".join(f"CAST(t.{name} AS BLOB)" for name in _TEXTS.split())},
        CAST(COALESCE(t.resolves_id, '') AS BLOB), CAST(COALESCE(t.corrects_id, '') AS BLOB), CAST(t.key AS BLOB),
        lower(hex(t.request_hash)), CAST(t.actor AS BLOB)
    FROM ledger_leaf l LEFT JOIN transfer t ON t.id = l.transfer_id
    WHERE l.number > :after ORDER BY l.number LIMIT 4096
"""  # noqa: S608  # the names are written above

_LATE_POSTGRESQL = """
    SELECT t.id::text FROM transfer t LEFT JOIN ledger_leaf l ON l.transfer_id = t.id
    WHERE l.number IS NULL AND t.recorded_at < :late
"""
_LATE_SQLITE = _LATE_POSTGRESQL.replace("t.id::text", "CAST(t.id AS BLOB)")


def inspect(
    session: Session, key: LogKey, outside: Sequence[str], *, now: datetime, most: int = 20
) -> Iterator[Finding]:
    """Yield what is wrong with the log, at most `most` findings a rule.

    `key` is the log's first, `outside` are notes kept elsewhere: checkpoints, and changes of keys.
    """
    counted: dict[str, int] = {}
    for finding in _all(session, key, outside, now):
        counted[finding.rule] = counted.get(finding.rule, 0) + 1
        if counted[finding.rule] <= most:
            yield finding


def unknowable(outside: Sequence[str]) -> str:
    """Return what cannot be known without a checkpoint from outside; empty when there is one."""
    if not all(inspect_keys.is_change(one) for one in outside):
        return ""
    return (
        "No checkpoint from outside the database was given. It cannot be known whether the tail was cut, the whole "
        "database was rolled back, or transfers and log were rewritten together: the log only agrees with itself."
    )


def _all(session: Session, key: LogKey, outside: Sequence[str], now: datetime) -> Iterator[Finding]:
    # Checkpoints are read before leaves, and leaves before nodes: what is sealed meanwhile is only ever more.
    kept = _checkpoints(session)
    ring, faults = inspect_keys.follow(session, key, KeyChange, outside, KEYS)
    yield from faults
    stated, faults = _states(kept, [one for one in outside if not inspect_keys.is_change(one)], ring)
    yield from faults
    walk = _Walk({one.size for one in stated.values()})
    yield from _leaves(session, walk)
    yield from _without_leaf(session, now)
    yield from _nodes(session, walk)
    yield from _compare(stated, walk)


def _checkpoints(session: Session) -> list[tuple[int, bytes, str]]:
    sqlite = session.get_bind().dialect.name == "sqlite"
    note = "CAST(note AS BLOB)" if sqlite else "note"
    rows = session.execute(text(f"SELECT size, root, {note} FROM ledger_checkpoint ORDER BY size"))  # noqa: S608
    return [(size, bytes(root), _said(one)) for size, root, one in rows]


def _states(
    kept: Sequence[tuple[int, bytes, str]], outside: Sequence[str], ring: Ring
) -> tuple[dict[tuple[str, str], Tree], list[Finding]]:
    """Return what each readable checkpoint states, by rule and place, and the unreadable ones."""
    stated: dict[tuple[str, str], Tree] = {}
    faults: list[Finding] = []
    places: list[tuple[str, str, str, tuple[int, bytes] | None]] = []
    places += [(KEPT, f"checkpoint {size}", note, (size, root)) for size, root, note in kept]
    places += [(OUTSIDE, f"outside {at}", note, None) for at, note in enumerate(outside, start=1)]
    for rule, place, note, row in places:
        try:
            tree = ring.open(note)
        except (NoteBroken, ValueError) as error:
            faults.append(Finding(rule, place, str(error)))
            continue
        if row is not None and row != (tree.size, tree.root):
            faults.append(Finding(rule, place, f"the row is not what its note says: {tree.size} leaves"))
        stated[rule, place] = tree
    return stated, faults


class _Walk:
    """Takes leaf hashes in order, keeps the roots at the sizes asked for and the inner hashes by level."""

    def __init__(self, sizes: set[int]) -> None:
        self._sizes = sizes
        self._stack: list[tuple[int, bytes]] = []  # complete subtrees, the largest first: (height, hash)
        self.size = 0
        self.roots: dict[int, bytes] = {}
        self.nodes: dict[tuple[int, int], bytes] = {}

    def take(self, leaf: bytes) -> None:
        height, top = 0, leaf
        while self._stack and self._stack[-1][0] == height:
            top = hashlib.sha256(b"\x01" + self._stack.pop()[1] + top).digest()
            height += 1
            if height % 8 == 0:
                self.nodes[height // 8, self.size >> height] = top
        self._stack.append((height, top))
        self.size += 1
        if self.size in self._sizes:
            self.roots[self.size] = self._root()

    def _root(self) -> bytes:
        parts = [top for _, top in self._stack]
        root = parts.pop()
        while parts:
            root = hashlib.sha256(b"\x01" + parts.pop() + root).digest()
        return root


def _leaves(session: Session, walk: _Walk) -> Iterator[Finding]:
    for number, transfer, kept, *facts in _rows(session):
        if not walk.size <= number <= walk.size + _GAP:
            yield Finding(NUMBERS, f"leaf {number}", f"out of place: leaf {walk.size} was expected")
            continue
        if number != walk.size:
            yield Finding(NUMBERS, f"leaf {walk.size}", f"missing, and so on up to leaf {number}")
        while walk.size < number:
            walk.take(bytes(32))
        walk.take(bytes(kept))
        name = _uuid(_said(transfer))
        if facts[0] is None:
            yield Finding(PAIRS, f"leaf {number}", f"its transfer {name} is gone")
        elif _leaf(facts) != bytes(kept):
            yield Finding(SAYS, name, f"leaf {number} was sealed with other words")


def _rows(session: Session) -> Iterator[Any]:
    query = text(_SQLITE if session.get_bind().dialect.name == "sqlite" else _POSTGRESQL)
    after = -(2**63)
    while part := session.execute(query, {"after": after}).all():
        yield from part
        after = part[-1][0]


def _leaf(facts: Sequence[Any]) -> bytes:
    told = [_said(one) for one in facts]
    told[0], told[10], told[11] = _uuid(told[0]), _uuid(told[10]), _uuid(told[11])
    key, request, actor = told[12:]
    private = hashlib.sha256("\n".join([_line(key), request, _line(actor), ""]).encode(errors="replace")).hexdigest()
    said = [_line(one) for one in told[:12]]
    try:
        if told[6] == "voucher":
            said[7] = hashlib.sha256(told[7].encode()).hexdigest()
        return leaf_of(dict(zip(FIELDS, [*said, private], strict=True)))
    except UnicodeEncodeError:
        return b"not text"


def _said(value: Any) -> str:
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value)


def _line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _uuid(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}" if len(text) == 32 else text


def _without_leaf(session: Session, now: datetime) -> Iterator[Finding]:
    late = now - LATE
    sqlite = session.get_bind().dialect.name == "sqlite"
    rows = session.execute(
        text(_LATE_SQLITE if sqlite else _LATE_POSTGRESQL),
        {"late": f"{late:%Y-%m-%dT%H:%M:%S.%f}Z" if sqlite else late},
    )
    for (name,) in rows:
        yield Finding(PAIRS, _uuid(_said(name)), "no leaf")


def _nodes(session: Session, walk: _Walk) -> Iterator[Finding]:
    rows = session.execute(text("SELECT level, number, hash FROM ledger_node")).all()
    kept = {(level, number): bytes(top) for level, number, top in rows}
    for place in sorted(kept.keys() | walk.nodes.keys()):
        level, number = place
        if not (1 <= level <= 7 and number >= 0):
            yield Finding(NODES, f"node {level}/{number}", "there is no such place")
            continue
        first, end = number << 8 * level, number + 1 << 8 * level
        if end <= walk.size and kept.get(place) != walk.nodes.get(place):
            what = "differs" if place in kept else "missing"
            yield Finding(NODES, f"node {level}/{number}", f"over leaves {first} to {end - 1}: {what}")
        elif first > walk.size:
            yield Finding(NODES, f"node {level}/{number}", "over leaves that the log does not hold")


def _compare(stated: dict[tuple[str, str], Tree], walk: _Walk) -> Iterator[Finding]:
    """Hold the roots against each checkpoint; the first that differs says between which leaves to look."""
    covered = max((tree.size for (rule, _), tree in stated.items() if rule == KEPT), default=0)
    if covered < walk.size:
        yield Finding(KEPT, f"leaf {covered}", f"no checkpoint covers leaves {covered} to {walk.size - 1}")
    for rule in (KEPT, OUTSIDE):
        good = 0
        for place, tree in sorted(((p, t) for (r, p), t in stated.items() if r == rule), key=lambda one: one[1].size):
            if tree.size > walk.size:
                gone = f"leaves {walk.size} to {tree.size - 1} are gone: the tail was cut or rolled back"
                yield Finding(rule, place, gone)
            elif walk.roots.get(tree.size) != tree.root:
                yield Finding(rule, place, f"the first difference lies in leaves {good} to {tree.size - 1}")
            else:
                good = tree.size
