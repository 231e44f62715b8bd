"""The visit form: what an answer may be, and that nothing else passes."""

from __future__ import annotations

from typing import Any

import pytest

from voucher_service.errors import BadInput
from voucher_service.visits.questions import DEFAULT_QUESTIONS, check_answers, from_form, in_language

TEXT = {"id": "besoin", "label_fr": "Besoin", "label_en": "Need", "kind": "text", "options": [], "required": False}
QUESTIONS = [*DEFAULT_QUESTIONS, TEXT]


def test_answers_are_kept_as_codes_and_the_empty_ones_left_out() -> None:
    raw = {
        "type_lieu": "domicile",
        "materiel": ["telephone"],
        "thematiques": [],
        "duree": 0,
        "besoin": "  une\u00a0carte   SIM ",
        "autonomie": None,
    }
    assert check_answers(QUESTIONS, raw) == {
        "type_lieu": "domicile",
        "materiel": ["telephone"],
        "duree": 0,
        "besoin": "une carte SIM",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type_lieu", "mairie"),
        ("type_lieu", ["domicile"]),
        ("type_lieu", True),
        ("materiel", "telephone"),
        ("materiel", ["telephone", "telephone"]),
        ("materiel", [{"a": 1}]),
        ("duree", "20"),
        ("duree", -1),
        ("duree", 1.5),
        ("duree", True),
        ("duree", 10**9),
        ("besoin", 3),
        ("besoin", "x" * 201),
        ("nom", "Amina"),
    ],
)
def test_a_wrong_answer_names_its_question(name: str, value: Any) -> None:
    with pytest.raises(BadInput) as refusal:
        check_answers(QUESTIONS, {name: value})
    assert refusal.value.field == f"answers.{name}"


def test_a_required_question_waits_only_when_asked_to() -> None:
    required = [{**TEXT, "required": True}]
    with pytest.raises(BadInput, match="« Besoin »"):
        check_answers(required, {"besoin": "  "})
    assert check_answers(required, {}, required=False) == {}


def test_a_form_is_read_as_the_program_would_write_it() -> None:
    sent = {"type_lieu": ["autre"], "materiel": ["aucun", "autre"], "duree": [" 25 "], "besoin": [""], "x": ["y"]}
    answers = from_form(QUESTIONS, lambda name: sent.get(name, []))
    assert answers == {"type_lieu": "autre", "materiel": ["aucun", "autre"], "duree": 25}
    assert check_answers(QUESTIONS, answers) == answers
    assert from_form(QUESTIONS, lambda name: ["vingt"] if name == "duree" else []) == {"duree": "vingt"}


def test_every_question_speaks_both_languages() -> None:
    french, english = in_language(QUESTIONS, "fr"), in_language(QUESTIONS, "en")
    assert [question["id"] for question in french] == [question["id"] for question in english]
    labels = [
        label
        for question in (*french, *english)
        for label in (question["label"], *(option["label"] for option in question["options"]))
    ]
    assert all(labels)
    assert [question["label"] for question in french] != [question["label"] for question in english]
