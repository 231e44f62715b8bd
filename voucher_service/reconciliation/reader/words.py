"""The words partners use in their statements, and what they mean here. Data, not code; imports no tables.

Names are compared after `plain`: without accents, case or punctuation. The order of names matters: where a
file has two columns for one field (a date of creation and one of delivery), the name that stands first wins.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from enum import StrEnum

from voucher_service.units import Unit


class Field(StrEnum):
    """A field of a canonical line."""

    LINE = "line"
    OUR_REF = "our_ref"
    PARTNER_REF = "partner_ref"
    SERIAL = "serial"
    STATUS = "status"
    QUANTITY = "quantity"
    UNIT = "unit"
    EVENT_AT = "event_at"
    COUNT = "count"
    PRODUCT = "product"
    NUMBER = "number"
    COST = "cost"


class LineStatus(StrEnum):
    """What the partner says became of a top-up."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    REVERSED = "reversed"


_NO_WORD = re.compile(r"[^a-z0-9]+")


def plain(text: str) -> str:
    """Return `text` in lower case ASCII words: `plain("N° de Série (€)")` is "n de serie eur"."""
    if text.isascii():  # most cells are, and a file may hold many long ones
        return _NO_WORD.sub(" ", text.lower()).strip()
    apart = unicodedata.normalize("NFKD", text.casefold().replace("€", " eur "))
    kept = "".join(c if c.isascii() and c.isalnum() else " " for c in apart if not unicodedata.combining(c))
    return " ".join(kept.split())


COLUMNS: dict[Field, tuple[str, ...]] = {
    Field.LINE: ("line", "ligne", "line number", "numero de ligne", "no ligne", "n ligne", "sequence",
                 "rang"),
    Field.OUR_REF: (
        "our ref", "our reference", "reference client", "ref client", "votre reference", "custom identifier",
        "customidentifier", "external id", "client reference", "customer reference", "reference commande",
    ),
    Field.PARTNER_REF: (
        "partner ref", "partner reference", "transaction id", "transactionid", "id transaction",
        "identifiant transaction", "numero de transaction", "n de transaction", "no de transaction",
        "reference operateur", "ref operateur",
        "operator reference", "operator transaction id", "notre reference",
    ),
    Field.SERIAL: (
        "serial", "serial number", "serie", "numero de serie", "n de serie", "no de serie",
        "no serie", "n serie",
    ),
    Field.STATUS: ("status", "statut", "etat", "state", "resultat", "result"),
    Field.QUANTITY: (
        "quantity", "quantite", "montant", "amount", "volume", "valeur", "value",
        # these name their unit as well, see QUANTITY_UNITS
        "montant eur", "montant en euros", "montant euros", "amount eur", "montant ttc eur", "amount cents",
        "montant centimes", "montant en centimes", "volume mo", "volume mb", "quantite mo", "data mb",
    ),
    Field.UNIT: ("unit", "unite", "units", "devise", "currency"),
    Field.EVENT_AT: (
        "event at", "delivered at", "date de livraison", "completed at", "completion date", "date execution",
        "date d execution", "event date", "date heure", "date et heure", "horodatage", "timestamp", "date",
        "date operation", "date d operation", "transaction date", "date transaction", "date de transaction",
        "created at", "date de creation",
    ),
    # Of lines that sum up a day. A bare "nombre" could be anything: a person says so in the settings.
    Field.COUNT: ("nombre de recharges", "nb recharges", "nb de recharges", "nombre de transactions",
                  "number of topups", "topup count", "transaction count"),
    Field.PRODUCT: ("code produit", "product code", "sku"),
    # The telephone that was topped up. "numéro" and "numéro de ligne" alone may count lines: see `look.telephones`.
    Field.NUMBER: (
        "msisdn", "numero de telephone", "n de telephone", "no de telephone", "numero telephone", "telephone",
        "telephone beneficiaire", "numero beneficiaire", "numero du beneficiaire", "msisdn beneficiaire",
        "numero mobile", "numero de mobile", "ligne mobile", "numero appele", "numero recharge", "mobile",
        "phone number", "telephone number", "mobile number", "phone", "beneficiary number", "beneficiary msisdn",
        "recipient phone", "recipient number", "credit party identifier",
    ),
    # What the operator counts for the line, in euros unless the name says cents.
    Field.COST: (
        "cout", "cost", "cout eur", "cost eur", "cout facture", "cout operateur", "montant facture", "prix facture",
        "cost price", "wholesale price", "wholesale cost", "cout centimes", "cout en centimes", "cost cents",
    ),
}  # fmt: skip

