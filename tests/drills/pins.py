"""Every PIN of a lot, looked for in everything a full run leaves behind: `make drill-pins`.

A lot of codes and one of SIM cards are imported, a partner is connected that sells codes, vouchers are redeemed over
HTTP, Celery workers set codes and cards aside and buy codes, a real browser shows some of each and sends the partner's
statement, which names every telephone. Then the database's files and write-ahead log, a dump of every table, Valkey's
memory and file, all logs at their most talkative, the data folder, and the browser's profile are searched for each
secret. At the end one of each kind is planted in each of these places: a search that finds none has proved nothing.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import redis
from playwright.sync_api import BrowserContext, Page, sync_playwright
from sqlalchemy import select

from tests.browser.chromium import arguments, find_chromium
from tests.databases import migrate
from tests.drills.secret_texts import RECIPIENT, Seller, card_file, card_number, found_in, secrets
from tests.drills.statement import send
from tests.flows.delivery.linked import RELOADLY_PIN, Linked
from tests.flows.delivery.lots import lot_file
from tests.flows.stock.shelves import Shelves
from tests.integrations.talk import served as at_work
from tests.programme import MASTER, Programme
from tests.served import PASSWORD, Counter, _wait, free_port, sign_in
from tests.servers.postgresql import PostgresServer, database_folder, plain, postgres
from tests.servers.valkey import valkey
from voucher_service.fulfilment.lots import import_lot
from voucher_service.fulfilment.models import Order
from voucher_service.ids import new_id, utc_now
from voucher_service.staff.accounts import set_password
from voucher_service.staff.models import Role, StaffBranch


class Result(NamedTuple):
    """Where how many bytes were searched, what was found there in clear, and whether one of each kind was, planted."""

    place: str
    size: int
    found: list[str]
    control: bool


def folder_bytes(folder: Path) -> bytes:
    """Return the bytes of every file below the folder, one after another."""
    parts = []
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            try:
                parts.append(file.read_bytes())
            except OSError:  # a file that its owner has just removed
                continue
    return b"\n".join(parts)


class Run:
    """One full run: the servers, what they left, and a PIN to plant in each place."""

    def __init__(self, stack: ExitStack, codes: int, cards: int, sold: int) -> None:
        self.secrets = secrets(codes, cards, sold)
        self.all = set().union(*self.secrets.values())
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(postgres(own=True))
        assert isinstance(server, PostgresServer)
        self.server = server
        self.redis_url = stack.enter_context(valkey(own=True)).url
        self.valkey = redis.Redis.from_url(self.redis_url)
        stack.callback(self.valkey.close)
        migrate(server.url)
        self.programme = Programme.make(server.url)
        stack.callback(self.programme.database.close)
        self.programme.now = utc_now()
        import_lot(
            self.programme.database,
            self.programme.vault,
            partner_id=self.programme.partner_id,
            file_name="codes.csv",
            content=lot_file(list(range(codes))),
            actor="staff:test",
            now=self.programme.now,
        )
        shelves = Shelves(self.programme, self.folder / "shelves")
        shelves.bring_file(card_file(cards))
        self.card_id = shelves.offers["sim"]
        Linked(self.programme, RELOADLY_PIN, stack.enter_context(at_work(Seller())))

    @contextmanager
    def served(self) -> Iterator[int]:
        """Serve, and let one Celery worker deliver, both logging all they can; yield the port."""
        counter = self.programme.member(Role.COUNTER)
        with self.programme.database.begin() as session:
            set_password(session, counter.id, PASSWORD)
            session.add_all(StaffBranch(staff_id=counter.id, branch_id=one.id) for one in self.programme.branches)
        port = free_port()
        environment = os.environ | {
            "DATABASE_URL": self.server.url,
            "REDIS_URL": self.redis_url,
            "PRIVATE_PARTNERS": "1",
            "DATA_DIR": str(self.folder),
            "PORT": str(port),
            "DEMO": "0",
            "SECURE_COOKIES": "0",
            "LOG_LEVEL": "DEBUG",
            "WORKERS": "1",
            "MASTER_KEY": base64.urlsafe_b64encode(MASTER).decode(),
        }
        worker = ["-m", "celery", "-A", "wsgi:celery", "worker", "-B", "-c", "1", "-l", "DEBUG"]
        worker += ["-s", str(self.folder / "beat")]
        commands = {"web": ["-m", "flask", "--app", "wsgi", "serve"], "worker": worker}
        started = []
        with ExitStack() as files:
            for name, command in commands.items():
                log = files.enter_context(
                    (self.folder / f"{name}.log").open("ab")
                )  # appended to: so is what is planted
                started.append(subprocess.Popen([sys.executable, *command], env=environment, stdout=log, stderr=log))
            try:
                _wait(port, started[0])
                yield port
            finally:
                for process in started:
                    process.terminate()
                for process in started:
                    process.wait(30)

    def redeem(self, port: int, offers: dict[UUID, int]) -> dict[UUID, list[UUID]]:
        """Redeem so many vouchers of each offer over HTTP; return the orders, each with what it gives set aside."""
        given = sign_in(port, self.programme.member(Role.COUNTER).login)
        orders: dict[UUID, list[UUID]] = {offer: [] for offer in offers}
        with closing(Counter(given)) as counter:
            for offer_id in [offer for offer, many in offers.items() for _ in range(many)]:
                voucher = self.programme.issue(offer_id=offer_id)
                number = RECIPIENT if offer_id == self.programme.top_up_id else None
                answer = counter.scan(new_id(), self.programme.digits(voucher), number=number)
                assert answer.status == 201, answer
                orders[offer_id].append(UUID(answer.body["order_id"]))
        until, ids = time.monotonic() + 60, [one for some in orders.values() for one in some]
        while time.monotonic() < until:
            with self.programme.database.read() as session:
                states = set(session.scalars(select(Order.state).where(Order.id.in_(ids))))
            if states == {"held"}:
                return orders
            time.sleep(0.3)
        log = (self.folder / "worker.log").read_text(encoding="utf-8")[-2000:]
        raise RuntimeError(f"not everything was set aside: {states}\n{log}")

    def show(self, context: BrowserContext, port: int, codes: list[UUID], cards: list[UUID]) -> int:
        """Sign in, show each code, hand over each card, the last of both twice; return how many secrets it saw."""
        address, page = f"http://127.0.0.1:{port}", context.new_page()
        page.goto(f"{address}/sign-in")
        page.fill("#f-login", self.programme.member(Role.COUNTER).login)
        page.fill("#f-password", PASSWORD)
        page.click("main button")
        page.wait_for_url("**/counter/**")
        page.set_default_timeout(10_000)
        seen = 0
        for order_id in [*codes, codes[-1]]:
            page.goto(f"{address}/counter/top-ups/{order_id}")
            seen += self._pressed(page, "form[action*=top-ups] button")
        for order_id in [*cards, cards[-1]]:
            page.goto(f"{address}/counter/articles/{order_id}")
            if page.locator("#f-serial").count():
                page.fill("#f-serial", page.inner_text("form strong.code"))
            seen += self._pressed(page, "form[action*=articles] button")
        return seen

    def _pressed(self, page: Page, button: str) -> int:
        if page.locator("#f-reason").count():
            page.fill("#f-reason", "mal recopié")
        page.click(button)
        page.wait_for_selector(".pin .code")
        return sum(one.strip() in self.all for one in page.locator(".pin .code").all_inner_texts())

    def dump(self) -> bytes:
        """Return every row of every table, as COPY writes them."""
        parts = []
        with psycopg.connect(plain(self.server.url)) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in tables:
                with connection.cursor().copy(f'COPY "{table}" TO STDOUT') as copy:
                    parts += [bytes(block) for block in copy]
        return b"".join(parts)

    def places(self) -> dict[str, bytes]:
        """Return the bytes of every place, flushed to its files first."""
        with psycopg.connect(plain(self.server.url), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        self.valkey.save()
        keys = list(self.valkey.scan_iter(count=1000))
        memory = b"\n".join(keys) + b"\n".join(bytes(self.valkey.dump(key) or b"") for key in keys)  # type: ignore[arg-type]  # not a coroutine here
        profile = self.folder / "browser"
        logs = b"".join(file.read_bytes() for file in self.folder.glob("*.log"))
        return {
            "database files and write-ahead log": folder_bytes(database_folder(self.server)),
            "dump of every table": self.dump(),
            "Valkey": memory + self.saved(),
            "logs at DEBUG, data folder": logs
            + b"".join(f.read_bytes() for f in self.folder.glob("*") if f.is_file())
            + folder_bytes(self.folder / "uploads"),
            "browser profile": folder_bytes(profile),
        }

    def saved(self) -> bytes:
        """Return what Valkey wrote to its file."""
        where: Any = self.valkey.config_get("dir")
        return folder_bytes(Path(where["dir"]))

    def plant(self, context: BrowserContext, port: int, word: str) -> None:
        """Put a PIN in each place, as a careless change would."""
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/sign-in")
        page.evaluate("word => localStorage.setItem('planted', word)", word)
        with psycopg.connect(plain(self.server.url), autocommit=True) as connection:
            connection.execute("CREATE TABLE planted (word text)")
            connection.execute("INSERT INTO planted VALUES (%s)", (word,))
        self.valkey.set("planted", word)
        with (self.folder / "web.log").open("a") as log:
            log.write(word)


def campaign(codes: int, cards: int, redeemed: int = 12, shown: int = 5) -> list[Result]:
    """Run it all and return what was found where."""
    with ExitStack() as stack:
        run = Run(stack, codes, cards, sold=redeemed // 2)
        offers = {run.programme.code_id: redeemed, run.card_id: redeemed // 2, run.programme.top_up_id: redeemed // 2}
        with run.served() as port, sync_playwright() as playwright:
            orders = run.redeem(port, offers)

            def browser() -> BrowserContext:
                return playwright.chromium.launch_persistent_context(
                    str(run.folder / "browser"), executable_path=str(find_chromium()), args=arguments()
                )

            context, few = browser(), shown // 2
            some = orders[run.programme.code_id][:shown] + orders[run.programme.top_up_id][:few]
            seen = run.show(context, port, some, orders[run.card_id][:few])
            assert seen == shown + few + 1 + 2 * (few + 1), f"the secrets stood on the screen: {seen}"
            numbers = [*map(card_number, range(cards)), f"0{RECIPIENT[3:]}"]
            assert send(context, f"http://127.0.0.1:{port}", run.programme, numbers) == len(numbers)
            context.close()
            clean = {place: (len(blob), sorted(found_in(blob, run.all))) for place, blob in run.places().items()}
            context, planted = browser(), {min(kind) for kind in run.secrets.values()}
            run.plant(context, port, " ".join(sorted(planted)))
            context.close()
            control = {place: planted <= found_in(blob, run.all) for place, blob in run.places().items()}
        assert run.programme.findings() == []
    return [Result(place, *clean[place], control[place]) for place in clean]


def main(codes: int) -> int:
    """Print the result; 0 when no secret was found and each planted one was."""
    start, cards = time.monotonic(), min(codes // 10, 9000)
    results = campaign(codes, cards)
    sys.stdout.write(f"{codes} codes, {cards} SIM cards, {time.monotonic() - start:.0f} s\n")
    for one in results:
        control = "found" if one.control else "NOT FOUND"
        many = len(one.found)
        sys.stdout.write(f"  {one.place:<36} {one.size / 1e6:8.1f} MB  in clear: {many:<6} planted: {control}\n")
        if one.found:
            sys.stdout.write(f"    {', '.join(one.found[:5])}\n")
    good = all(not one.found and one.control for one in results)
    sys.stdout.write("No secret in clear.\n" if good else "FAILED\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
