"""Random lives of vouchers come to what the model says, on both databases."""

from __future__ import annotations

from pathlib import Path

from tests.properties.arena import Arena
from tests.properties.campaign import life_in, run

EXAMPLES = 40


def test_random_lives_agree_with_the_model(database_url: str, tmp_path: Path) -> None:
    machine = life_in(Arena.at(database_url, tmp_path))
    run(machine, EXAMPLES)
    machine.arena.programme.database.close()
    assert machine.steps > EXAMPLES * 10, "the examples were lived through"
