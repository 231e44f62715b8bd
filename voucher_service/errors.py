"""The errors a caller can meet, as one tree.

    ServiceError (status, code)          anything we tell a caller plainly
    ├─ BadInput            422           a field is wrong: names it and the remedy
    ├─ BadFile             422           a file is rejected whole: names line and column
    ├─ NotSignedIn         401           sign in first (again)
    ├─ NotAllowed          403           this person may not do this here
    ├─ NotFound            404           no such thing, or not yours to see
    │  └─ Erased           404           there was a person here; what we knew is destroyed
    ├─ Conflict            409           the state of things does not allow it (any more)
    │  └─ SecondPersonNeeded 409         another person must agree first
    ├─ KeyReused           422           an idempotency key came back with another request
    ├─ TooManyTries        429           wait, then try again
    └─ NotReady            503           a part we need is missing; nothing was recorded

A refusal at the counter is *not* an error: it is a recorded outcome (see `voucher_service.visits.outcomes`).
Codes are stable and documented in docs/errors.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

Translate = Callable[[str], str]


def N_(text: str) -> str:  # noqa: N802  # the name by which catalogues find texts translated later
    """Mark a text for translation where it is shown."""
    return text


class ServiceError(Exception):
    """Something we tell the caller plainly. `str(error)` is a sentence with the next step, in French.

    A sentence with values keeps them apart, so that a door finds it in the catalogue of another language:
    `Conflict("Il reste {left} bons.", left=3)`.
    """

    status: ClassVar[int] = 400
    code: str = "service_error"

    def __init__(self, message: str, *, code: str | None = None, **values: Any) -> None:
        super().__init__(message)
        self.message = message
        self.values: dict[str, Any] = values
        if code is not None:
            self.code = code

    def said(self, translate: Translate = str) -> str:
        """Return the sentence as `translate` says it."""
        words = translate(self.message)
        return words.format_map(self.values) if self.values else words

    def __str__(self) -> str:
        return self.said()


class BadInput(ServiceError):
    """A field is wrong. `field` is the name the caller used."""

    status = 422
    code = "bad_input"

    def __init__(self, message: str, *, field: str, code: str | None = None, **values: Any) -> None:
        super().__init__(message, code=code, **values)
        self.field = field


class BadFile(ServiceError):
    """A file is rejected whole. `line` counts from 1; `column` is its name or number, where known."""

    status = 422
    code = "bad_file"

    def __init__(self, message: str, *, line: int, column: str = "", code: str | None = None, **values: Any) -> None:
        super().__init__(message, code=code, **values)
        self.line = line
        self.column = column

    def said(self, translate: Translate = str) -> str:
        """Return the place and the sentence as `translate` says them."""
        place = N_("ligne {line}, colonne {column} : ") if self.column else N_("ligne {line} : ")
        return translate(place).format(line=self.line, column=self.column) + super().said(translate)


class NotSignedIn(ServiceError):
    """Nobody is signed in, or the session has ended."""

    status = 401
    code = "not_signed_in"


class NotAllowed(ServiceError):
    """This person may not do this here."""

    status = 403
    code = "not_allowed"


class NotFound(ServiceError):
    """No such thing, or not the caller's to see: the answer is the same on purpose."""

    status = 404
    code = "not_found"


class Erased(NotFound):
    """The person was erased: the reference stays for the accounts, nothing personal can be read again."""

    code = "person_erased"


class Conflict(ServiceError):
    """The state of things does not allow it (any more)."""

    status = 409
    code = "conflict"


class SecondPersonNeeded(Conflict):
    """The person who asked cannot be the one who agrees."""

    code = "second_person_needed"


class KeyReused(ServiceError):
    """An idempotency key came back with another request: the first answer stands."""

    status = 422
    code = "idempotency_key_reused"


class TooManyTries(ServiceError):
    """Too many tries in a short time. `retry_after` is in seconds."""

    status = 429
    code = "too_many_tries"

    def __init__(self, message: str, *, retry_after: int, **values: Any) -> None:
        super().__init__(message, **values)
        self.retry_after = retry_after


class NotReady(ServiceError):
    """A part we need is missing or busy; nothing was recorded, try again."""

    status = 503
    code = "not_ready"
