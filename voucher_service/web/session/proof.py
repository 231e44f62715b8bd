"""Showing one's password again before one's ways of signing in are changed: a session left open is not enough."""

from __future__ import annotations

from typing import Final

from flask_babel import gettext as _

from voucher_service.errors import BadInput
from voucher_service.staff import accounts
from voucher_service.web import doors

# An account has five tries.
PER_ACCOUNT: Final = doors.Rule("sign-in-account", tries=5, seconds=900)
PROVED: Final = "passkey"
"""Where the cookie keeps the challenge that waits for its answer, in hex."""


def check_own_password(staff: doors.SignedIn, password: str) -> None:
    """Refuse what is not the password of who is signed in.

    Raises:
        BadInput: `current_password`. TooManyTries.
    """
    doors.throttle().spend(PER_ACCOUNT, staff.login)  # counted before the check: many at once gain nothing
    with doors.services().database.read() as database:
        known = accounts.authenticate(database, staff.login, password)
    if known is None:
        raise BadInput(_("Ce n’est pas votre mot de passe actuel."), field="current_password")
    doors.throttle().forgive(PER_ACCOUNT, staff.login)
