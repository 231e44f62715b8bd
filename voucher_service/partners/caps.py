"""How much one person may get: the cap over days, the cycle and its renewals. Pure rules, no tables.

The history is what the person was given: vouchers issued and still good, or redeemed. A voucher that was
cancelled, replaced or has expired gave nothing and does not count.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from voucher_service.errors import N_
from voucher_service.ids import local_day
from voucher_service.partners.models import CampaignPolicy
from voucher_service.units import Unit, display


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One voucher of the person in the campaign; `face_value_cents` in EUR cents."""

    issued_at: datetime
    face_value_cents: int


_NEVER = N_(
    "Cette personne a déjà reçu {held} sur {days} jours ; le plafond est de {cap} "
    "et son accompagnement se termine avant : voyez la coordination."
)
_LATER = N_(
    "Cette personne a déjà reçu {held} sur {days} jours ; le plafond est de {cap}. "
    "Un tel bon sera possible le {next_on:%d/%m/%Y}."
)
_LATER_OR_SMALLER = N_(
    "Cette personne a déjà reçu {held} sur {days} jours ; le plafond est de {cap}. "
    "Un tel bon sera possible le {next_on:%d/%m/%Y} ou une offre de {left} au plus dès maintenant."
)


@dataclass(frozen=True, slots=True)
class CapRefusal:
    """Why no voucher now: `cap_reached`, `above_cap` or `cycle_ended`, a sentence with the next step.

    `next_on` is the first day on which the same voucher is possible; None when waiting does not help.
    """

    code: str
    template: str
    next_on: date | None
    values: Mapping[str, Any]

    @property
    def message(self) -> str:
        """The sentence in French."""
        return self.template.format_map(self.values)


def check_cap(
    history: Sequence[Entitlement], *, face_value_cents: int, policy: CampaignPolicy, day: date
) -> CapRefusal | None:
    """Return why a voucher of `face_value_cents` may not be issued on `day`, or None when it may.

    The cap counts the face value of the last `cap_days` days, `day` included. Days are those of the branches.
    """
    given = sorted((local_day(item.issued_at), item.face_value_cents) for item in history)
    end = cycle_end(history, policy)
    if end is not None and day > end:
        return CapRefusal(
            "cycle_ended",
            N_(
                "L’accompagnement de cette personne dans la campagne s’est terminé le {end:%d/%m/%Y} : "
                "proposez un autre dispositif, ou demandez à la coordination."
            ),
            None,
            {"end": end},
        )
    if face_value_cents > policy.cap_cents:
        return CapRefusal(
            "above_cap",
            N_("Ce bon vaut plus que le plafond de {cap} par personne : choisissez une offre plus petite."),
            None,
            {"cap": _euros(policy.cap_cents)},
        )
    since = day - timedelta(days=policy.cap_days - 1)
    recent = [(on, cents) for on, cents in given if on >= since]
    held = sum(cents for _, cents in recent)
    if held + face_value_cents <= policy.cap_cents:
        return None
    return _cap_reached(recent, held, face_value_cents, policy, end)


def cycle_end(history: Sequence[Entitlement], policy: CampaignPolicy) -> date | None:
    """Return the last day of the person's cycle with all its renewals; None before the first voucher."""
    if not history:
        return None
    first = min(local_day(item.issued_at) for item in history)
    return _months_later(first, policy.cycle_months * (policy.renewals + 1)) - timedelta(days=1)


def _cap_reached(
    recent: Sequence[tuple[date, int]], held: int, asked: int, policy: CampaignPolicy, end: date | None
) -> CapRefusal:
    remaining = held
    next_on: date | None = None
    for on, cents in recent:
        remaining -= cents
        next_on = on + timedelta(days=policy.cap_days)
        if remaining + asked <= policy.cap_cents:
            break
    left = policy.cap_cents - held
    values = {
        "held": _euros(held),
        "days": policy.cap_days,
        "cap": _euros(policy.cap_cents),
        "next_on": next_on,
        "left": _euros(left),
    }
    if next_on is None or (end is not None and next_on > end):
        return CapRefusal("cap_reached", _NEVER, None, values)
    return CapRefusal("cap_reached", _LATER_OR_SMALLER if left > 0 else _LATER, next_on, values)


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _euros(cents: int) -> str:
    return display(cents, Unit.EUR_CENT)