REQUIRED = (Field.STATUS, Field.QUANTITY, Field.EVENT_AT)
REFERENCES = (Field.OUR_REF, Field.PARTNER_REF, Field.SERIAL)
POINTERS = (*REFERENCES, Field.COUNT, Field.NUMBER)
"""What says which orders a line may stand for: a reference, that it counts those of a day, or a telephone number.

By its number alone no line is matched: a person does it, with what is suggested.
"""

FIELD_NAMES: dict[Field, str] = {
    Field.LINE: "ligne",
    Field.OUR_REF: "référence client",
    Field.PARTNER_REF: "identifiant transaction",
    Field.SERIAL: "numéro de série",
    Field.STATUS: "statut",
    Field.QUANTITY: "quantité",
    Field.UNIT: "unité",
    Field.EVENT_AT: "date",
    Field.COUNT: "nombre de recharges",
    Field.PRODUCT: "code produit",
    Field.NUMBER: "numéro de téléphone",
    Field.COST: "coût",
}

BY_NAME: dict[str, tuple[Field, int]] = {
    name: (field, rank) for field, names in COLUMNS.items() for rank, name in enumerate(names)
}

STATUSES: dict[str, LineStatus] = {
    word: status
    for status, words in {
        LineStatus.DELIVERED: (
            "delivered", "success", "successful", "succeeded", "completed", "complete", "ok", "done", "used",
            "livre", "livree", "delivre", "delivree", "reussi", "reussie", "succes", "effectue", "effectuee",
            "termine", "terminee", "utilise", "utilisee", "active", "activee",
        ),
        LineStatus.REFUSED: (
            "refused", "rejected", "declined", "failed", "failure", "cancelled", "canceled", "ko",
            "refuse", "refusee", "refus", "rejete", "rejetee", "rejet", "echec", "echoue", "echouee", "annule",
            "annulee",
        ),
        LineStatus.REVERSED: (
            "reversed", "refunded", "charged back", "rembourse", "remboursee", "extourne", "extournee",
            "contrepasse", "contrepassee", "annule apres livraison", "annulee apres livraison",
        ),
    }.items()
    for word in words
}  # fmt: skip

Scale = tuple[Unit, Decimal]
"""A unit of account, and how many of its pieces one of the partner's units is worth."""

_EURO: Scale = (Unit.EUR_CENT, Decimal(100))
_CENT: Scale = (Unit.EUR_CENT, Decimal(1))
_MEGABYTE: Scale = (Unit.MEGABYTE, Decimal(1))
_GIGABYTE: Scale = (Unit.MEGABYTE, Decimal(1000))
_MINUTE: Scale = (Unit.MINUTE, Decimal(1))
_PIECE: Scale = (Unit.PIECE, Decimal(1))

UNITS: dict[str, Scale] = {
    "eur": _EURO, "euro": _EURO, "euros": _EURO,
    "eur cent": _CENT, "cent": _CENT, "cents": _CENT, "centime": _CENT, "centimes": _CENT,
    "mo": _MEGABYTE, "mb": _MEGABYTE, "megabyte": _MEGABYTE, "megaoctet": _MEGABYTE, "megaoctets": _MEGABYTE,
    "go": _GIGABYTE, "gb": _GIGABYTE,
    "minute": _MINUTE, "minutes": _MINUTE, "min": _MINUTE,
    "sms": (Unit.SMS, Decimal(1)),
    "piece": _PIECE, "pieces": _PIECE, "unite": _PIECE,
}  # fmt: skip

QUANTITY_UNITS: dict[str, Scale] = {
    "montant eur": _EURO, "montant en euros": _EURO, "montant euros": _EURO, "amount eur": _EURO,
    "montant ttc eur": _EURO, "amount cents": _CENT, "montant centimes": _CENT, "montant en centimes": _CENT,
    "volume mo": _MEGABYTE, "volume mb": _MEGABYTE, "quantite mo": _MEGABYTE, "data mb": _MEGABYTE,
}  # fmt: skip

BALANCES = frozenset({"solde", "soldes", "balance"})
TRAILER = frozenset(
    {
        "total", "totals", "totaux", "total general", "grand total", "total eur", "total ttc", "total ht", "trailer",
        "fin", "end", "eof",
    }
)  # fmt: skip
