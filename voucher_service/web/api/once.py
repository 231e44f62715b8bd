"""A request that writes is done once under its key: the answer is kept and given again."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from flask import Response, g, request
from pydantic import BaseModel
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput
from voucher_service.partners.api import answers
from voucher_service.partners.api.answers import Kept
from voucher_service.web import doors

P = ParamSpec("P")

_KEY = re.compile(r"[A-Za-z0-9_-]{8,200}")


def once(
    status: int, work: Callable[Concatenate[Session, P], BaseModel], *args: P.args, **kwargs: P.kwargs
) -> Response:
    """Do `work` in one transaction with the keeping of its answer; a known key gets the answer it got before.

    What fails writes nothing and keeps nothing: the same request may be tried again under its key.

    Raises:
        BadInput: the header is missing or no key. KeyReused, Conflict: see `answers.claim`.
    """
    key, holder, now = _key(), doors.key_holder(), doors.now()
    database = doors.services().database
    asked = answers.request_hash(request.method, request.path, request.query_string.decode("latin-1"), sent_body())
    partner_id = holder.partner_id
    known = database.run(answers.claim, partner_id=partner_id, key=key, asked=asked, now=now)
    if known is not None:
        return _response(known, replayed=True)

    def work_and_keep(session: Session) -> Kept:
        answer = Kept(status, work(session, *args, **kwargs).model_dump_json())
        answers.keep(session, partner_id=partner_id, key=key, answer=answer)
        return answer

    try:
        return _response(database.run(work_and_keep), replayed=False)
    except Exception:
        # Nothing was written, else its answer stands beside it and is not released.
        database.run(answers.release, partner_id=partner_id, key=key)
        raise


def sent_body() -> bytes:
    """Return the body of the request. A large one goes through the disk, so that it stands in memory once.

    JSON may have been read by the view already, which leaves nothing in the stream: it is small, and was kept.
    """
    if request.is_json:
        return request.get_data(cache=True)
    if "body" not in g:
        with tempfile.SpooledTemporaryFile(2**20) as file:
            shutil.copyfileobj(request.stream, file, 2**18)
            file.seek(0)
            g.body = file.read()
    body: bytes = g.body
    return body


def _key() -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not _KEY.fullmatch(key):
        raise BadInput(
            "Donnez à chaque demande sa clé : « Idempotency-Key », 8 à 200 lettres, chiffres, - ou _.",
            field="Idempotency-Key",
        )
    return key


def _response(kept: Kept, *, replayed: bool) -> Response:
    response = Response(kept.body, kept.status, content_type="application/json")
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response
