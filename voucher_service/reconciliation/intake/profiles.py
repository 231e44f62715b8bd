"""Keep how a partner's files are read. A version is written once; a change is a new version."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import NotFound
from voucher_service.ids import new_id
from voucher_service.partners.models import Partner
from voucher_service.reconciliation.intake.models import ReaderProfile
from voucher_service.reconciliation.reader.profile import Profile, check, from_json


def in_force(session: Session, partner_id: UUID) -> ReaderProfile | None:
    """Return the partner's highest version, None where nobody made one."""
    return session.scalar(
        select(ReaderProfile)
        .where(ReaderProfile.partner_id == partner_id)
        .order_by(ReaderProfile.version.desc())
        .limit(1)
    )


def versions(session: Session, partner_id: UUID) -> list[ReaderProfile]:
    """Return every version, newest first."""
    found = select(ReaderProfile).where(ReaderProfile.partner_id == partner_id).order_by(ReaderProfile.version.desc())
    return list(session.scalars(found))


def keep(session: Session, *, partner_id: UUID, profile: Profile, actor: str, now: datetime) -> ReaderProfile:
    """Return the version in force if it says the same, else keep a new one.

    Raises:
        BadInput: no file can be read with it.
        NotFound: no such partner.
    """
    settings = check(profile).to_json()
    if session.get(Partner, partner_id) is None:
        raise NotFound("Cet opérateur n’existe pas : choisissez-le dans la liste.")
    held = in_force(session, partner_id)
    if held is not None and held.settings == settings:
        return held
    made = ReaderProfile(
        id=new_id(),
        partner_id=partner_id,
        version=held.version + 1 if held else 1,
        settings=settings,
        made_by=actor,
        made_at=now,
    )
    session.add(made)
    session.flush()
    return made


def profile_of(held: ReaderProfile | None) -> Profile | None:
    """Return what a version says."""
    return None if held is None else from_json(held.settings)
