"""Walks from one operation to the next: what an answer holds is asked for in the request that follows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import Case
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from tests.api_drill.world import Who, World

STEPS = 8


def walk(world: World, who: Who, walks: int, seed: int) -> Counter[str]:
    """Walk `walks` times, up to eight steps each; return how often each operation was asked by way of another's answer.

    Raises:
        FailureGroup: an answer breaks the description.
    """
    asked: Counter[str] = Counter()
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", world.app)

    class Walk(schema.as_state_machine()):  # type: ignore[misc]  # made at run time
        def get_call_kwargs(self, _case: Case[Any]) -> dict[str, Any]:
            return {"headers": who.headers, "session": who.client}

        def validate_response(self, response: Response, case: Case[Any], **_more: Any) -> None:
            asked[case.operation.label] += 1
            left_out: list[Any] = [ignored_auth]
            if case.operation.method.upper() == "POST":
                left_out.append(positive_data_acceptance)
            case.validate_response(response, excluded_checks=left_out, headers=who.headers, recorder=self.recorder)

    # Hypothesis takes the seed from the class it runs.
    machine = hypothesis.seed(seed)(Walk)
    machine.run(
        settings=hypothesis.settings(
            max_examples=walks,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
    )
    return asked
