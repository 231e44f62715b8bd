"""Statements in: a file is kept as it came, shown as it is read, its reading corrected, then imported."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from voucher_service.errors import BadFile, BadInput, Conflict
from voucher_service.partners.models import Partner
from voucher_service.reconciliation.intake import profiles, sequence
from voucher_service.reconciliation.intake.files import file_of
from voucher_service.reconciliation.reader.light import let_go
from voucher_service.reconciliation.reader.parsed import Parsed
from voucher_service.reconciliation.reader.profile import Profile, changes, check
from voucher_service.reconciliation.reader.propose import Proposal, propose, review
from voucher_service.reconciliation.reader.read import read
from voucher_service.reconciliation.reader.rows import walk
from voucher_service.reconciliation.reader.sources.text import Text, open_text
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement, known_statement, last_file
from voucher_service.web import doors
from voucher_service.web.partner import reading, uploads
from voucher_service.web.partner.views import READERS, frame, partner_of

blueprint = Blueprint("partner_intake", __name__, url_prefix="/partner")
blueprint.context_processor(frame)

EDITORS = (doors.Role.PARTNER, doors.Role.COORDINATOR)


class Confirmed(BaseModel):
    """What the preview sends on: the file that waits, how it is read, the days it speaks for."""

    digest: str = Field(min_length=64, max_length=64)
    first_day: date
    last_day: date
    settings: str = Field(default="", max_length=20_000)
    number: int | None = Field(default=None, ge=1, le=999_999_999)
    replaces: UUID | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file to be looked at. `statement` is set once it was imported: then only its reading can be changed."""

    digest: str
    name: str
    content: bytes
    statement: UUID | None


def _folder() -> Path:
    return doors.services().settings.data_dir / "uploads"


def _waiting(session: Session, partner_id: UUID, digest: str) -> Waiting:
    try:
        known = known_statement(session, partner_id, bytes.fromhex(digest))
    except ValueError:
        known = None
    if known is not None:
        return Waiting(digest, known.file_name, file_of(doors.services().vault, known), known.id)
    content = uploads.take(doors.services().vault, _folder(), partner_id, digest)
    return Waiting(digest, uploads.name_of(_folder(), partner_id, digest), content, None)


@blueprint.get("/<uuid:partner_id>/upload")
@doors.requires(doors.Role.PARTNER)
def upload(partner_id: UUID) -> ResponseReturnValue:
    """Show the form for a statement."""
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
    return render_template("partner/upload.html", partner=partner, errors={}, digest="")


@blueprint.post("/<uuid:partner_id>/upload")
@doors.requires(doors.Role.PARTNER, upload=True)
def receive(partner_id: UUID) -> ResponseReturnValue:
    """Keep the file as it came and lead to what is understood of it; nothing is recorded."""
    sent = request.files.get("statement")
    content = sent.read() if sent else b""
    name = (sent.filename or "")[:200] if sent else ""
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        known = known_statement(session, partner_id, hashlib.sha256(content).digest())
        held = profiles.profile_of(profiles.in_force(session, partner_id))
    if known is not None:
        flash(_("Ce fichier est déjà importé, à l’octet près : rien n’a changé."))
        return redirect(url_for("partner.result", partner_id=partner_id, statement_id=known.id), 303)
    try:
        text = open_text(content)
        digest = uploads.keep(doors.services().vault, _folder(), partner_id, content, doors.now(), name)
    except BadFile as error:
        return _refused(partner, error, ""), 422
    try:
        proposal = propose(text)
        if held is not None or not proposal.doubts:
            read(content, profile=held or check(proposal.profile))
        else:  # what a person will say cannot mend a row that never ends
            walk(text.content, text.encoding, proposal.profile.separator or text.separators[0])
    except BadFile as error:
        page = _refused(partner, error, digest)
        let_go(content)
        return page, 422
    return redirect(url_for(".look", partner_id=partner_id, digest=digest), 303)


def _refused(partner: Partner, error: BadFile, digest: str) -> str:
    return render_template(
        "partner/upload.html", partner=partner, errors={"statement": doors.said(error)}, digest=digest
    )


@blueprint.get("/<uuid:partner_id>/upload/<digest>")
@doors.requires(*EDITORS)
def look(partner_id: UUID, digest: str) -> ResponseReturnValue:
    """Show what is understood of a file: read with the profile in force, or as we guess."""
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        waiting = _waiting(session, partner_id, digest)
        held = profiles.in_force(session, partner_id)
    profile = profiles.profile_of(held)
    error: BadFile | None = None
    text = open_text(waiting.content)
    proposal = None
    if profile is not None:
        try:
            text = open_text(waiting.content, profile)
            proposal = review(text, profile)
        except BadFile as fault:
            error = fault
    if proposal is None:
        proposal = propose(text)
    return _shown(partner, waiting, text, proposal, error=error, version=held.version if held else 0)


@blueprint.post("/<uuid:partner_id>/upload/<digest>")
@doors.requires(*EDITORS)
def reread(partner_id: UUID, digest: str) -> ResponseReturnValue:
    """Read the file again with the settings that were changed; keep them when that is asked."""
    sent = doors.read_form(reading.Sent)
    database, staff, now = doors.services().database, doors.current_staff(), doors.now()
    with database.read() as session:
        partner = partner_of(session, partner_id)
        waiting = _waiting(session, partner_id, digest)
        held = profiles.in_force(session, partner_id)
    try:
        text = open_text(waiting.content, sheet=sent.sheet)
        said = reading.told(text, sent)
    except BadFile as fault:
        text = open_text(waiting.content)
        return _shown(partner, waiting, text, propose(text), error=fault), 422
    version = held.version if held else 0
    if said.errors:
        return _shown(partner, waiting, text, said.proposal, errors=said.errors, version=version), 422
    if request.form.get("act") == "keep":
        profile = said.proposal.profile
        kept = database.run(profiles.keep, partner_id=partner_id, profile=profile, actor=staff.actor, now=now)
        flash(_("Réglages de lecture enregistrés : version %(n)s.", n=kept.version))
        if waiting.statement is not None:
            return redirect(url_for(".profile", partner_id=partner_id), 303)
        return redirect(url_for(".look", partner_id=partner_id, digest=digest), 303)
    return _shown(partner, waiting, text, said.proposal, version=version)


