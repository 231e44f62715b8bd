"""Sending a voucher's link from its page: whom to, in which language, and what it will look like."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from admin import room
from admin.messages import words
from admin.people.people_forms import LANGUAGES
from voucher_service.errors import Erased, NotFound
from voucher_service.messages.encoding import encode
from voucher_service.messages.gateways import Channel
from voucher_service.messages.outbox import compose, queue_voucher_link, read_recipient
from voucher_service.messages.settings import gateways
from voucher_service.messages.texts import all_texts
from voucher_service.people.identity import reveal
from voucher_service.people.models import Person
from voucher_service.people.phones import pairs
from voucher_service.vouchers.links import link_token
from voucher_service.vouchers.lists import reference_of
from voucher_service.vouchers.models import Voucher
from voucher_service.web import doors

blueprint = Blueprint("send", __name__, url_prefix="/vouchers/<uuid:voucher_id>/send")


class NewMessage(BaseModel):
    """What the form sends."""

    channel: Channel
    recipient: str = Field(min_length=3, max_length=200)
    language: str = Field(min_length=2, max_length=5)
    plain: bool = False


@blueprint.get("/")
@room.WRITE
def new(voucher_id: UUID) -> ResponseReturnValue:
    """Show the form, with the person's number when they gave one."""
    return _form(voucher_id).page()


@blueprint.post("/")
@room.WRITE
def create(voucher_id: UUID) -> ResponseReturnValue:
    """Show the message as it will leave; on the second press put it in the outbox."""
    form = _form(voucher_id)

    def act() -> ResponseReturnValue:
        sent, services = doors.read_form(NewMessage), doors.services()
        message_id, link = doors.client_key(), _link(voucher_id)
        if room.step() == "edit":
            return form.page()
        if room.step() != "confirm":
            return _check(form, voucher_id, sent, link)
        services.database.run(
            queue_voucher_link,
            services.vault,
            message_id=message_id,
            voucher_id=voucher_id,
            link=link,
            actor=room.actor(),
            now=doors.now(),
            **sent.model_dump(),
        )
        return room.done(_("Le message va partir."), "admin.vouchers.show", voucher_id=voucher_id)

    return room.submitted(form, act)


def _check(form: room.Form, voucher_id: UUID, sent: NewMessage, link: str) -> ResponseReturnValue:
    to = read_recipient(sent.channel, sent.recipient)
    with doors.services().database.read() as session:
        voucher = _voucher(session, voucher_id)
        text = compose(session, voucher, channel=sent.channel, language=sent.language, link=link, plain=sent.plain)
    sms = sent.channel is Channel.SMS
    rows = [
        (_("À"), pairs(to) if sms else to),
        *([] if sms else [(_("Objet"), text.subject)]),
        (_("Texte"), text.body),
    ]
    note = ""
    if sms:
        encoded = encode(text.body)
        rows.append((_("Longueur"), words.how_long(encoded)))
        if encoded.forcing:
            note = _(
                "Les signes %(chars)s obligent à l’alphabet long. « Sans accents rares » raccourcit le message.",
                chars=" ".join(encoded.forcing),
            )
    return room.check_page(form, rows, question=_("Envoyer ce message ?"), submit=_("Envoyer"), note=note)


def _form(voucher_id: UUID) -> room.Form:
    services = doors.services()
    with services.database.read() as session:
        voucher = _voucher(session, voucher_id)
        ready = list(gateways(session))
        languages = sorted({language for _key, _channel, language in all_texts(session)})
        person = session.get(Person, voucher.person_id) if voucher.person_id else None
        number = ""
        if person is not None:
            try:
                phone = reveal(session, services.vault, person.id).phone
                number = pairs(phone) if phone else ""
            except Erased:
                number = ""
    hint = "" if ready else _("Réglez d’abord une passerelle : Messages, Passerelles.")
    return room.Form(
        title=_("Envoyer le lien du bon %(reference)s", reference=reference_of(voucher)),
        lead=_("La personne reçoit l’adresse de sa page. Le message ne dit ni son nom, ni de quoi il s’agit."),
        fields=[
            room.Field(
                name="channel",
                label=_("Par"),
                kind=room.Kind.RADIOS,
                options=[(one.value, words.channel(one)) for one in ready or list(Channel)],
                value=(ready or list(Channel))[0].value,
                hint=hint,
            ),
            room.Field(
                name="recipient",
                label=_("Numéro ou adresse"),
                value=number,
                hint=_("06 12 34 56 78 pour un SMS. Relisez-le avec la personne."),
            ),
            room.Field(
                name="language",
                label=_("Langue"),
                kind=room.Kind.SELECT,
                options=[(one, LANGUAGES.get(one, one)) for one in languages],
                value=person.language if person and person.language in languages else "fr",
            ),
            room.Field(
                name="plain",
                label=_("Accents"),
                kind=room.Kind.SELECT,
                options=[("", _("Le texte tel quel")), ("true", _("Sans accents rares : message plus court"))],
                required=False,
            ),
        ],
        hidden={"key": doors.fresh_key()},
        action=url_for("admin.send.create", voucher_id=voucher_id),
        submit=_("Voir le message"),
        cancel=url_for("admin.vouchers.show", voucher_id=voucher_id),
    )


def _link(voucher_id: UUID) -> str:
    services = doors.services()
    path = url_for("beneficiary.voucher_page", token=link_token(services.vault, voucher_id))
    return services.settings.base_url + path


def _voucher(session: Session, voucher_id: UUID) -> Voucher:
    voucher = session.get(Voucher, voucher_id)
    if voucher is None:
        raise NotFound(_("Ce bon n’existe pas."))
    return voucher
