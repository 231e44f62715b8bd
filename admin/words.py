"""States and kinds in words, each with its tone: ok (done), wait (under way), check (needs a person), bad, none."""

from __future__ import annotations

from flask_babel import gettext as _

from voucher_service.ledger.models import AccountKind, Reason
from voucher_service.partners.models import AllocationState, DrawDown, Route
from voucher_service.staff.models import Role
from voucher_service.units import Unit
from voucher_service.vouchers.models import BatchState, VoucherState

Tagged = tuple[str, str]


def voucher_state(state: str) -> Tagged:
    """Return the word and tone of a voucher's state."""
    return {
        VoucherState.ISSUED: (_("Émis"), "wait"),
        VoucherState.REDEEMED: (_("Utilisé"), "ok"),
        VoucherState.CANCELLED: (_("Annulé"), "none"),
        VoucherState.REPLACED: (_("Remplacé"), "none"),
        VoucherState.EXPIRED: (_("Périmé"), "none"),
    }[VoucherState(state)]


def batch_state(state: str) -> Tagged:
    """Return the word and tone of a batch's state."""
    return {
        BatchState.PENDING: (_("Attend un accord"), "check"),
        BatchState.READY: (_("En cours d’émission"), "wait"),
        BatchState.ISSUED: (_("Émis"), "ok"),
        BatchState.DECLINED: (_("Refusé"), "none"),
    }[BatchState(state)]


def gift_state(state: str) -> Tagged:
    """Return the word and tone of an allocation's state."""
    return {
        AllocationState.PENDING: (_("Attend un accord"), "check"),
        AllocationState.OPEN: (_("Ouverte"), "ok"),
        AllocationState.CLOSED: (_("Close"), "none"),
        AllocationState.DECLINED: (_("Refusée"), "none"),
    }[AllocationState(state)]


def unit(value: str) -> str:
    """Return what a unit is called."""
    return str(
        {
            Unit.EUR_CENT: _("Euros de crédit"),
            Unit.MEGABYTE: _("Données (Mo)"),
            Unit.MINUTE: _("Minutes"),
            Unit.SMS: _("SMS"),
            Unit.PIECE: _("Pièces (cartes, téléphones…)"),
        }[Unit(value)]
    )


def route(value: str) -> str:
    """Return how an offer is delivered."""
    fixed = {
        Route.SANDBOX.value: _("Recharge directe par l’opérateur (partenaire d’essai)"),
        Route.CODE_STOCK.value: _("Code de recharge pris dans le stock"),
        Route.SIM_STOCK.value: _("Carte SIM remise à l’antenne"),
        Route.HANDSET_STOCK.value: _("Téléphone remis à l’antenne"),
        Route.SEAT_STOCK.value: _("Place à un atelier"),
    }
    return str(fixed.get(value) or _("Recharge directe par le raccordement « %(route)s »", route=value))


def way(value: str) -> str:
    """Return what a way of delivery is called in a list; a connection by the short name people gave it."""
    return route(value) if value in {one.value for one in Route} else value


def draw_down(value: str) -> str:
    """Return which allocation pays first."""
    return str(
        {
            DrawDown.EXPIRING_FIRST: _("Celle qui finit le plus tôt"),
            DrawDown.PRIORITY: _("Celle qui a la priorité la plus haute (1 d’abord)"),
            DrawDown.PRO_RATA: _("Toutes, en proportion de ce qui reste"),
        }[DrawDown(value)]
    )


def role(value: str) -> str:
    """Return what a role is called."""
    return str(
        {
            Role.COORDINATOR: _("Coordination"),
            Role.COUNTER: _("Accueil"),
            Role.VOLUNTEER: _("Bénévole"),
            Role.PARTNER: _("Opérateur"),
            Role.AUDITOR: _("Audit"),
        }[Role(value)]
    )


def account(kind: AccountKind) -> str:
    """Return what an account of a book is called."""
    return str(
        {
            AccountKind.DONOR: _("Donateur"),
            AccountKind.PERSON: _("Personnes"),
            AccountKind.AVAILABLE: _("Disponible"),
            AccountKind.TILL: _("Caisse"),
            AccountKind.RESERVED: _("Réservé par des bons"),
            AccountKind.IN_DELIVERY: _("En livraison"),
            AccountKind.IN_TRANSIT: _("En transfert"),
            AccountKind.DELIVERED: _("Livré"),
            AccountKind.BANK: _("Banque"),
            AccountKind.RETURNED_TO_DONOR: _("Rendu au donateur"),
            AccountKind.WRITTEN_OFF: _("Passé en perte"),
            AccountKind.VARIANCE: _("Écart constaté"),
        }[kind]
    )


def reason(value: str) -> str:
    """Return why value moved."""
    return str(
        {
            Reason.RECEIVED: _("Don reçu"),
            Reason.ISSUED: _("Bon émis"),
            Reason.REDEEMED: _("Bon utilisé"),
            Reason.DELIVERED: _("Recharge livrée"),
            Reason.GIVEN_BACK: _("Refusé par l’opérateur, rendu au bon"),
            Reason.UNDONE: _("Passage annulé à l’antenne, rendu au bon"),
            Reason.LATE_DELIVERY: _("Livré par l’opérateur après que la valeur a été rendue"),
            Reason.EXPIRED: _("Bon périmé"),
            Reason.CANCELLED: _("Bon annulé"),
            Reason.REPLACED: _("Bon remplacé"),
            Reason.RETURNED: _("Rendu au donateur"),
            Reason.WRITTEN_OFF: _("Passé en perte"),
            Reason.PRICE_PAID: _("Prix solidaire payé"),
            Reason.PRICE_RETURNED: _("Prix solidaire rendu, passage annulé"),
            Reason.CORRECTED: _("Correction"),
            Reason.SENT: _("Envoyé à une autre antenne"),
            Reason.ARRIVED: _("Arrivé, ou revenu, dans une antenne"),
            Reason.FOUND: _("Retrouvé à l’inventaire"),
            Reason.EXCHANGED: _("Échangé à la remise contre un autre du même produit"),
        }[Reason(value)]
    )
