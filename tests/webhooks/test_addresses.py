"""Where webhooks may lead: never into our own machine or network, whatever the address looks like."""

from __future__ import annotations

import pytest

from integrations.webhooks import HttpSender
from tests.webhooks.conftest import Receiver


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("http://example.org/x", "address_not_https"),
        ("https://user:word@example.org/x", "address_has_login"),
        ("https://example.org/x?key=1", "address_has_query"),
        ("https://", "address_unreadable"),
        ("ftp://example.org", "address_unreadable"),
        ("exemple.fr", "address_unreadable"),
        ("https://127.0.0.1/x", "address_refused"),
        ("https://10.1.2.3/x", "address_refused"),
        ("https://169.254.169.254/latest/meta-data", "address_refused"),
        ("https://[::1]/x", "address_refused"),
        ("https://[::ffff:127.0.0.1]/x", "address_refused"),
        ("https://[fd00::1]/x", "address_refused"),
        ("https://0.0.0.0/x", "address_refused"),
        ("https://example.org/webhooks", ""),
        ("https://1.1.1.1/webhooks", ""),
    ],
)
def test_an_address_is_looked_at_when_it_is_given(address: str, code: str) -> None:
    assert HttpSender(private=False).refusal(address) == code


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.0.0.1"])
def test_a_name_is_looked_at_when_it_is_called(arrivals: Receiver, host: str) -> None:
    port = arrivals.address.rpartition(":")[2]
    answer = HttpSender(private=False, limit=1.0).post(f"https://{host}:{port}", b"{}", {})
    assert (answer.status, answer.code) == (None, "address_refused")
    assert arrivals.got == []


def test_the_receiver_would_have_been_reached(arrivals: Receiver) -> None:
    """The check above can fail: the same call arrives where private addresses are allowed."""
    answer = HttpSender(private=True, limit=1.0).post(arrivals.address.replace("127.0.0.1", "localhost"), b"{}", {})
    assert (answer.status, answer.taken) == (204, True)
    assert len(arrivals.got) == 1


def test_link_local_addresses_are_refused_in_trials_too() -> None:
    assert HttpSender(private=True).refusal("http://169.254.169.254/latest") == "address_refused"
