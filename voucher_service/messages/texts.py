"""The texts we ship, and those a team put in their place. No name, no PIN, no name of the scheme stands in any.

Data: one line a kind, channel and language. Only what stands in `PLACEHOLDERS` is filled in, so no template
can ask for a name. The French and English texts fit one alphabet of seven bits on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput
from voucher_service.messages.encoding import MOST_PARTS, encode
from voucher_service.messages.gateways import Channel
from voucher_service.messages.models import MessageTemplate
from voucher_service.texts import clean_text

VOUCHER_LINK = "voucher_link"
FALLBACK = "fr"
PLACEHOLDERS = ("link", "day")
"""The address of the person's own page, and the last day it serves, as 31/12."""

_SAMPLE_LINK = "https://example.org/mon-bon/" + "x" * 43
_FIELD = re.compile(r"\{([^{}]*)\}")
_FORBIDDEN = re.compile(r"coup\W{0,2}de\W{0,2}pouce|emma[uü]s|\bpin\b|\bpuk\b", re.IGNORECASE)


class Text(NamedTuple):
    """A template. An SMS has no subject."""

    subject: str
    body: str


Key = tuple[str, Channel, str]

SHIPPED: Mapping[Key, Text] = {
    (VOUCHER_LINK, Channel.SMS, "fr"): Text(
        "", "Bonjour, voici votre page : {link} Jusqu'au {day}. Pour ne plus rien recevoir : STOP"
    ),
    (VOUCHER_LINK, Channel.SMS, "en"): Text(
        "", "Hello, here is your page: {link} Use it by {day}. To get no more messages: STOP"
    ),
    (VOUCHER_LINK, Channel.EMAIL, "fr"): Text(
        "Votre page",
        "Bonjour,\n\nVoici votre page : {link}\n\nElle sert jusqu’au {day}. Montrez-la à l’accueil.\n\n"
        "Si ce message n’est pas pour vous, effacez-le, s’il vous plaît.\n",
    ),
    (VOUCHER_LINK, Channel.EMAIL, "en"): Text(
        "Your page",
        "Hello,\n\nHere is your page: {link}\n\nUse it by {day}. Show it at the desk.\n\n"
        "If this message is not for you, please delete it.\n",
    ),
}


def text_for(session: Session, key: str, channel: Channel, language: str) -> Text:
    """Return the template in `language`, else in French: the team's own before the one we ship."""
    for spoken in (language, FALLBACK):
        own = session.get(MessageTemplate, (key, channel.value, spoken))
        if own is not None:
            return Text(own.subject, own.body)
        if (key, channel, spoken) in SHIPPED:
            return SHIPPED[key, channel, spoken]
    raise AssertionError(f"there is a French text for {key} by {channel}")


def all_texts(session: Session) -> dict[Key, Text]:
    """Return every template in use, the team's own in place of ours."""
    own = {
        (row.key, Channel(row.channel), row.language): Text(row.subject, row.body)
        for row in session.scalars(select(MessageTemplate))
    }
    return dict(sorted((dict(SHIPPED) | own).items()))


def change_text(
    session: Session,
    *,
    key: str,
    channel: Channel,
    language: str,
    subject: str,
    body: str,
    actor: str,
    now: datetime,
) -> None:
    """Put a text of the team's own in place of ours, or add a language.

    Raises:
        BadInput: `body`, `subject` or `language`: names a person could be known by, no link, or too long.
    """
    if not re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", language):
        raise BadInput("La langue s’écrit en deux lettres : fr, en, ar…", field="language")
    if (key, channel, FALLBACK) not in SHIPPED:
        raise BadInput("Ce message n’existe pas.", field="key")
    text = check_text(channel, subject, body)
    session.merge(
        MessageTemplate(
            key=key,
            channel=channel.value,
            language=language,
            subject=text.subject,
            body=text.body,
            changed_by=actor,
            changed_at=now,
        )
    )
    session.flush()


def check_text(channel: Channel, subject: str, body: str) -> Text:
    """Return the template if it may be sent. Raises BadInput naming the field."""
    body = body.replace("\r\n", "\n").strip()
    subject = clean_text(subject, field="subject", most=120) if channel is Channel.EMAIL else ""
    if len(body) > 600:
        raise BadInput("Ce champ est trop long : {most} caractères au plus.", field="body", most=600)
    unknown = [name for name in _FIELD.findall(body + subject) if name not in PLACEHOLDERS]
    if unknown or "{" in _FIELD.sub("", body + subject) or "}" in _FIELD.sub("", body + subject):
        raise BadInput("Seuls {link} et {day} peuvent être remplacés : aucun nom, aucun code.", field="body")
    if "{link}" not in body:
        raise BadInput("Le message doit contenir {link}, l’adresse de la page de la personne.", field="body")
    for field, text in (("subject", subject), ("body", body)):
        if _FORBIDDEN.search(text):
            raise BadInput(
                "Un écran verrouillé montre ce texte à tout le monde : ni nom du dispositif, ni code.", field=field
            )
    if channel is Channel.SMS and encode(sample(body)).parts > MOST_PARTS:
        raise BadInput("Ce texte ferait plus de {most} SMS : raccourcissez-le.", field="body", most=MOST_PARTS)
    return Text(subject, body)


def filled(text: Text, *, link: str, last_day: date) -> Text:
    """Return the text as one person gets it."""
    return Text(*(part.replace("{day}", f"{last_day:%d/%m}").replace("{link}", link) for part in text))


def sample(body: str) -> str:
    """Return the body with a link and a day of the usual length, to count its parts."""
    return body.replace("{link}", _SAMPLE_LINK).replace("{day}", "31/12")
