"""Reading what a caller sent: pydantic models from forms, JSON and query strings, faults named in French."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, TypeVar
from uuid import UUID

from flask import request
from flask_babel import gettext
from pydantic import BaseModel, BeforeValidator, ValidationError
from werkzeug.datastructures import MultiDict

from voucher_service import units
from voucher_service.errors import N_, BadInput, ServiceError
from voucher_service.ids import new_id
from voucher_service.units import Unit

M = TypeVar("M", bound=BaseModel)

KEY_FIELD = "key"
_OURS = {KEY_FIELD, "csrf_token"}

MOST_FAULTS = 100
_WORDS = {
    "missing": N_("Renseignez ce champ."),
    "extra_forbidden": N_("Ce champ n’existe pas ici : retirez-le."),
    "string_too_short": N_("Écrivez au moins {min_length} caractères."),
    "string_too_long": N_("Écrivez au plus {max_length} caractères."),
    "string_pattern_mismatch": N_("Ce texte n’a pas la forme attendue : vérifiez-le."),
    "string_type": N_("Écrivez un texte."),
    "greater_than": N_("Indiquez plus de {gt}."),
    "greater_than_equal": N_("Indiquez au moins {ge}."),
    "less_than": N_("Indiquez moins de {lt}."),
    "less_than_equal": N_("Indiquez au plus {le}."),
    "too_short": N_("Choisissez au moins {min_length} réponse(s)."),
    "too_long": N_("Choisissez au plus {max_length} réponse(s)."),
    "bool_parsing": N_("Répondez par oui ou par non."),
}
_BEGINNINGS = {
    "int_": N_("Écrivez un nombre entier, en chiffres."),
    "date_": N_("Écrivez une date, comme 2026-03-31."),
    "datetime_": N_("Écrivez une date et une heure, comme 2026-03-31T14:30:00Z."),
    "timezone_": N_("Ajoutez le fuseau horaire, comme 2026-03-31T14:30:00Z."),
    "uuid_": N_("Cet identifiant n’a pas la bonne forme : rechargez la page."),
    "enum": N_("Choisissez une des réponses proposées."),
    "literal_": N_("Choisissez une des réponses proposées."),
    "union_": N_("Choisissez une des réponses proposées."),
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


def said(error: ServiceError) -> str:
    """Return what the error says, in the language of this answer where the catalogue knows the sentence."""
    return error.said(gettext)


def faults_of(error: BadInput) -> dict[str, str]:
    """Return the faults of any wrong input as the `errors` mapping of the form macros."""
    return error.faults if isinstance(error, BadForm) else {error.field: said(error)}


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
    """Return `values` as `model`.

    Raises:
        BadForm: naming every wrong field. BadInput: there are too many to name (field `body`).
    """
    for name, value in values.items():
        if isinstance(value, str) and "\x00" in value:  # PostgreSQL keeps no such text
            raise BadForm({name: gettext("Ce texte contient un caractère interdit : écrivez-le à nouveau.")})
    try:
        return model.model_validate(values)
    except ValidationError as error:
        if error.error_count() > MOST_FAULTS:  # a fault for each of a hundred thousand would be an answer of megabytes
            told = N_("Plus de {most} valeurs ne conviennent pas : vérifiez la forme de la demande.")
            raise BadInput(told, field="body", most=MOST_FAULTS) from None
        faults: dict[str, str] = {}
        for fault in error.errors(include_url=False, include_input=False):
            name = ".".join(str(part) for part in fault["loc"]) or "body"
            faults.setdefault(name, _sentence(fault["type"], fault.get("ctx", {}), fault["msg"]))
        raise BadForm(faults) from None  # the chained error would quote what was typed


def _sentence(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind == "value_error":  # our own validators speak French themselves
        return str(gettext(message.removeprefix("Value error, ")))
    if kind in _WORDS:
        return str(gettext(_WORDS[kind])).format_map(context)
    other = N_("Cette valeur ne convient pas : vérifiez-la.")
    return str(gettext(next((words for start, words in _BEGINNINGS.items() if kind.startswith(start)), other)))


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
