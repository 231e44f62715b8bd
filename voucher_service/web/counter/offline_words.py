"""The answer to an entry as the page is told it. An acceptance made in good faith is never called failed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _

from voucher_service.web.counter.words import moment


def answer_words(
    seq: int,
    scan_id: UUID,
    status: str,
    reason: str | None,
    *,
    known: bool = False,
    detail: Mapping[str, Any] | None = None,
    visit_id: UUID | None = None,
    order_id: UUID | None = None,
) -> dict[str, Any]:
    """Return `{seq, scan_id, status, reason, known, at, branch, visit_id, order_id, words}`."""
    facts = detail or {}
    return {
        "seq": seq,
        "scan_id": str(scan_id),
        "status": status,
        "reason": reason,
        "known": known,
        "at": facts.get("at"),
        "branch": facts.get("branch"),
        "visit_id": str(visit_id) if visit_id else None,
        "order_id": str(order_id) if order_id else None,
        "words": entry_words(status, reason, facts),
    }


def entry_words(status: str, reason: str | None, facts: Mapping[str, Any]) -> dict[str, str]:
    """Return `{word, sentence, next_step}` of an answer: what is so, and what whoever accepted it does now."""
    if status == "confirmed":
        return _three(_("Confirmé"), _("Le passage est enregistré."), _("La recharge part : rien d’autre à faire."))
    if status == "invalid":
        return _three(
            _("À vérifier"),
            _("Cet enregistrement n’a pas pu être lu."),
            _("Gardez l’appareil et appelez la coordination."),
        )
    settle = _("Rien à faire ici : la coordination le règle, votre acceptation est gardée.")
    if reason == "used" and "at" in facts and "branch" in facts:
        told = _(
            "Ce bon a aussi été utilisé le %(at)s à %(branch)s.",
            at=moment(datetime.fromisoformat(facts["at"])),
            branch=facts["branch"],
        )
    else:
        told = _why(reason or "")
    if reason in {"fork", "device_revoked"}:
        settle = _("N’acceptez plus rien avec cet appareil sans réseau. La coordination règle ce passage.")
    return _three(_("À régler par la coordination"), told, settle)


def _why(reason: str) -> str:
    """Return what is so, of every reason of `rules.Reason`."""
    said: dict[str, str] = {
        "used": _("Ce bon a aussi été utilisé ailleurs."),
        "cancelled": _("Ce bon a été annulé entre-temps."),
        "replaced": _("Ce bon a été remplacé par un autre entre-temps."),
        "expired": _("Ce bon est arrivé au serveur trop longtemps après sa dernière date."),
        "fork": _("Un autre passage porte le même numéro : cet appareil a été copié ou restauré."),
        "device_revoked": _("Cet appareil avait été retiré par la coordination."),
        "outside_lease": _("Cet appareil était au-delà de ce qu’il pouvait accepter sans réseau, ou mal à l’heure."),
        "outside_shift": _("Aucun service n’était ouvert sur cet appareil à cette heure."),
        "not_home": _("Ce bon est d’une autre antenne."),
        "unreadable": _("Ce que l’appareil avait gardé n’a pas pu être relu."),
        "forged": _("La signature de ce bon n’est pas la bonne."),
        "incomplete": _("Il manque le numéro à recharger, ou le prix noté est trop élevé."),
    }
    return said.get(reason) or str(_("Cette acceptation demande le regard d’une personne."))


def _three(word: str, sentence: str, next_step: str) -> dict[str, str]:
    return {"word": word, "sentence": sentence, "next_step": next_step}
