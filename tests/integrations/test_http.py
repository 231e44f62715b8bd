"""The partners' HTTP client against machines that hang up, drip, flood and lie: real sockets only."""

from __future__ import annotations

import contextlib
import gzip
import socket
import time
from collections.abc import Callable
from decimal import Decimal
from ipaddress import ip_address

import pytest
from structlog.testing import capture_logs

from integrations.addresses import AddressRefused, may_connect
from integrations.http import ANSWER_LIMIT, Fault, Line, Reply, segment
from tests.integrations.sockets import Machine, answering, machine, plain, reset

ORDER = {"number": "33612345678", "amount": Decimal("12.35")}


def post(at: Machine | str, *, limit: float = 2.0) -> Reply:
    """Send an order there."""
    base = at if isinstance(at, str) else at.base
    return Line(base, name="test", private=True, connect=0.5).post("/topups", limit=limit, content=ORDER)


def fault_of(call: Callable[[], object]) -> tuple[str, bool]:
    """Return the code of the fault, and whether the content may have left."""
    with pytest.raises(Fault) as caught:
        call()
    return caught.value.code, caught.value.left


def test_an_answer_comes_back_whole_with_exact_decimals() -> None:
    with machine(answering(plain("200 OK", b'{"amount": 12.350000000000000001}', "X-Next-Page: 2"))) as there:
        reply = post(there)
    assert (reply.status, reply.headers["x-next-page"]) == (200, "2")
    assert reply.record() == {"amount": Decimal("12.350000000000000001")}
    sent = bytes(there.seen[0])
    assert sent.startswith(b"POST /topups HTTP/1.1\r\n")
    assert sent.endswith(b'{"number": "33612345678", "amount": 12.35}')
    assert b"accept-encoding: identity" in sent.lower()


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[1]", b'{"a": NaN}', b"[" * 100_000])
def test_what_is_no_object_of_json_reads_as_empty(body: bytes) -> None:
    with machine(answering(plain("200 OK", body))) as there:
        assert post(there).record() == {}


def test_nobody_there_means_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    assert fault_of(lambda: post(f"http://127.0.0.1:{port}")) == ("connect_failed", False)


def test_a_machine_that_does_not_pick_up_means_not_sent() -> None:
    with socket.socket() as door, contextlib.ExitStack() as waiting:
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        for _ in range(3):  # fill the queue of those who wait to be picked up
            filler = waiting.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(door.getsockname())
        time.sleep(0.05)
        assert fault_of(lambda: post(f"http://127.0.0.1:{door.getsockname()[1]}")) == ("connect_timeout", False)


def test_no_tls_there_means_not_sent() -> None:
    def plain_talk(_: Machine, line: socket.socket) -> None:
        line.recv(9999)
        line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with machine(plain_talk) as there:
        base = there.base.replace("http:", "https:")
        assert fault_of(lambda: post(base)) == ("tls_failed", False)
    assert there.contents() == 0


def test_an_unknown_name_means_not_sent() -> None:
    assert fault_of(lambda: post("http://nobody.invalid")) == ("name_unknown", False)


def test_not_sent_is_never_said_of_what_arrived() -> None:
    """A reset on pick-up meets the request anywhere: what is called unsent must not have arrived."""
    with machine(lambda _, line: reset(line)) as there:
        told = [fault_of(lambda: post(there)) for _ in range(30)]
    assert len(there.seen) == 30, "each call connects once"
    assert there.contents() == 0
    assert {code for code, left in told if left} <= {"hung_up", "answer_unreadable"}


def test_a_hang_up_after_the_head_or_the_content_is_not_unsent() -> None:
    def after_all(made: Machine, line: socket.socket) -> None:
        made.read_request(line)
        reset(line)

    with machine(after_all) as there:
        assert fault_of(lambda: post(there)) == ("hung_up", True)
    assert (there.contents(), len(there.seen)) == (1, 1)


@pytest.mark.parametrize(
    "torn",
    [b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", plain("200 OK", b'{"status": "SUC')[:-3]],
)
def test_a_torn_answer_is_no_answer(torn: bytes) -> None:
    def torn_off(made: Machine, line: socket.socket) -> None:
        made.read_request(line)
        line.sendall(torn)
        time.sleep(0.02)
        reset(line)

    with machine(torn_off) as there:
        code, left = fault_of(lambda: post(there))
    assert left
    assert code in {"hung_up", "answer_unreadable"}


@pytest.mark.parametrize("rubbish", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 999999 X\r\n\r\n", b"\0" * 99])
def test_what_is_not_http_is_no_answer(rubbish: bytes) -> None:
    with machine(answering(rubbish)) as there:
        assert fault_of(lambda: post(there)) == ("answer_unreadable", True)


def test_silence_ends_at_the_partners_limit() -> None:
    def silent(made: Machine, line: socket.socket) -> None:
        made.read_request(line)
        time.sleep(1)

    with machine(silent) as there:
        started = time.monotonic()
        assert fault_of(lambda: post(there, limit=0.3)) == ("timeout", True)
        assert time.monotonic() - started < 0.9


@pytest.mark.parametrize("drop", [b"X", b"A: b\r\n"])
def test_an_answer_in_drops_ends_too(drop: bytes) -> None:
    def dripping(made: Machine, line: socket.socket) -> None:
        made.read_request(line)
        line.sendall(b"HTTP/1.1 200 OK\r\n" if drop != b"X" else b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
        for _ in range(60):
            line.sendall(drop)
            time.sleep(0.05)

    with machine(dripping) as there:
        started = time.monotonic()
        assert fault_of(lambda: post(there, limit=0.3)) == ("timeout", True)
        assert time.monotonic() - started < 2


def flood(head: bytes, part: bytes) -> Callable[[Machine, socket.socket], None]:
    """Return the behaviour of one who never stops talking."""

    def behave(made: Machine, line: socket.socket) -> None:
        made.read_request(line)
        line.sendall(head)
        for _ in range(100_000):
            line.sendall(part)

    return behave


def test_an_endless_answer_is_cut_off() -> None:
    with machine(flood(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)) as there:
        assert fault_of(lambda: post(there, limit=5)) == ("answer_too_long", True)
    with machine(flood(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"y" * 999 + b"\r\n")) as there:
        assert fault_of(lambda: post(there, limit=5)) == ("answer_unreadable", True)


def test_an_answer_may_be_a_mebibyte_and_no_more() -> None:
    whole = b'"' + b"x" * (ANSWER_LIMIT - 2) + b'"'
    with machine(answering(plain("200 OK", whole), plain("200 OK", whole + b" "))) as there:
        assert len(post(there).body) == ANSWER_LIMIT
        assert fault_of(lambda: post(there)) == ("answer_too_long", True)


def test_what_unpacks_to_more_than_it_says_is_not_unpacked() -> None:
    with machine(answering(plain("200 OK", gzip.compress(b"0" * 9_000_000), "Content-Encoding: gzip"))) as there:
        assert fault_of(lambda: post(there)) == ("answer_encoded", True)


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with machine(answering(plain("200 OK", b"{}"))) as elsewhere:
        moved = plain("307 Temporary Redirect", b"", f"Location: {elsewhere.base}/topups")
        with machine(answering(moved)) as there:
            assert post(there).status == 307
    assert (len(there.seen), len(elsewhere.seen)) == (1, 0)


def test_each_call_is_one_connection_and_a_cookie_is_forgotten() -> None:
    with machine(answering(plain("503 Busy", b"{}", "Retry-After: 0", "Set-Cookie: a=b"))) as there:
        assert [post(there).status for _ in range(2)] == [503, 503]
    assert len(there.seen) == 2
    assert b"cookie" not in bytes(there.seen[1]).lower()


def test_private_addresses_are_refused_before_anything_leaves() -> None:
    with machine(answering(plain("200 OK", b"{}"))) as there:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            line = Line(f"https://{host}:{there.port}", name="test")
            assert fault_of(lambda line=line: line.post("/topups", limit=1, content=ORDER)) == (  # type: ignore[misc]
                "address_refused",
                False,
            )
    assert there.seen == []


def test_which_addresses_may_be_connected_to() -> None:
    never = ["169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "::", "::ffff:169.254.169.254"]  # noqa: S104
    trial = ["127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "fd00::1", "100.64.0.1", "64:ff9b::7f00:1", "2002:a00:1::"]
    public = ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9"]
    may = {text: (may_connect(ip_address(text), private=False), may_connect(ip_address(text), private=True))
           for text in never + trial + public}  # fmt: skip
    assert {text for text, said in may.items() if said == (False, False)} == set(never)
    assert {text for text, said in may.items() if said == (False, True)} == set(trial)
    assert {text for text, said in may.items() if said == (True, True)} == set(public)


@pytest.mark.parametrize(
    ("base", "code"),
    [
        ("http://partner.example", "address_not_https"),
        ("ftp://partner.example", "address_unreadable"),
        ("https://", "address_unreadable"),
        ("https://partner.example:99999", "address_unreadable"),
        ("https://key:secret@partner.example", "address_has_login"),
        ("https://partner.example?x=1", "address_has_query"),
    ],
)
def test_a_base_address_is_checked(base: str, code: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        Line(base, name="test")
    assert str(refused.value) == code
    assert "secret" not in str(refused.value)


def test_a_log_line_holds_neither_number_nor_secret() -> None:
    with machine(answering(plain("200 OK", b"{}"))) as there, capture_logs() as lines:
        line = Line(there.base, name="reloadly", private=True)
        line.get(
            "/operators/33612345678/list",
            limit=1,
            query={"number": "33612345678"},
            headers={"authorization": "Bearer s3"},
        )
    said = str(lines)
    assert "GET /operators/…/list" in said
    assert not any(secret in said for secret in ("33612345678", "s3", "Bearer"))


def test_a_segment_of_a_path_stays_one() -> None:
    assert segment("a/../b?c") == "a%2F..%2Fb%3Fc"
    for climbing in ("", ".", ".."):
        with pytest.raises(ValueError, match="segment"):
            segment(climbing)


def test_a_header_cannot_be_broken_out_of() -> None:
    with machine(answering(plain("200 OK", b"{}"))) as there:
        line = Line(there.base, name="test", private=True)
        broken = fault_of(lambda: line.post("/x", limit=1, content={}, headers={"authorization": "a\r\nHost: evil"}))
    assert broken[1] is False
    assert there.contents() == 0
