"""Typed codes can be guessed, so wrong ones are counted. Signed codes cannot, and are never limited."""

from __future__ import annotations

from voucher_service.errors import TooManyTries
from voucher_service.visits.outcomes import Outcome
from voucher_service.visits.present import is_typed
from voucher_service.web import doors

PER_QUARTER = doors.Rule("typed-quarter", tries=5, seconds=900)
PER_DAY = doors.Rule("typed-day", tries=30, seconds=86_400)
EVERYONE = doors.Rule("typed-everyone", tries=60, seconds=60)  # one a second in the whole programme
# Looking at a wrong code, then recording it, is one guess: the same digits again teach nothing new.
SAME_AGAIN = doors.Rule("typed-same", tries=1, seconds=900)
WRONG = {Outcome.MISTYPED, Outcome.UNKNOWN_TYPED}


def check_guessing(code: str) -> None:
    """Let a signed code pass; raise TooManyTries for a typed one after too many wrong ones."""
    if not is_typed(code):
        return
    throttle, account = doors.throttle(), _account()
    try:
        throttle.check(SAME_AGAIN, account, _digits(code))
    except TooManyTries:
        return  # counted a moment ago
    for rule in (PER_QUARTER, PER_DAY):
        throttle.check(rule, account)
    throttle.check(EVERYONE, "all")


def count_guess(code: str, outcome: Outcome | None) -> None:
    """Count a typed code that was wrong. It is answered all the same: `check_guessing` refuses the next."""
    if outcome not in WRONG or not is_typed(code):
        return
    throttle, account = doors.throttle(), _account()
    try:
        throttle.spend(SAME_AGAIN, account, _digits(code))
        for rule, key in ((PER_QUARTER, account), (PER_DAY, account), (EVERYONE, "all")):
            throttle.spend(rule, key)
    except TooManyTries:
        return


def _account() -> str:
    return str(doors.current_staff().id)


def _digits(code: str) -> str:
    return "".join(character for character in code if character.isdecimal())
