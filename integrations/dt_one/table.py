"""What DT One's answers mean: data, from its published lists of error codes and of states.

Decisions go by a state's class; the state itself only tells who must act. A transaction that was rejected has
used up our reference, so none of these may simply be sent again.
"""

from __future__ import annotations

from typing import Final

from integrations.answers import Refusals, States
from voucher_service.fulfilment.abilities import RecordState
from voucher_service.fulfilment.providers import ErrorClass

SUBMIT: Final = "submit"
CONFIRM: Final = "confirm"

REFUSALS: Final[Refusals] = {
    (SUBMIT, 400, "1000400"): ErrorClass.PARTNER_PRECONDITION,  # not understood: the connection is set up wrongly
    (SUBMIT, 401, "1000401"): ErrorClass.PARTNER_PRECONDITION,
    (SUBMIT, 429, "1000429"): ErrorClass.TRANSIENT_BEFORE_SEND,
    (SUBMIT, 404, "1003001"): ErrorClass.REFUSED_FINAL,  # a product that is not sold to us
    (SUBMIT, 400, "1003002"): ErrorClass.REFUSED_FINAL,
    (SUBMIT, 400, "1003003"): ErrorClass.REFUSED_FINAL,
    (SUBMIT, 400, "1005003"): ErrorClass.BENEFICIARY,
    (SUBMIT, 404, "1005006"): ErrorClass.BENEFICIARY,
    (SUBMIT, 400, "1006001"): ErrorClass.PARTNER_PRECONDITION,
    (SUBMIT, 404, "1006009"): ErrorClass.PARTNER_PRECONDITION,
    (SUBMIT, 400, "1006503"): ErrorClass.BENEFICIARY,
    (SUBMIT, 400, "1007001"): ErrorClass.DUPLICATE,
    (SUBMIT, 500, "1009001"): ErrorClass.UNKNOWN,
    (SUBMIT, 503, "1009503"): ErrorClass.UNKNOWN,
    (CONFIRM, 404, "1008004"): ErrorClass.REFUSED_FINAL,
    (CONFIRM, 400, "1007005"): ErrorClass.REFUSED_FINAL,
    (CONFIRM, 400, "1006001"): ErrorClass.PARTNER_PRECONDITION,
    (CONFIRM, 401, "1000401"): ErrorClass.PARTNER_PRECONDITION,
}

ALREADY_CONFIRMED: Final = "1007002"

NEVER_HAPPENED: Final = {(404, "1008004"), (400, "1007005")}
"""Answers to a cancellation after which nothing of the order remains."""

TOO_LATE: Final = {(400, "1007007"), (400, "1007500")}
"""Answers to a cancellation that will not change: it can no longer, or never, be cancelled there."""

CLASSES: Final[States] = {
    "CREATED": RecordState.PENDING,
    "CONFIRMED": RecordState.PENDING,
    "SUBMITTED": RecordState.PENDING,
    "COMPLETED": RecordState.DELIVERED,
    "REJECTED": RecordState.REFUSED,
    "DECLINED": RecordState.REFUSED,
    "CANCELLED": RecordState.REFUSED,
    "REVERSED": RecordState.REVERSED,
}

_BENEFICIARY: Final = (
    "INVALID-CREDIT-PARTY",
    "BARRED-CREDIT-PARTY",
    "INELIGIBLE-CREDIT-PARTY",
    "LIMITATIONS-ON-CREDIT-PARTY-AMOUNT",
    "LIMITATIONS-ON-CREDIT-PARTY-QUANTITY",
)
_PRECONDITION: Final = (
    "INSUFFICIENT-BALANCE",
    "LIMITATIONS-ON-CUSTOMER-AMOUNT",
    "LIMITATIONS-ON-CUSTOMER-QUANTITY",
)

FAILURES: Final = {
    f"{party}-{reason}": error_class
    for party in ("REJECTED", "DECLINED")
    for reasons, error_class in (
        (_BENEFICIARY, ErrorClass.BENEFICIARY),
        (_PRECONDITION, ErrorClass.PARTNER_PRECONDITION),
        (("DUPLICATED-TRANSACTION",), ErrorClass.DUPLICATE),
    )
    for reason in reasons
}
"""Who must act on a state of a failed class; the others are final."""
