"""The visit form as data: a list of questions in the campaign's dated policy, and the check of its answers.

A question is `{id, label_fr, label_en, kind, options: [{code, label_fr, label_en}], required}`. Codes are
those of the national visit vocabulary of La Coop de la médiation numérique, so that a charity files once.
What a visit stores is `{id: code | [codes] | whole number | text}`: no name, and only what was answered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict
from voucher_service.ids import local_day
from voucher_service.partners.models import CampaignPolicy
from voucher_service.partners.policies import policy_on
from voucher_service.texts import clean_text

Question = Mapping[str, Any]

MAX_TEXT = 200
MAX_NUMBER = 100_000


class Kind(StrEnum):
    """How a question is answered."""

    CHOICE = "choice"  # one code
    CHOICES = "choices"  # a list of codes
    NUMBER = "number"  # a whole number, 0 or more
    TEXT = "text"  # a short line


def _question(question_id: str, french: str, english: str, kind: Kind, *options: tuple[str, str, str]) -> Question:
    return {
        "id": question_id,
        "label_fr": french,
        "label_en": english,
        "kind": kind.value,
        "options": [{"code": code, "label_fr": fr, "label_en": en} for code, fr, en in options],
        "required": False,
    }


DEFAULT_QUESTIONS: Sequence[Question] = (
    _question(
        "type_lieu",
        "Où ?",
        "Where?",
        Kind.CHOICE,
        ("lieu_activite", "À l’antenne", "At the branch"),
        ("domicile", "À domicile", "At home"),
        ("a_distance", "À distance", "Remotely"),
        ("autre", "Ailleurs", "Elsewhere"),
    ),
    _question(
        "autonomie",
        "Autonomie numérique",
        "Digital autonomy",
        Kind.CHOICE,
        ("entierement_accompagne", "Tout est à faire ensemble", "Everything together"),
        ("partiellement_autonome", "En partie seul·e", "Partly alone"),
        ("autonome", "Seul·e", "Alone"),
    ),
    _question(
        "materiel",
        "Matériel utilisé",
        "Equipment used",
        Kind.CHOICES,
        ("ordinateur", "Ordinateur", "Computer"),
        ("telephone", "Téléphone", "Phone"),
        ("tablette", "Tablette", "Tablet"),
        ("autre", "Autre", "Other"),
        ("aucun", "Aucun", "None"),
    ),
    _question(
        "thematiques",
        "De quoi a-t-on parlé ?",
        "What was it about?",
        Kind.CHOICES,
        ("prendre_en_main_du_materiel", "Prise en main du matériel", "First steps with the device"),
        ("navigation_sur_internet", "Navigation sur internet", "Using the internet"),
        ("email", "Courriel", "E-mail"),
        ("aide_aux_demarches_administratives", "Démarches en ligne", "Public services online"),
        ("social_sante", "Social et santé", "Welfare and health"),
        ("insertion_professionnelle", "Emploi", "Work"),
        ("securite_numerique", "Sécurité", "Security"),
        ("diagnostic_numerique", "Diagnostic numérique", "Digital diagnosis"),
    ),
    _question("duree", "Durée en minutes", "Minutes spent", Kind.NUMBER),
)
"""The form a campaign starts from, and the form of a visit outside any campaign."""


def tidy(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers without those left empty, texts with single spaces: the form that is stored."""
    kept = {name: " ".join(value.split()) if isinstance(value, str) else value for name, value in raw.items()}
    return {name: value for name, value in kept.items() if value is not None and value not in ("", [])}


def check_answers(questions: Sequence[Question], raw: Mapping[str, Any], *, required: bool = True) -> dict[str, Any]:
    """Return the answers, tidied, if they are answers to these questions.

    With `required=False` nothing is missing yet: what is there must still be right.

    Raises:
        BadInput: the field is `answers.<question id>`, the message names the question and the remedy.
    """
    answers = tidy(raw)
    known = {question["id"]: question for question in questions}
    for name in answers:
        if name not in known:
            raise BadInput("Cette question n’est pas dans le formulaire : rechargez la page.", field=_field(name))
    for name, question in known.items():
        if name in answers:
            answers[name] = _CHECKS[Kind(question["kind"])](question, answers[name])
        elif required and question["required"]:
            raise BadInput(
                "« {question} » : répondez à cette question.", field=_field(name), question=question["label_fr"]
            )
    return answers


