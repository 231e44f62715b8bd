"""The texts in each language, with how long they are, and the people who want no messages."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy import func, select

from admin import room
from admin.messages import words
from admin.people.people_forms import LANGUAGES
from voucher_service.messages.encoding import encode
from voucher_service.messages.gateways import Channel
from voucher_service.messages.models import OptOut
from voucher_service.messages.outbox import lookup_of, opt_in, opt_out, read_recipient
from voucher_service.messages.texts import VOUCHER_LINK, all_texts, change_text, sample
from voucher_service.web import doors

blueprint = Blueprint("texts", __name__, url_prefix="/messages/texts")


class NewText(BaseModel):
    """What the form of a text sends."""

    channel: Channel
    language: str = Field(min_length=2, max_length=5)
    subject: str = Field(default="", max_length=120)
    body: str = Field(min_length=5, max_length=600)


class Wish(BaseModel):
    """What the form of the people who want no messages sends."""

    channel: Channel
    recipient: str = Field(min_length=3, max_length=200)
    wish: str = Field(pattern="^(none|again)$")


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """Show every text with its length."""
    with doors.services().database.read() as session:
        rows = [
            (channel, language, text, encode(sample(text.body)) if channel is Channel.SMS else None)
            for (_key, channel, language), text in all_texts(session).items()
        ]
        silent = session.scalar(select(func.count()).select_from(OptOut)) or 0
    return room.page("messages/message_texts", rows=rows, say=words, silent=silent, tongues=LANGUAGES)


@blueprint.get("/edit")
@room.WRITE
def edit() -> ResponseReturnValue:
    """Show the form of a text, filled with the one in use."""
    return _form(doors.read_query(Named)).page()


@blueprint.post("/edit")
@room.WRITE
def save() -> ResponseReturnValue:
    """Use this text from now on."""
    form = _form(Named())

    def act() -> ResponseReturnValue:
        sent = doors.read_form(NewText)
        doors.services().database.run(
            change_text, key=VOUCHER_LINK, actor=room.actor(), now=doors.now(), **sent.model_dump()
        )
        return room.done(_("Le texte est enregistré."), "admin.texts.index")

    return room.submitted(form, act)


@blueprint.get("/wishes")
@room.WRITE
def wishes() -> ResponseReturnValue:
    """Show the form that notes who wants no messages."""
    return _wish_form().page()


@blueprint.post("/wishes")
@room.WRITE
def wish() -> ResponseReturnValue:
    """Note that somebody wants no messages, or wants them again."""

    def act() -> ResponseReturnValue:
        sent, services = doors.read_form(Wish), doors.services()
        lookup = lookup_of(services.vault, sent.channel, read_recipient(sent.channel, sent.recipient))
        if sent.wish == "none":
            services.database.run(opt_out, lookup, source="desk", actor=room.actor(), now=doors.now())
            flash(_("C’est noté : plus aucun message ne partira vers cette personne."), "ok")
        else:
            services.database.run(opt_in, lookup)
            flash(_("C’est noté : on peut de nouveau lui écrire."), "ok")
        room.log("message_wish", wish=sent.wish, channel=sent.channel.value)
        return redirect(url_for("admin.texts.index"), 303)

    return room.submitted(_wish_form(), act)


class Named(BaseModel):
    """Which text is to be changed."""

    channel: Channel = Channel.SMS
    language: str = Field(default="", max_length=5)


def _form(named: Named) -> room.Form:
    with doors.services().database.read() as session:
        text = all_texts(session).get((VOUCHER_LINK, named.channel, named.language))
    return room.Form(
        title=_("Texte d’un message"),
        lead=_("{link} devient l’adresse de la page de la personne, {day} le dernier jour. Rien d’autre ne s’ajoute."),
        fields=[
            room.Field(
                name="channel",
                label=_("Par"),
                kind=room.Kind.RADIOS,
                options=[(one.value, words.channel(one)) for one in Channel],
                value=named.channel.value,
            ),
            room.Field(
                name="language", label=_("Langue"), width="short", value=named.language, hint=_("fr, en, ar, uk…")
            ),
            room.Field(
                name="subject",
                label=_("Objet"),
                value=text.subject if text else "",
                required=False,
                hint=_("Pour un courriel seulement."),
            ),
            room.Field(
                name="body",
                label=_("Texte"),
                kind=room.Kind.AREA,
                value=text.body if text else "",
                hint=_("Un écran verrouillé le montre à tout le monde : ni nom, ni code, ni nom du dispositif."),
            ),
        ],
        action=url_for("admin.texts.save"),
        submit=_("Enregistrer"),
        cancel=url_for("admin.texts.index"),
    )


def _wish_form() -> room.Form:
    return room.Form(
        title=_("Qui ne veut pas de messages"),
        lead=_("La liste ne garde aucun numéro : seulement de quoi reconnaître celui qu’on saisit."),
        fields=[
            room.Field(
                name="channel",
                label=_("Par"),
                kind=room.Kind.RADIOS,
                options=[(one.value, words.channel(one)) for one in Channel],
                value=Channel.SMS.value,
            ),
            room.Field(name="recipient", label=_("Numéro ou adresse")),
            room.Field(
                name="wish",
                label=_("Ce que la personne demande"),
                kind=room.Kind.RADIOS,
                options=[("none", _("Ne plus rien recevoir")), ("again", _("Recevoir de nouveau"))],
            ),
        ],
        action=url_for("admin.texts.wish"),
        submit=_("Noter"),
        cancel=url_for("admin.texts.index"),
    )
