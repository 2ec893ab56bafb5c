"""Posting JSON to addresses that people have entered, without letting them reach what only we can reach."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from types import MappingProxyType
from urllib.parse import urlsplit

import httpx

from core.errors import WebhookFailed

TIMEOUT = httpx.Timeout(10.0)
"""For connecting, and for each time that nothing moves."""

_TAKEN = range(200, 300)
_REDIRECTS = range(300, 400)
_TRY_AGAIN = frozenset({408, 425, 429})
_SERVER_ERROR = 500
_PORTS: Mapping[str, int] = MappingProxyType({"https": 443, "http": 80})
_NAT64 = IPv6Network("64:ff9b::/96")

Address = IPv4Address | IPv6Address

for _name in ("httpx", "httpcore"):  # their lines hold the whole address, which is a secret
    logging.getLogger(_name).setLevel(logging.WARNING)


def post(url: str, body: Mapping[str, object], *, allow_private: bool = False) -> None:
    """Post `body` as JSON. Certificates are verified, redirects are not followed, proxies not used.

    The name is resolved once and the connection made to that very address, so that a name which
    answers differently the next time gains nothing. With `allow_private` any address will do, and
    plain HTTP.

    Raises:
        WebhookFailed: it was not taken; the problem never holds the address.

    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise WebhookFailed(problem="the address cannot be read", for_good=True) from error
    if not host or port == 0 or (parts.scheme != "https" and not allow_private):
        raise WebhookFailed(problem="the address is not https", for_good=True)
    address = resolve(host, port, allow_private=allow_private)
    status = _send(httpx.URL(url), address, body)
    if status in _TAKEN:
        return
    if status in _REDIRECTS:
        problem = f"it answers {status}, a redirect, which is not followed"
        raise WebhookFailed(problem=problem, for_good=True)
    for_good = status < _SERVER_ERROR and status not in _TRY_AGAIN
    raise WebhookFailed(problem=f"it answers {status}", for_good=for_good)


def resolve(host: str, port: int, *, allow_private: bool) -> Address:
    """The first address of `host`.

    Raises:
        WebhookFailed: it has none, or one that leads to this machine or into a private network.

    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise WebhookFailed(problem="its name cannot be resolved", for_good=False) from error
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not allow_private and not all(is_public(address) for address in addresses):
        problem = "its name leads to a private address, which ULOS_WEBHOOKS_TO_PRIVATE_ADDRESSES would allow"
        raise WebhookFailed(problem=problem, for_good=True)
    return addresses[0]


def is_public(address: Address) -> bool:
    """Whether `address` is one of the internet at large, also where IPv6 wraps one of IPv4."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


def _send(url: httpx.URL, address: Address, body: Mapping[str, object]) -> int:
    """The status of the answer; its body is not read."""
    headers = {"Host": url.netloc.decode("ascii"), "User-Agent": "ULOS"}
    extensions = {"sni_hostname": url.host}  # the certificate is held against the name, not the address
    try:
        with (
            httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client,
            client.stream(
                "POST", url.copy_with(host=str(address)), json=body, headers=headers, extensions=extensions
            ) as answer,
        ):
            return answer.status_code
    except httpx.TimeoutException as error:
        raise WebhookFailed(problem="it did not answer in time", for_good=False) from error
    except httpx.ConnectError as error:
        reason = str(error) if "certificate" in str(error).lower() else "no connection"
        raise WebhookFailed(problem=reason, for_good=False) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise WebhookFailed(problem=type(error).__name__, for_good=False) from error
