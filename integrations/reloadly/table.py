"""What Reloadly's answers mean: data. Sources: its OpenAPI description and SDK, and a year of someone's production.

A code is listed only if its meaning is certain. CANNOT_BE_PROCESSED is not: it is said of orders that were not
taken and of some that were, so the order is asked about. Both the long and the short names of a code occur.
"""

from __future__ import annotations

from typing import Final

from integrations.answers import Refusals, States
from voucher_service.fulfilment.abilities import RecordState
from voucher_service.fulfilment.providers import ErrorClass

SUBMIT: Final = "submit"

_BY_CLASS: Final = {
    ErrorClass.PARTNER_PRECONDITION: {
        (400, "INSUFFICIENT_BALANCE"),
        (400, "INACTIVE_ACCOUNT"),
        (400, "AUTH_ERROR"),
        (401, "AUTH_ERROR"),
        (401, "INVALID_CREDENTIALS"),
        (401, "INACTIVE_ACCOUNT"),
        (403, "AUTH_ERROR"),
        (403, "INACTIVE_ACCOUNT"),
    },
    ErrorClass.BENEFICIARY: {
        (400, "PHONE_RECENTLY_RECHARGED"),
        (400, "COULD_NOT_AUTO_DETECT_OPERATOR"),
        (404, "COULD_NOT_AUTO_DETECT_OPERATOR"),
        (400, "OPERATOR_NOT_FOUND"),
        (404, "OPERATOR_NOT_FOUND"),
        (400, "INVALID_RECIPIENT_PHONE"),
        (400, "INVALID_PHONE_NUMBER"),
        (400, "COUNTRY_NOT_SUPPORTED"),
        (400, "PHONE_BANNED_BY_OPERATOR"),
        (400, "RECIPIENT_PHONE_INACTIVE"),
        (400, "RECIPIENT_HAS_PENDING"),
        (400, "RECIPIENT_REACHED_MAX_TOPUP_NUMBER"),
        (400, "INVALID_AMOUNT_FOR_RECIPIENT_PHONE"),
    },
    ErrorClass.REFUSED_FINAL: {
        (400, "INVALID_AMOUNT"),
        (400, "INVALID_AMOUNT_FOR_OPERATOR"),
        (400, "IMPOSSIBLE_AMOUNT"),
        (400, "FAILED_ON_OPERATOR"),
        (400, "TRANSACTION_REJECTED_BY_OPERATOR"),
        (400, "TRANSACTION_REFUSED_BY_OPERATOR"),
    },
    ErrorClass.TRANSIENT_BEFORE_SEND: {
        (400, "OPERATOR_UNAVAILABLE"),
        (400, "OPERATOR_UNAVAILABLE_OR_CURRENTLY_INACTIVE"),
        (401, "INVALID_TOKEN"),
        (401, "TOKEN_EXPIRED"),
    },
    ErrorClass.DUPLICATE: {(400, "CUSTOM_IDENTIFIER_ALREADY_USED")},
    ErrorClass.UNKNOWN: {
        (400, "CANNOT_BE_PROCESSED"),
        (400, "TRANSACTION_CANNOT_BE_PROCESSED_AT_THE_MOMENT"),
        (500, "FAILED_ON_OPERATOR"),
    },
}

REFUSALS: Final[Refusals] = {
    (SUBMIT, status, code): error_class for error_class, codes in _BY_CLASS.items() for status, code in codes
}

TOKEN_CODES: Final = {"INVALID_TOKEN", "TOKEN_EXPIRED"}

STATES: Final[States] = {
    "PROCESSING": RecordState.PENDING,
    "SUCCESSFUL": RecordState.DELIVERED,
    "FAILED": RecordState.REFUSED,
    "REFUNDED": RecordState.REVERSED,
}

FAILURES: Final = {code: error_class for (_, status, code), error_class in REFUSALS.items() if status == 400}
"""The class of a transaction that FAILED, by the code beside its state."""
