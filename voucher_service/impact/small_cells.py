"""What a funder may see: figures about fewer than five people are hidden, and cannot be worked out.

A hidden city could be had from the total less the others; so never one city alone is hidden, and the hidden
ones together hold at least five people and five visits wherever others are left to hide with them.
"""

from __future__ import annotations

from collections.abc import Mapping

from voucher_service.impact.figures import Figures

LEAST = 5
"""The smallest count that is shown; zero is shown too, since it is about nobody."""


def is_small(figures: Figures) -> bool:
    """Say whether any count of `figures` is about one to four people, visits or top-ups."""
    counts = [figures.people, figures.visits, *(each.top_ups for each in figures.delivered.values())]
    return any(0 < count < LEAST for count in counts)


def for_funders(parts: Mapping[str, Figures]) -> dict[str, Figures | None]:
    """Return the figures of `parts` (cities of which the total is known too), None where hidden."""
    hidden = {name for name, figures in parts.items() if is_small(figures)}
    others = sorted(
        (name for name in parts if name not in hidden and parts[name].visits + parts[name].top_ups > 0),
        key=lambda name: (parts[name].visits, parts[name].people, name),
    )
    while hidden and others and not _blurred([parts[name] for name in hidden]):
        hidden.add(others.pop(0))
    return {name: None if name in hidden else figures for name, figures in parts.items()}


def total_for_funders(total: Figures) -> Figures | None:
    """Return `total`, or None when it is itself about fewer than five."""
    return None if is_small(total) else total


def _blurred(hidden: list[Figures]) -> bool:
    together = Figures(people=sum(each.people for each in hidden), visits=sum(each.visits for each in hidden))
    return len(hidden) >= 2 and min(together.people, together.visits) >= LEAST
