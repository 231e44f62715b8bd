"""Make the requests of one operation, and ask each of them as everyone.

Making a request costs more than answering it, so each is made once: from the examples of the description, from its
bounds (schemathesis calls it coverage), and by chance, half of it allowed by the description and half not.
"""

from __future__ import annotations

import re
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.generation.drivers import CoverageGenerator, ExamplesGenerator
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.generation.overrides import Override
from schemathesis.schemas import APIOperation

from tests.api_drill.judge import Asked, Judge, by_schemathesis, endpoint_of
from tests.api_drill.world import World

Operation = APIOperation[Any, Any, Any, Any]
_KEY = re.compile(r"[A-Za-z0-9_-]{8,150}")


@dataclass(slots=True)
class Told:
    """What one operation was asked. `made` are the requests by how they were made, `asked` how often by whom."""

    operation: str
    made: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    found: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def note(self, who: str, fault: str, request: str) -> None:
        """Keep the first request that showed a fault, and count the others."""
        number, first = self.found.get((who, fault), (0, request))
        self.found[who, fault] = (number + 1, first)


def operations(world: World) -> list[Operation]:
    """Return the operations of the description, without its word on keys: who asks is not left to chance."""
    document = world.document()
    for operation in (one for path in document["paths"].values() for one in path.values()):
        del operation["security"]
    schema = schemathesis.openapi.from_dict(document)
    schema.app = world.app
    found = list(schema.get_all_operations())
    assert all(isinstance(one, Ok) for one in found), found
    return [one.ok() for one in found if isinstance(one, Ok)]


def requests(operation: Operation, examples: int, seed: int, thin: int = 1) -> Iterator[tuple[str, Case[Any]]]:
    """Yield the requests of one operation, and how each was made. A small one has fewer than `examples` by chance.

    With `thin`, only one of so many of those at its bounds.
    """
    config = operation.schema.config
    for case in ExamplesGenerator(operation=operation, override=Override(), feedback=NO_FEEDBACK, fill_missing=False):
        yield "example", case
    coverage = CoverageGenerator(
        operation=operation, generation_modes=list(GenerationMode), auth_storage=None, override=Override(),
        generation_config=config.generation_for(operation=operation, phase="coverage"), feedback=NO_FEEDBACK,
    )  # fmt: skip
    for case in islice(coverage, None, None, thin):
        yield "bounds", case
    for mode in GenerationMode:
        for case in _by_chance(operation, mode, examples // 2, seed):
            yield mode.value, case


def _by_chance(operation: Operation, mode: GenerationMode, number: int, seed: int) -> list[Case[Any]]:
    made: list[Case[Any]] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=number, deadline=None, database=None, phases=[Phase.generate],
                         suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def keep(case: Case[Any]) -> None:
        made.append(case)

    try:
        keep()
    except Unsatisfiable:
        assert not made
    return made


def ask_all(world: World, judge: Judge, operation: Operation, examples: int, seed: int = 1, *, thin: int = 1) -> Told:
    """Ask one operation everything as everyone.

    The examples, and half of what is made by chance, are asked of things that are there.
    """
    own = zlib.crc32(operation.label.encode())
    told, random = Told(operation.label), Random(seed ^ own)
    began = time.process_time()
    for number, (how, case) in enumerate(requests(operation, examples, seed, thin)):
        told.seconds["making"] += time.process_time() - began
        often = {"example": 1.0, "bounds": 0.0}.get(how, 0.5)
        is_there = random.random() < often and _put_there(world, case)
        told.made[how] += 1
        key = dict(case.headers).get("Idempotency-Key", "")
        for place, who in enumerate(world.everyone):
            if number % who.every:
                continue
            if isinstance(key, str) and _KEY.fullmatch(key):  # each asks anew, not for the answer of another
                case.headers["Idempotency-Key"] = f"{place}-{number}-{own}-{key}"
            _ask(world, judge, told, Place(case, place, bool(is_there)))
        began = time.process_time()
    return told


@dataclass(frozen=True, slots=True)
class Place:
    """A request, who asks it next, and whether it names things that are there."""

    case: Case[Any]
    who: int
    is_there: bool


def _put_there(world: World, case: Case[Any]) -> bool:
    """Put the ids of things that are there into a request; say whether it had a place for one."""
    named = {name: world.there[name] for name in case.path_parameters or {}}
    if named:
        case.path_parameters = named
    if isinstance(case.body, dict) and "allocation_id" in case.body:
        case.body |= {"allocation_id": int(world.there["allocation_id"]), "as_of": "2026-03-31"}
        return True
    if isinstance(case.body, bytes) or case.media_type == "text/csv":
        case.body = world.content
        return True
    return bool(named)


def _ask(world: World, judge: Judge, told: Told, place: Place) -> None:
    case, who = place.case, world.everyone[place.who]
    began = time.process_time()
    sent = case.as_transport_kwargs(headers=who.headers)
    # A partner may send a file of another's: then it is a statement of its own, and explains nothing.
    names_ours = place.is_there and not isinstance(case.body, bytes)
    asked = Asked(case, who, endpoint_of(world.app, sent["method"], sent["path"]), names_ours)
    faults = []
    if judge.opens(who, asked.endpoint):
        response = case.call(headers=who.headers, session=who.client)  # type: ignore[arg-type]  # in-process, its client
        told.seconds["asking"] += time.process_time() - began
        began = time.process_time()
        faults = by_schemathesis(asked, response, lenient=place.is_there)
        answer: Any = response
    else:
        answer = who.client.open(**sent)
        told.seconds["asking"] += time.process_time() - began
        began = time.process_time()
    faults += judge.faults(asked, answer)
    told.seconds["judging"] += time.process_time() - began
    told.asked[who.name] += 1
    told.statuses[answer.status_code] += 1
    for fault in faults:
        told.note(who.name, fault, case.as_curl_command(headers=who.headers))
