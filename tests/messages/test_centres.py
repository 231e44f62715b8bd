"""Message centres differ: encrypted lines, and receipts that number messages otherwise than the answer did."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.messages.centre import Centre
from tests.messages.conftest import Post
from voucher_service.messages.models import MessageState


def certificate(folder: Path, name: str) -> Path:
    """A certificate that nobody else vouches for, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *plain) + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while octets := source.recv(4096):
            sink.sendall(octets)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


def _serve(door: socket.socket, port: int, context: ssl.SSLContext, lines: list[socket.socket]) -> None:
    with suppress(OSError):
        while True:
            raw, _ = door.accept()
            lines.append(raw)
            with suppress(OSError):
                outside = context.wrap_socket(raw, server_side=True)
                inside = socket.create_connection(("127.0.0.1", port))
                lines.extend((outside, inside))
                for way in ((outside, inside), (inside, outside)):
                    threading.Thread(target=_pump, args=way, daemon=True).start()


@contextmanager
def encrypted(port: int, certified: Path) -> Iterator[int]:
    """A door with TLS before the centre at `port`; its own port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified)
    lines: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as door:
        server = threading.Thread(target=_serve, args=(door, port, context, lines), daemon=True)
        server.start()
        try:
            yield door.getsockname()[1]
        finally:
            door.shutdown(socket.SHUT_RDWR)
            server.join(5)
            for line in lines:
                line.close()


def test_over_tls_a_message_goes_and_its_receipt_comes(
    post: Post, sms_centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    with encrypted(sms_centre.port, own) as port:
        post.use_centre(port, host="localhost", tls="yes")
        message_id = post.queue()
        post.messenger.turn(wait=0.5)
        assert post.row(message_id).state == MessageState.DELIVERED
        post.messenger.close()
    assert len(sms_centre.taken) == 1


@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("elsewhere.example", True)])
def test_a_certificate_that_does_not_hold_lets_nothing_leave(
    post: Post, sms_centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, trusted: bool
) -> None:
    own = certificate(tmp_path, name)
    monkeypatch.setenv("SSL_CERT_FILE", str(own if trusted else certificate(tmp_path, "another.example")))
    with encrypted(sms_centre.port, own) as port:
        post.use_centre(port, host="localhost", tls="yes")
        message_id = post.queue()
        post.messenger.turn()
        row = post.row(message_id)
        assert (row.state, row.outcome_code) == (MessageState.WAITING, "no_connection")
        post.messenger.close()
    assert sms_centre.taken == []


@pytest.mark.parametrize(
    ("names", "told"),
    [(("00AF{:04X}", "1146{:04d}"), "same"), (("{:08X}", "{:010d}"), "decimal"), (("{:d}", "0{:x}"), "hex")],
    ids=["two names that are no two forms", "hexadecimal, then decimal", "decimal, then hexadecimal"],
)
def test_a_receipt_in_another_form_finds_its_message(
    post: Post, sms_centre: Centre, names: tuple[str, str], told: str
) -> None:
    sms_centre.names = names
    post.use_centre(sms_centre.port, receipt_ids=told)
    sent = [post.queue() for _ in range(11)]  # past nine the two forms differ
    post.messenger.turn(wait=0.5)
    expected = MessageState.SENT if told == "same" else MessageState.DELIVERED
    assert {post.row(one).state for one in sent} == {expected}


def test_the_wrong_form_finds_nothing(post: Post, sms_centre: Centre) -> None:
    """Planted: the centre numbers in two forms, and the settings do not say so."""
    sms_centre.names = ("{:X}", "{:d}")
    post.use_centre(sms_centre.port, receipt_ids="same")
    sent = [post.queue() for _ in range(11)]
    post.messenger.turn(wait=0.5)
    assert [post.row(one).state for one in sent].count(MessageState.DELIVERED) == 9
