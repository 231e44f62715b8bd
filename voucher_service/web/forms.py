"""Reading what a caller sent: pydantic models from forms, JSON and query strings, faults named in French."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, TypeVar
from uuid import UUID

from flask import request
from pydantic import BaseModel, BeforeValidator, ValidationError
from werkzeug.datastructures import MultiDict

from voucher_service import units
from voucher_service.errors import BadInput
from voucher_service.ids import new_id
from voucher_service.units import Unit

M = TypeVar("M", bound=BaseModel)

KEY_FIELD = "key"
_OURS = {KEY_FIELD, "csrf_token"}

_WORDS = {
    "missing": "Renseignez ce champ.",
    "extra_forbidden": "Ce champ n’existe pas ici : retirez-le.",
    "string_too_short": "Écrivez au moins {min_length} caractères.",
    "string_too_long": "Écrivez au plus {max_length} caractères.",
    "string_pattern_mismatch": "Ce texte n’a pas la forme attendue : vérifiez-le.",
    "string_type": "Écrivez un texte.",
    "greater_than": "Indiquez plus de {gt}.",
    "greater_than_equal": "Indiquez au moins {ge}.",
    "less_than": "Indiquez moins de {lt}.",
    "less_than_equal": "Indiquez au plus {le}.",
    "too_short": "Choisissez au moins {min_length} réponse(s).",
    "too_long": "Choisissez au plus {max_length} réponse(s).",
    "bool_parsing": "Répondez par oui ou par non.",
}
_BEGINNINGS = {
    "int_": "Écrivez un nombre entier, en chiffres.",
    "date_": "Écrivez une date, comme 2026-03-31.",
    "datetime_": "Écrivez une date et une heure, comme 2026-03-31T14:30:00Z.",
    "timezone_": "Ajoutez le fuseau horaire, comme 2026-03-31T14:30:00Z.",
    "uuid_": "Cet identifiant n’a pas la bonne forme : rechargez la page.",
    "enum": "Choisissez une des réponses proposées.",
    "literal_": "Choisissez une des réponses proposées.",
    "union_": "Choisissez une des réponses proposées.",
}


def _cents(value: object) -> object:
    return units.parse(value, Unit.EUR_CENT) if isinstance(value, str) else value


Cents = Annotated[int, BeforeValidator(_cents)]
"""Money in a form: "12,50" typed is 1250 cents. Never a float."""


class BadForm(BadInput):
    """Several fields may be wrong: `faults` maps each to one sentence, for the form to show again."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        field, message = next(iter(faults.items()))
        super().__init__(message, field=field)
        self.faults = dict(faults)


def faults_of(error: BadInput) -> dict[str, str]:
    """Return the faults of any wrong input as the `errors` mapping of the form macros."""
    return error.faults if isinstance(error, BadForm) else {error.field: str(error)}


def read_quantity(text: str, unit: Unit, *, field: str) -> int:
    """Return a quantity of `unit` that a person typed, in its smallest piece. Raises BadInput naming `field`."""
    try:
        return units.parse(text, unit)
    except ValueError as error:
        raise BadInput(str(error), field=field) from None


def read_form(model: type[M]) -> M:
    """Return the request's JSON object or form as `model`. An empty form field counts as absent.

    Raises:
        BadForm: naming every field that is wrong.
        BadInput: the JSON is not an object (field `body`).
    """
    if not request.is_json:
        return parse(model, _plain(model, request.form))
    try:
        body = request.get_json()
    except RecursionError:
        body = None  # nested thousands deep: nobody of ours sends that
    if not isinstance(body, dict):
        raise BadInput("Envoyez un objet JSON.", field="body")
    return parse(model, body)


def read_query(model: type[M]) -> M:
    """Return the query string as `model`. Raises BadForm."""
    return parse(model, _plain(model, request.args))


def parse(model: type[M], values: Mapping[str, Any]) -> M:
    """Return `values` as `model`. Raises BadForm naming every wrong field."""
    for name, value in values.items():
        if isinstance(value, str) and "\x00" in value:  # PostgreSQL keeps no such text
            raise BadForm({name: "Ce texte contient un caractère interdit : écrivez-le à nouveau."})
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults: dict[str, str] = {}
        for fault in error.errors(include_url=False, include_input=False):
            name = ".".join(str(part) for part in fault["loc"]) or "body"
            faults.setdefault(name, _sentence(fault["type"], fault.get("ctx", {}), fault["msg"]))
        raise BadForm(faults) from None  # the chained error would quote what was typed


def _sentence(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind == "value_error":  # our own validators speak French themselves
        return message.removeprefix("Value error, ")
    if kind in _WORDS:
        return _WORDS[kind].format_map(context)
    return next(
        (words for start, words in _BEGINNINGS.items() if kind.startswith(start)),
        "Cette valeur ne convient pas : vérifiez-la.",
    )


def _plain(model: type[BaseModel], sent: MultiDict[str, str]) -> dict[str, Any]:
    """Return the fields of a form: lists where the model wants lists, nothing where nothing was written."""
    values: dict[str, Any] = {}
    many = {field.alias or name for name, field in model.model_fields.items() if _is_many(field.annotation)}
    for name in sent:
        if name in many:
            values[name] = [item for item in sent.getlist(name) if item]
        elif name not in _OURS or name in model.model_fields:
            value = sent[name].strip() if "password" not in name else sent[name]
            if value:
                values[name] = value
    return values


def _is_many(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    if origin is typing.Union or origin is UnionType:
        return any(_is_many(part) for part in typing.get_args(annotation))
    return isinstance(origin, type) and issubclass(origin, (Sequence, set, frozenset))


def client_key() -> UUID:
    """Return the key the caller made for this act, so that sending twice does it once.

    From the header `Idempotency-Key`, else the hidden field `key` (`fresh_key()` in the template).

    Raises:
        BadInput: there is none, or it is not a UUID.
    """
    text = request.headers.get("Idempotency-Key") or request.form.get(KEY_FIELD, "")
    try:
        return UUID(text)
    except ValueError:
        raise BadInput("Il manque la clé de la demande : rechargez la page.", field=KEY_FIELD) from None


def fresh_key() -> str:
    """Return a new key for the hidden field `key` of a form."""
    return str(new_id())
