"""The host guard: which addresses a connection may go to, and sockets that go nowhere else.

The rule: the address checked is the very one the socket connects to, so a name that resolves differently between check
and use (DNS rebinding) gains nothing. Behind a proxy the socket goes to the proxy, which the operator chose; there the
target's addresses are checked as far as this machine can resolve them, and the proxy decides about the rest.
"""

from __future__ import annotations

import http.client
import io
import os
import socket
import ssl
import time
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import unquote, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy
from urllib3 import ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util import create_urllib3_context, make_headers
from urllib3.util.connection import create_connection

from connectors.context import NetworkRules
from connectors.errors import ConfigError, ConnectorError, HostRefused, Unavailable
from connectors.wording import text as _

SILENCE = 20.0  # seconds a socket may stay silent
SOON = 0.1  # seconds by which an answer may outlast its deadline
BUFFER = 64 * 1024  # bytes: most answers in one read
NAT64 = IPv6Network("64:ff9b::/96")
# In public space, yet not the internet: Azure's host agent; IETF protocol assignments, with Oracle's metadata service in
# them, which Python before 3.11.10 calls global.
SPECIAL = (IPv4Network("168.63.129.16/32"), IPv4Network("192.0.0.0/24"))

Address = IPv4Address | IPv6Address


class NotSent(Exception):
    """No byte of the request left this machine; the cause says why."""


def inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for (mapped, 6to4, NAT64), else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def is_public(address: Address) -> bool:
    """Say whether the address belongs to the internet: not private, loopback, link-local, CGNAT, multicast, reserved."""
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    special = any(address in network for network in SPECIAL)
    return address.is_global and not (address.is_multicast or address.is_reserved or site_local or special)


def refusal(text: str, scheme: str, host: str, rules: NetworkRules) -> str | None:
    """Return why this address may not be connected to, as a sentence that names the setting to change, or None."""
    raw = ip_address(text)
    address = inner(raw)
    if any(one in network for network in rules.allowed_networks for one in (raw, address)):
        return None
    where = host if host == text else f"{host} ({text})"
    if not is_public(address):
        return _(
            "%(where)s is not an address on the public internet, and this portal connects to such addresses "
            "only when the setting CRM_ALLOWED_NETWORKS names their network, for example "
            "CRM_ALLOWED_NETWORKS=%(address)s/%(length)s.",
            where=where,
            address=address,
            length=address.max_prefixlen,
        )
    if scheme == "http" and not rules.allow_http:
        return _(
            "%(where)s would be asked without encryption. Use https, or switch on “allow plain http” for "
            "this connection, or name its network in the setting CRM_ALLOWED_NETWORKS.",
            where=where,
        )
    return None


def checked_addresses(host: str, port: int, scheme: str, rules: NetworkRules) -> list[str]:
    """Return the host's addresses that may be connected to. Raises HostRefused when there is none, OSError from DNS."""
    found = [str(info[4][0]) for info in socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)]
    reasons = {address: refusal(address, scheme, host, rules) for address in found}
    allowed = [address for address, reason in reasons.items() if reason is None]
    if not allowed:
        raise HostRefused(
            next((r for r in reasons.values() if r), _("%(host)s has no address.", host=host)), code="HOST_REFUSED"
        )
    return allowed


