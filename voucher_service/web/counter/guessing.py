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
    if is_typed(code):
        throttle, account = doors.throttle(), str(doors.current_staff().id)
        throttle.check(PER_QUARTER, account)
        throttle.check(PER_DAY, account)
        throttle.check(EVERYONE, "all")


def count_guess(code: str, outcome: Outcome | None) -> None:
    """Count a typed code that was wrong."""
    if outcome not in WRONG or not is_typed(code):
        return
    throttle, account = doors.throttle(), str(doors.current_staff().id)
    digits = "".join(character for character in code if character.isdecimal())
    try:
        throttle.spend(SAME_AGAIN, account, digits)
        for rule, key in ((PER_QUARTER, account), (PER_DAY, account), (EVERYONE, "all")):
            throttle.spend(rule, key)
    except TooManyTries:
        return  # this one is answered, for it may be recorded already: `check_guessing` refuses the next