@blueprint.post("/<uuid:partner_id>/upload/<digest>/drop")
@doors.requires(doors.Role.PARTNER)
def forget(partner_id: UUID, digest: str) -> ResponseReturnValue:
    """Forget a file that waits."""
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
    uploads.drop(_folder(), partner_id, digest)
    flash(_("Le fichier est oublié : rien n’en est gardé."))
    return redirect(url_for("partner.overview", partner_id=partner_id), 303)


@blueprint.post("/<uuid:partner_id>/statements")
@doors.requires(doors.Role.PARTNER)
def confirm(partner_id: UUID) -> ResponseReturnValue:
    """Keep the settings, import the file that was shown and reconcile it."""
    sent = doors.read_form(Confirmed)
    database, staff, now = doors.services().database, doors.current_staff(), doors.now()
    with database.read() as session:
        partner = partner_of(session, partner_id)
    vault = doors.services().vault
    content = uploads.take(vault, _folder(), partner_id, sent.digest)
    profile = check(reading.read_settings(sent.settings)) if sent.settings else None

    def work(session: Session) -> UUID:
        if profile is not None:
            profiles.keep(session, partner_id=partner_id, profile=profile, actor=staff.actor, now=now)
        statement = import_statement(
            session,
            vault=vault,
            partner_id=partner_id,
            file_name=uploads.name_of(_folder(), partner_id, sent.digest),
            content=content,
            actor=staff.actor,
            now=now,
            period=(sent.first_day, sent.last_day),
            number=sent.number,
            replaces=sent.replaces,
        )
        run(session, statement.id, now)
        return statement.id

    try:
        statement_id = database.run(work)
    except BadFile as error:
        return _refused(partner, error, sent.digest), 422
    except (BadInput, Conflict) as error:
        return _again(partner, sent, profile, error), error.status
    uploads.drop(_folder(), partner_id, sent.digest)
    return redirect(url_for("partner.result", partner_id=partner_id, statement_id=statement_id), 303)


def _again(partner: Partner, sent: Confirmed, profile: Profile | None, error: BadInput | Conflict) -> str:
    """Show the preview again, with what was wrong beside what was written."""
    with doors.services().database.read() as session:
        waiting = _waiting(session, partner.id, sent.digest)
    text = open_text(waiting.content, profile)
    proposal = review(text, profile) if profile else propose(text)
    errors = doors.faults_of(error) if isinstance(error, BadInput) else {"number": doors.said(error)}
    return _shown(partner, waiting, text, proposal, errors=errors, sent=sent)


@blueprint.get("/<uuid:partner_id>/reading")
@doors.requires(*READERS)
def profile(partner_id: UUID) -> ResponseReturnValue:
    """Show how the partner's files are read, and every version of it."""
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        held = profiles.versions(session, partner_id)
        last = last_file(session, partner_id)
    shown = [(one, profiles.profile_of(one)) for one in held]
    return render_template("partner/reading.html", partner=partner, versions=shown, digest=last.hex() if last else "")


def _shown(
    partner: Partner,
    waiting: Waiting,
    text: Text,
    proposal: Proposal,
    *,
    error: BadFile | None = None,
    errors: dict[str, str] | None = None,
    sent: Confirmed | None = None,
    version: int = 0,
) -> str:
    """Return the page of a file: as read where it can be read, its first rows as they stand, and the settings."""
    parsed: Parsed | None = None
    # What the guess could not tell is asked, not told as a fault.
    if error is None and not proposal.doubts and not {"words", "unit"} & (errors or {}).keys():
        try:
            parsed = read(waiting.content, profile=check(proposal.profile))
        except BadFile as fault:
            error = fault
        except BadInput:
            parsed = None  # not all is chosen yet: the form says what is missing
    with doors.services().database.read() as session:
        may_replace = sequence.replaceable(session, partner.id)
        next_number = (sequence.last_number(session, partner.id) or 0) + 1
    chosen = reading.choices(proposal, text)
    faults = reading.named(errors or {}, chosen["fields"])
    if error is not None:
        faults["settings"] = reading.as_written([doors.said(error)])[0]
    context: dict[str, Any] = {
        "partner": partner,
        "waiting": waiting,
        "parsed": parsed,
        "proposal": proposal,
        "profile": proposal.profile,
        "raw": {row.line: reading.as_written(row.cells, proposal.profile) for row in proposal.lines},
        "top": [(row.line, reading.as_written(row.cells, proposal.profile)) for row in proposal.top],
        "changed": changes(proposal.profile, parsed.format.header) if parsed and version else None,
        "errors": faults,
        "doubts": reading.named(
            {name: _(words) for name, words in (proposal.doubts | proposal.notes).items()}, chosen["fields"]
        ),
        "version": version,
        "sent": sent,
        "may_replace": may_replace,
        "next_number": next_number,
        "choices": chosen,
    }
    return render_template("partner/preview.html", **context)
