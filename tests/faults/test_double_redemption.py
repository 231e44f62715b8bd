"""Many counters present the same vouchers at once, over HTTP: one wins each, every loser is told when and where."""

from __future__ import annotations

import random
from collections import Counter as Tally
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from tests.programme import Programme
from tests.served import Answer, Counter, Pass, serving
from voucher_service.ids import new_id, utc_now

CLIENTS = 64
VOUCHERS = 200
SEED = 20260304


@pytest.fixture
def vouchers(busy_programme: Programme) -> list[str]:
    """The codes of vouchers that need no number."""
    busy_programme.now = utc_now()  # the server judges validity by its own clock
    issued = [busy_programme.issue(offer_id=busy_programme.code_id) for _ in range(VOUCHERS)]
    return [busy_programme.digits(voucher) for voucher in issued]


def present_all(given: Pass, codes: list[str], seed: int) -> list[tuple[UUID, str, Answer]]:
    """One client: present every voucher once, in an order of its own."""
    counter = Counter(given)
    order = random.Random(seed).sample(codes, len(codes))
    said = []
    for code in order:
        scan_id = new_id()
        said.append((scan_id, code, counter.scan(scan_id, code, branch_id=1 + seed % 2)))
    counter.close()
    return said


def test_sixty_four_clients_present_two_hundred_vouchers(
    busy_programme: Programme, postgres_url: str, vouchers: list[str]
) -> None:
    with serving(busy_programme, postgres_url) as given, ThreadPoolExecutor(CLIENTS) as threads:
        seeds = range(SEED, SEED + CLIENTS)
        said = [one for each in threads.map(lambda seed: present_all(given, vouchers, seed), seeds) for one in each]
        check_one_winner_each(said)
        check_replays(given, random.Random(SEED).sample(said, 300))
    assert busy_programme.findings() == []


def check_one_winner_each(said: list[tuple[UUID, str, Answer]]) -> None:
    """Every answer is 201; each voucher has one winner; each loser reads the winner's time and branch."""
    assert Tally(answer.status for _, _, answer in said) == {201: CLIENTS * VOUCHERS}
    by_code: dict[str, list[Answer]] = defaultdict(list)
    for _, code, answer in said:
        by_code[code].append(answer)
    for answers in by_code.values():
        assert Tally(answer.body["outcome"] for answer in answers) == {"accepted": 1, "used": CLIENTS - 1}
        told = {
            (answer.body["detail"]["at"], answer.body["detail"]["branch"])
            for answer in answers
            if answer.body["outcome"] == "used"
        }
        assert len(told) == 1, "all losers are told the same time and place"


def check_replays(given: Pass, said: list[tuple[UUID, str, Answer]]) -> None:
    """The same scan again gets its first answer."""
    counter = Counter(given)
    for scan_id, code, first in said:
        branches = (1, 2)
        again = [counter.scan(scan_id, code, branch_id=branch) for branch in branches]
        same = [answer for answer in again if answer.status == 201]
        assert [answer.body["outcome"] for answer in same] == [first.body["outcome"]]
        assert {answer.status for answer in again} == {201, 422}, "another branch is another request"
    counter.close()
