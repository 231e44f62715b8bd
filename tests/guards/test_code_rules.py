"""One commit, one root, imports in sight, no hidden clock, everything public explained."""

from __future__ import annotations

import pytest

from tests.guards import code_rules
from tests.guards.tree import Checker, faults, own, product_code

PRODUCT_RULES = [
    code_rules.stray_commit, code_rules.hidden_import, code_rules.hidden_clock, code_rules.undocumented
]  # fmt: skip


@pytest.mark.parametrize("rule", PRODUCT_RULES)
def test_the_product_keeps_the_rule(rule: Checker) -> None:
    assert faults(rule, product_code()) == []


def test_nobody_imports_wsgi() -> None:
    assert faults(code_rules.wsgi_import, own(".py")) == []


CAUGHT = [
    (
        code_rules.stray_commit,
        "voucher_service/visits/redeem.py",
        "def f(session):\n    session.commit()\n",
        2,
    ),
    (code_rules.wsgi_import, "tests/x.py", "import wsgi\n", 1),
    (code_rules.wsgi_import, "tests/x.py", "from wsgi import app\n", 1),
    (code_rules.hidden_import, "admin/x.py", "def f():\n    from voucher_service import db\n", 2),
    (code_rules.hidden_import, "admin/x.py", "class C:\n    async def f(self):\n        import admin.y\n", 3),
    (code_rules.hidden_clock, "voucher_service/visits/x.py", "now = datetime.now(UTC)\n", 1),
    (code_rules.hidden_clock, "voucher_service/visits/x.py", "now = datetime.datetime.now(UTC)\n", 1),
    (code_rules.hidden_clock, "voucher_service/visits/x.py", "a = 1\nday = date.today()\n", 2),
    (code_rules.hidden_clock, "voucher_service/visits/x.py", "started = time.time()\n", 1),
    (code_rules.hidden_clock, "integrations/x.py", "import uuid\nkey = uuid.uuid4()\n", 2),
    (code_rules.hidden_clock, "integrations/x.py", "from uuid import UUID, uuid4\n", 1),
    (code_rules.undocumented, "admin/x.py", "def f():\n    pass\n", 1),
    (code_rules.undocumented, "admin/x.py", '"""It does."""\nclass C:\n    pass\n', 2),
]


@pytest.mark.parametrize(("rule", "name", "text", "line"), CAUGHT)
def test_a_planted_violation_is_caught(rule: Checker, name: str, text: str, line: int) -> None:
    found = rule(name, text)
    assert found
    assert found[0].startswith(f"{name}:{line}: ")


ALLOWED = [
    (code_rules.stray_commit, "voucher_service/db.py", "def f(session):\n    session.commit()\n"),
    (code_rules.hidden_import, "admin/x.py", "import voucher_service.db\ndef f():\n    import json\n"),
    (code_rules.hidden_clock, "voucher_service/web/counter/x.py", "now = datetime.now(UTC)\n"),
    (
        code_rules.hidden_clock,
        "voucher_service/visits/x.py",
        "from uuid import UUID\nstart = time.monotonic()\n",
    ),
    (code_rules.undocumented, "admin/x.py", '"""It."""\ndef _f():\n    pass\n'),
]


@pytest.mark.parametrize(("rule", "name", "text"), ALLOWED)
def test_what_is_allowed_passes(rule: Checker, name: str, text: str) -> None:
    assert rule(name, text) == []