def from_form(questions: Sequence[Question], sent: Callable[[str], list[str]]) -> dict[str, Any]:
    """Return what a page's form sent, as `check_answers` takes it; `sent` gives the values of a question's field."""
    found: dict[str, Any] = {}
    for question in questions:
        values = [value for value in sent(question["id"]) if value.strip()]
        if not values:
            continue
        one = values[0].strip()
        number = question["kind"] == Kind.NUMBER.value and one.isascii() and one.isdigit() and len(one) < 10
        found[question["id"]] = values if question["kind"] == Kind.CHOICES.value else int(one) if number else one
    return found


def in_language(questions: Sequence[Question], language: str) -> list[dict[str, Any]]:
    """Return the form in one language: `{id, label, kind, options: [{code, label}], required}`."""
    label = "label_en" if language == "en" else "label_fr"
    return [
        {
            "id": question["id"],
            "label": question[label],
            "kind": question["kind"],
            "required": bool(question["required"]),
            "options": [{"code": option["code"], "label": option[label]} for option in question["options"]],
        }
        for question in questions
    ]


class Forms:
    """The forms of one process: a copy is believed for a minute, for rules can be added on the day they begin."""

    _MOST = 500

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[UUID, date, int], Sequence[Question]] = {}
        self._required: tuple[int, bool] = (-1, False)

    def of(
        self, session: Session, campaign_id: UUID | None, now: datetime, *, at: datetime | None = None
    ) -> Sequence[Question]:
        """Return the form of the campaign today, or the default form outside any campaign.

        With `at` it is the form of that day, on which a visit was and its questions were asked; today's where the
        campaign had no rules yet.

        Raises:
            Conflict: `no_policy`.
        """
        if campaign_id is None:
            return DEFAULT_QUESTIONS
        day = local_day(at or now)
        key = (campaign_id, day, int(now.timestamp()) // 60)
        with self._lock:
            known = self._known.get(key)
        if known is not None:
            return known
        try:
            questions: Sequence[Question] = policy_on(session, campaign_id, day).questions
        except Conflict:
            if day == local_day(now):
                raise
            return self.of(session, campaign_id, now)
        with self._lock:
            if len(self._known) >= self._MOST:
                self._known.clear()
            self._known[key] = questions
        return questions

    def any_required(self, session: Session, now: datetime) -> bool:
        """Say whether any campaign's rules, past or present, ask a question that must be answered."""
        minute = int(now.timestamp()) // 60
        if self._required[0] != minute:
            forms = session.scalars(select(CampaignPolicy.questions))
            self._required = (minute, any(question["required"] for form in forms for question in form))
        return self._required[1]


def _field(name: str) -> str:
    return f"answers.{name[:60]}"


def _choice(question: Question, value: Any) -> str:
    for option in question["options"]:
        if value == option["code"]:
            return str(option["code"])
    raise BadInput(
        "« {question} » : choisissez une des réponses proposées.",
        field=_field(question["id"]),
        question=question["label_fr"],
    )


def _choices(question: Question, value: Any) -> list[str]:
    if not isinstance(value, list) or any(value.count(one) > 1 for one in value):
        raise BadInput(
            "« {question} » : choisissez chaque réponse une fois au plus.",
            field=_field(question["id"]),
            question=question["label_fr"],
        )
    return [_choice(question, one) for one in value]


def _number(question: Question, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_NUMBER:
        raise BadInput(
            "« {question} » : écrivez un nombre entier, en chiffres.",
            field=_field(question["id"]),
            question=question["label_fr"],
        )
    return value


def _text(question: Question, value: Any) -> str:
    if not isinstance(value, str):
        raise BadInput(
            "« {question} » : écrivez un texte.", field=_field(question["id"]), question=question["label_fr"]
        )
    return clean_text(value, field=_field(question["id"]), most=MAX_TEXT)


_CHECKS: dict[Kind, Callable[[Question, Any], Any]] = {
    Kind.CHOICE: _choice,
    Kind.CHOICES: _choices,
    Kind.NUMBER: _number,
    Kind.TEXT: _text,
}
