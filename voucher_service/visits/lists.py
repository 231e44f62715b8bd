"""What screens list of visits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from voucher_service.visits.models import Visit
from voucher_service.visits.questions import Question, in_language


def visits_query(
    *,
    branch_id: int | None = None,
    person_id: UUID | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
) -> Select[Visit]:
    """Return the query for visits, from `since` to before `before`."""
    query = select(Visit)
    if branch_id is not None:
        query = query.where(Visit.branch_id == branch_id)
    if person_id is not None:
        query = query.where(Visit.person_id == person_id)
    if since is not None:
        query = query.where(Visit.occurred_at >= since)
    if before is not None:
        query = query.where(Visit.occurred_at < before)
    return query


def answers_in_words(questions: Sequence[Question], answers: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    """Return (question, answer) in the words of the form; a code the form does not know stands as it is."""
    told = []
    form = {one["id"]: one for one in in_language(questions, language)}
    for question_id, value in answers.items():
        question = form.get(question_id, {"label": question_id, "options": []})
        labels = {option["code"]: option["label"] for option in question["options"]}
        values = value if isinstance(value, list) else [value]
        told.append((str(question["label"]), ", ".join(str(labels.get(one, one)) for one in values)))
    return told
