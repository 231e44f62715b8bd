"""Connecting partners: made, changed, tested, switched on and off, each with a line in the journal."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.abilities import Trial
from voucher_service.fulfilment.callbacks import secret_now, turn
from voucher_service.fulfilment.connection_models import ChangeKind, Connection, ConnectionChange
from voucher_service.fulfilment.kinds import BadSetting, Kind, Kinds, Plan
from voucher_service.ids import new_id
from voucher_service.partners.models import Partner, Route

MOST: Final = 4000
_ROUTE: Final = re.compile(r"[a-z][a-z0-9-]{2,15}")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Answers:
    """What a form tells of a connection. An empty secret means: as before."""

    base: str
    trial: bool
    settings: Mapping[str, str]
    secrets: Mapping[str, str]


def create(
    session: Session,
    vault: Vault,
    kinds: Kinds,
    *,
    partner_id: UUID,
    kind: str,
    route: str,
    answers: Answers,
    actor: str,
    now: datetime,
) -> Connection:
    """Connect a partner; orders go there once the connection is switched on.

    Raises:
        NotFound: no such partner or kind. BadInput: names the field.
        Conflict: `route_taken`.
    """
    if session.get(Partner, partner_id) is None:
        raise NotFound("Cet opérateur n’existe pas.")
    found = kind_of(kinds, kind)
    if _ROUTE.fullmatch(route) is None:
        raise BadInput(
            "Écrivez 3 à 16 signes : des lettres minuscules, des chiffres ou des tirets, comme « ondine ».",
            field="route",
        )
    taken = select(Connection.id).where(Connection.route == route)
    if route in {one.value for one in Route} or session.scalar(taken) is not None:
        raise Conflict("Ce nom est déjà pris : choisissez-en un autre.", code="route_taken")
    settings, secrets = _checked(found, answers, {})
    _buildable(found, Plan(route=route, base=answers.base, trial=answers.trial, settings=settings, secrets=secrets))
    made = Connection(
        id=new_id(),
        partner_id=partner_id,
        kind=kind,
        route=route,
        base=answers.base,
        settings=settings,
        sealed=b"",
        trial=answers.trial,
        enabled=False,
        version=1,
        created_at=now,
    )
    made.sealed = _seal(vault, made.id, secrets)
    session.add(made)
    session.flush()
    _note(session, made, ChangeKind.CREATED, actor=actor, now=now)
    return made


def edit(
    session: Session,
    vault: Vault,
    kinds: Kinds,
    *,
    connection_id: UUID,
    answers: Answers,
    version: int,
    actor: str,
    now: datetime,
) -> Connection:
    """Change a connection that still is as it was shown (`version`).

    Raises:
        NotFound, BadInput: as `create`. Conflict: `connection_changed`: someone else was first.
    """
    held = _locked(session, connection_id)
    if held.version != version:
        raise Conflict(
            "Quelqu’un vient de modifier ce raccordement : rouvrez la page avant de recommencer.",
            code="connection_changed",
        )
    kind = kind_of(kinds, held.kind)
    before = plan_of(vault, held)
    settings, secrets = _checked(kind, answers, before.secrets)
    plan = Plan(route=held.route, base=answers.base, trial=answers.trial, settings=settings, secrets=secrets)
    _buildable(kind, plan)
    touched = [name for name, old, new in _pairs(before, plan) if old != new]
    if touched:
        held.base, held.trial, held.settings = answers.base, answers.trial, settings
        held.sealed = _seal(vault, held.id, secrets)
        held.version += 1
        session.flush()
        _note(session, held, ChangeKind.EDITED, fields=touched, actor=actor, now=now)
    return held


def switch(session: Session, *, connection_id: UUID, on: bool, actor: str, now: datetime) -> Connection:
    """Switch a connection on or off; nothing happens when it is so already. Raises NotFound."""
    held = _locked(session, connection_id)
    if held.enabled is not on:
        held.enabled = on
        held.version += 1
        session.flush()
        _note(session, held, ChangeKind.ENABLED if on else ChangeKind.DISABLED, actor=actor, now=now)
    return held


def note_trial(
    session: Session, *, connection_id: UUID, kind: ChangeKind, trial: Trial, actor: str, now: datetime
) -> None:
    """Keep in the journal what a test found. Raises NotFound."""
    _note(session, _locked(session, connection_id), kind, code=trial.code, actor=actor, now=now)


def connections(session: Session) -> list[Connection]:
    """Return all connections by route."""
    return list(session.scalars(select(Connection).order_by(Connection.route)))


def connection(session: Session, connection_id: UUID) -> Connection:
    """Return one connection. Raises NotFound."""
    found = session.get(Connection, connection_id)
    if found is None:
        raise NotFound("Ce raccordement n’existe pas.")
    return found


def journal(session: Session, connection_id: UUID, *, limit: int = 100) -> Sequence[ConnectionChange]:
    """Return what was done to a connection, the latest first."""
    lines = select(ConnectionChange).where(ConnectionChange.connection_id == connection_id)
    return session.scalars(lines.order_by(ConnectionChange.number.desc()).limit(limit)).all()


def kind_of(kinds: Kinds, name: str) -> Kind:
    """Return a kind of partner. Raises NotFound."""
    if name not in kinds:
        raise NotFound("Ce type de partenaire n’existe pas.")
    return kinds[name]


def turn_callback(session: Session, *, connection_id: UUID, actor: str, now: datetime) -> Connection:
    """Give the connection a new address for callbacks; the one before serves for a while. Raises NotFound."""
    held = _locked(session, connection_id)
    turn(session, held.route, now=now)
    held.version += 1
    session.flush()
    _note(session, held, ChangeKind.TURNED, actor=actor, now=now)
    return held


def callback_address(session: Session, vault: Vault, route: str, public_url: str) -> str:
    """Return the address of ours where a partner calls back; "" when we have none on the network."""
    return f"{public_url.rstrip('/')}/callbacks/{route}/{secret_now(session, vault, route)}" if public_url else ""


def plan_of(vault: Vault, held: Connection, callback: str = "") -> Plan:
    """Return what the adapter of a connection is made from.

    Raises:
        SealBroken: the credentials were moved, altered, or sealed with another key.
    """
    secrets = json.loads(vault.unseal(_place(held.id), held.sealed))
    return Plan(
        route=held.route,
        base=held.base,
        trial=held.trial,
        settings=held.settings,
        secrets=secrets,
        callback=callback,
    )


def _checked(kind: Kind, answers: Answers, before: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    settings: dict[str, str] = {}
    secrets: dict[str, str] = {}
    for one in kind.questions:
        # What a form does not ask for (yet) is answered as its default.
        told = (answers.secrets if one.secret else answers.settings).get(one.name, one.default).strip()
        text = told or (before.get(one.name, "") if one.secret else "")
        if one.required and not text:
            raise BadInput("Remplissez ce champ.", field=one.name)
        if len(text) > MOST:
            raise BadInput("Ce champ est trop long : {most} caractères au plus.", field=one.name, most=MOST)
        if one.options and text not in {value for value, _ in one.options}:
            raise BadInput("Choisissez une des réponses proposées.", field=one.name)
        (secrets if one.secret else settings)[one.name] = text
    return settings, secrets


def _buildable(kind: Kind, plan: Plan) -> None:
    try:
        kind.build(plan)
    except BadSetting as fault:
        raise BadInput(fault.message, field=fault.field) from fault


def _pairs(before: Plan, after: Plan) -> list[tuple[str, object, object]]:
    told = [("base", before.base, after.base), ("trial", before.trial, after.trial)]
    for old, new in ((before.settings, after.settings), (before.secrets, after.secrets)):
        told += [(name, old.get(name), new.get(name)) for name in sorted({*old, *new})]
    return told


def _seal(vault: Vault, connection_id: UUID, secrets: Mapping[str, str]) -> bytes:
    return vault.seal(_place(connection_id), json.dumps(dict(secrets)).encode())


def _place(connection_id: UUID) -> Place:
    return Place("connection", "sealed", str(connection_id))


def _locked(session: Session, connection_id: UUID) -> Connection:
    held = session.get(Connection, connection_id, with_for_update=True, populate_existing=True)
    if held is None:
        raise NotFound("Ce raccordement n’existe pas.")
    return held


def _note(
    session: Session,
    held: Connection,
    kind: ChangeKind,
    *,
    fields: Sequence[str] = (),
    code: str | None = None,
    actor: str,
    now: datetime,
) -> None:
    last = select(func.max(ConnectionChange.number)).where(ConnectionChange.connection_id == held.id)
    line = ConnectionChange(
        id=new_id(),
        connection_id=held.id,
        number=(session.scalar(last) or 0) + 1,
        kind=kind.value,
        fields=list(fields),
        code=code[:60] if code else None,
        actor=actor,
        made_at=now,
    )
    session.add(line)
    session.flush()