class TimedReader(io.RawIOBase):
    """Reads a socket until a fixed moment, so that an answer sent drop by drop cannot outlast its deadline.

    The moment follows from the socket's time-out when the answer is begun, which is what is left of the whole call.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._silence = sock.gettimeout() or SILENCE
        self._end = time.monotonic() + self._silence
        self._raw = sock.makefile("rb", buffering=0)

    def makefile(self, mode: str) -> io.BufferedReader:
        """Look like a socket to `http.client`, which asks for nothing else."""
        return io.BufferedReader(self, BUFFER)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took longer than the whole call may")
        silence = min(left, SILENCE)
        if abs(silence - self._silence) > SOON:  # a system call, and Python's lock is given up for it
            self._sock.settimeout(silence)
            self._silence = silence
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class GuardedHTTP(HTTPConnection):
    """A connection that resolves, checks and connects by itself. Without rules (to a proxy) nothing is checked."""

    guarded_scheme = "http"

    def __init__(self, *args: Any, rules: NetworkRules | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rules = rules

    def connect(self) -> None:
        """Connect. Raises HostRefused, or NotSent for everything that fails before the request is written."""
        try:
            super().connect()
        except (OSError, HTTPError, ValueError, http.client.HTTPException) as e:
            raise NotSent from e
        self.sock.settimeout(SILENCE)  # else the request would be written under the shorter time-out for connecting

    def _new_conn(self) -> socket.socket:
        if self.rules is None:
            return super()._new_conn()
        host, port = self._dns_host, self.port
        return self._first(checked_addresses(host, port, self.guarded_scheme, self.rules))

    def _first(self, addresses: list[str]) -> socket.socket:
        """Connect to the first address that answers; they share the time there is."""
        failed: OSError | None = None
        for address, timeout in self._shares(addresses):
            try:
                return create_connection((address, self.port), timeout, socket_options=self.socket_options)
            except OSError as e:
                failed = e
        assert failed is not None  # there was at least one address
        raise failed

    def _shares(self, addresses: list[str]) -> Iterator[tuple[str, float]]:
        end = time.monotonic() + float(self.timeout or SILENCE)
        for tried, address in enumerate(addresses):
            yield address, max(0.05, (end - time.monotonic()) / (len(addresses) - tried))

    def response_class(self, sock: socket.socket, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:  # type: ignore[override]
        """Make the answer read under the deadline."""
        return http.client.HTTPResponse(TimedReader(sock), *args, **kwargs)  # type: ignore[arg-type]


class GuardedHTTPS(GuardedHTTP, HTTPSConnection):
    """The same over TLS."""

    guarded_scheme = "https"


class GuardedHTTPPool(HTTPConnectionPool):
    """A pool of guarded connections; give it `rules`."""

    ConnectionCls = GuardedHTTP


class GuardedHTTPSPool(HTTPSConnectionPool):
    """A pool of guarded TLS connections; give it `rules` and an `ssl_context`."""

    ConnectionCls = GuardedHTTPS


POOLS: dict[str, type[HTTPConnectionPool]] = {"http": GuardedHTTPPool, "https": GuardedHTTPSPool}


def open_pool(origin: str, rules: NetworkRules, sockets: int) -> tuple[HTTPConnectionPool, bool]:
    """Return the pool for "https://host:port", and whether it goes through the environment's proxy. Raises ConfigError."""
    parts = urlsplit(origin)
    kwargs: dict[str, Any] = {"maxsize": max(4, sockets), "block": False}
    if parts.scheme == "https":
        kwargs["ssl_context"] = trust(rules.ca_bundle)
    proxy = select_proxy(origin, get_environ_proxies(origin))
    if not proxy:
        return POOLS[parts.scheme](parts.hostname or "", parts.port, rules=rules, **kwargs), False
    way = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if way.scheme not in POOLS or not way.hostname:
        raise ConfigError(_("The proxy named in the environment is not an http or https address."))
    secret = unquote(f"{way.username}:{way.password or ''}") if way.username else None
    address = way._replace(netloc=way.netloc.rpartition("@")[2]).geturl()
    manager = ProxyManager(address, proxy_headers=make_headers(proxy_basic_auth=secret), **kwargs)
    manager.pool_classes_by_scheme = POOLS
    return manager.connection_from_host(parts.hostname, parts.port, parts.scheme), True


def trust(ca_bundle: str) -> ssl.SSLContext:
    """Return a TLS context that verifies always: by the given file of certificates, else by certifi's. Raises ConfigError."""
    try:
        found = os.stat(ca_bundle or DEFAULT_CA_BUNDLE_PATH)
        return _trusting(ca_bundle or DEFAULT_CA_BUNDLE_PATH, (found.st_ino, found.st_mtime_ns, found.st_size))
    except OSError as e:  # ssl.SSLError is one
        raise ConfigError(
            _("The CA bundle of this connection cannot be read: it must be a file of PEM certificates.")
        ) from e


@lru_cache(maxsize=16)
def _trusting(path: str, stamp: tuple[int, int, int]) -> ssl.SSLContext:
    """Reading hundreds of certificates takes longer than a request. `stamp` tells another file of the same name apart."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.check_hostname = True
    context.load_verify_locations(cafile=path)
    return context


def unreachable(error: NotSent, host: str) -> ConnectorError:
    """Return the error that tells a person what kept us from reaching the host."""
    cause = error.__cause__
    code = type(cause).__name__
    if isinstance(cause, ssl.SSLCertVerificationError):
        told = _(
            "The certificate of %(host)s is not trusted: %(why)s. If your company signs its own certificates, give this"
            " connection its CA bundle.",
            host=host,
            why=cause.verify_message,
        )
        return ConfigError(told, code="CERTIFICATE")
    if isinstance(cause, (socket.gaierror, UnicodeError)) or code == "NameResolutionError":
        told = _("The name %(host)s is not known: check the address for a typing mistake.", host=host)
    elif isinstance(cause, ssl.SSLError):
        told = _("%(host)s does not speak TLS there: is it http, or another port?", host=host)
    elif isinstance(cause, TimeoutError) or code == "ConnectTimeoutError":
        told = _("%(host)s did not answer in time: it may be down, or a firewall keeps us out.", host=host)
    elif isinstance(cause, ConnectionRefusedError):
        told = _("%(host)s refuses connections: is the server running, and the port right?", host=host)
    else:
        told = _("%(host)s cannot be reached (%(code)s).", host=host, code=code)
    return Unavailable(told, code=code)
