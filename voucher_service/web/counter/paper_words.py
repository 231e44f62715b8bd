"""What an emergency pack says, in the language of whoever prints it."""

from __future__ import annotations

from datetime import datetime
from typing import BinaryIO

from flask_babel import gettext as _

from voucher_service.services import Services
from voucher_service.visits.paper import packs
from voucher_service.visits.paper.pdf import PackPage, write_pack
from voucher_service.vouchers.keys import KeyStatus
from voucher_service.web import doors

EMPTY_CALLS = 3
"""Lines left empty in the list of calls, for numbers written by hand."""


def print_pack(services: Services, number: int, out: BinaryIO, *, by: str, now: datetime) -> None:
    """Write the pack as PDF. Raises NotFound, Conflict: see `packs.to_print`."""
    with services.database.read() as session:
        content = packs.to_print(session, services.ring, number, now=now)
    write_pack(page_of(content, services.settings.emergency_contacts, by=by, now=now), out)


def page_of(content: packs.PackContent, contacts: str, *, by: str, now: datetime) -> PackPage:
    """Return the pack in words. `contacts` are "Who: number" with semicolons between; by `by` it is printed."""
    number, branch = content.pack.number, content.branch
    moment = _moment(now)
    return PackPage(
        number=number,
        pages=content.pack.pages,
        language=doors.language(),
        title=_("Carnet de secours n° %(number)s · %(branch)s", number=number, branch=branch.name),
        made=_("Imprimé le %(at)s par %(who)s. À garder fermé à l’antenne ; à refaire chaque mois.", at=moment, who=by),
        steps_title=_("Le serveur ne répond pas : que faire ?"),
        steps=steps(),
        calls_title=_("Qui appeler, dans cet ordre"),
        calls=calls(contacts),
        devices_title=_("Appareils qui continuent seuls"),
        devices=[_("État au %(at)s.", at=moment), *_devices(content)],
        keys_title=_("Clés de signature des bons"),
        keys=[_key(one) for one in content.keys],
        log_title=_("Journal papier · carnet %(number)s · %(branch)s", number=number, branch=branch.name),
        log_hint=_("Une ligne par bon. Une erreur : barrez toute la ligne et prenez la suivante."),
        page_of=_("Page {page} sur {pages}"),
        date=_("Date"),
        footer=_("Porte des numéros de téléphone : sous clé, puis détruit une fois saisi et vérifié."),
        columns=_columns(),
    )


def steps() -> list[str]:
    """Return what to do when the server is dead, in its order."""
    return [
        _("Attendez deux minutes et rechargez la page. Essayez aussi un autre téléphone : c’est souvent le réseau."),
        _(
            "Ouvrez « Scanner » sur un appareil de la liste ci-contre : si un service y est ouvert, il accepte seul "
            "les bons de cette antenne."
        ),
        _("Appelez la première personne de la liste, puis la suivante. Notez l’heure de l’appel."),
        _(
            "Sans un tel appareil, prenez le journal papier. Vérifiez la date du bon, recopiez ses 16 chiffres par "
            "deux et relisez-les à voix haute. Faites de même pour le numéro à recharger."
        ),
        _(
            "Écrivez sur le bon le repère imprimé en début de ligne : il ne doit plus servir. "
            "Donnez ce repère à la personne, avec la date de son prochain passage."
        ),
        _(
            "Dites : « La recharge partira dès que le serveur répond. » Rien ne part d’ici là, et le bon peut avoir "
            "servi ailleurs : ne promettez pas d’heure."
        ),
        _(
            "Quand le serveur répond de nouveau : Accueil, « Papier », choisissez ce carnet et saisissez chaque ligne. "
            "Une ligne déjà saisie n’est jamais comptée deux fois."
        ),
    ]


def calls(contacts: str) -> list[tuple[str, str]]:
    """Return who to call: those of the settings, then empty lines, then the number for people without shelter."""
    found = [part.partition(":") for part in contacts.split(";") if part.strip()]
    known = [(who.strip(), number.strip()) for who, _colon, number in found]
    roles = [_("Coordination"), _("Exploitation du serveur"), _("Responsable de l’antenne")]
    empty = [(role, "") for role in roles[len(known) :]] if len(known) < EMPTY_CALLS else []
    return [*known, *empty, (_("Urgence sociale, jour et nuit"), "115")]


def _devices(content: packs.PackContent) -> list[str]:
    none = [_("Aucun appareil de cette antenne ne peut continuer seul : journal papier.")]
    return (
        none
        if not content.devices
        else [
            _(
                "%(name)s : liste du %(at)s, accepte seul jusqu’au %(until)s",
                name=one.name,
                at=_moment(one.list_at),
                until=_moment(one.accepts_until),
            )
            if one.accepts_until
            else _("%(name)s : liste du %(at)s, ne peut pas accepter seul", name=one.name, at=_moment(one.list_at))
            for one in content.devices
        ]
    )


def _key(one: packs.KeyLine) -> str:
    status = {
        KeyStatus.ACTIVE.value: _("en service"),
        KeyStatus.RETIRED.value: _("remplacée, encore valable"),
        KeyStatus.REVOKED.value: _("révoquée : refuser"),
    }[one.status]
    return str(_("Clé %(name)s (%(status)s) : %(print)s", name=one.name, status=status, print=one.fingerprint))


def _moment(at: datetime) -> str:
    return doors.say_moment(at, "short")


def _columns() -> dict[str, str]:
    return {
        "line": _("Repère"),
        "time": _("Heure"),
        "code": _("Code du bon, deux chiffres par case"),
        "value": _("Valeur"),
        "number": _("Numéro à recharger"),
        "paid": _("Payé"),
        "handed": _("Remis à la personne"),
        "next": _("Prochain passage"),
        "initials": _("Initiales"),
    }
