"""Where a connection may lead: public addresses over TLS, unless it is a trial and the deployment allows more."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(Exception):
    """A connection may not lead there. `str(error)` is a stable code."""


def check_base(base: str, *, private: bool) -> None:
    """Refuse a base address that is no plain https address (http only where private ones are allowed).

    Raises:
        AddressRefused: `address_unreadable`, `address_not_https`, `address_has_login`, `address_has_query`.
    """
    try:
        parts = urlsplit(base)
        port = parts.port
    except ValueError as error:
        raise AddressRefused("address_unreadable") from error
    if not parts.hostname or port == 0 or parts.scheme not in {"http", "https"} or not base.isprintable():
        raise AddressRefused("address_unreadable")
    if parts.scheme == "http" and not private:
        raise AddressRefused("address_not_https")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("address_has_login")
    if "?" in base or "#" in base:
        raise AddressRefused("address_has_query")


def may_connect(address: Address, *, private: bool) -> bool:
    """Say whether a connection may be opened to this address.

    Link-local addresses (where clouds keep their credentials) and multicast are refused always.
    """
    inner = _embedded(address)
    if inner is not None:
        return may_connect(inner, private=private)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    return private or address.is_global


def resolve(host: str, port: int, *, private: bool) -> Sequence[str]:
    """Return the addresses of `host` that may be connected to: what is checked here is what is connected to.

    Raises:
        AddressRefused: none of its addresses is allowed.
        OSError: the name is not known.
    """
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    allowed = [text for text in found if may_connect(ipaddress.ip_address(text.split("%")[0]), private=private)]
    if not allowed:
        raise AddressRefused("address_refused")
    return allowed


def _embedded(address: Address) -> Address | None:
    # An IPv4 address dressed as an IPv6 one leads where the IPv4 one leads.
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
