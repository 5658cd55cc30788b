"""Where webhooks may go, and how they get there: the guard stands where the connection is made.

requests-hardened looks the host up once, refuses what is not public, and connects to the very
address that it looked at. Added here: networks that the operator allows, two old ranges of
IPv6 that reach private hosts, TLS for all others, and an end to the whole request.
"""

import ipaddress
import logging
import socket
import threading
from functools import partial
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from requests.adapters import HTTPAdapter
from requests_hardened import Config, HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress, get_ip_address
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool

from portal.errors import Rejected

CONNECT_SECONDS = 5
READ_SECONDS = 10
WHOLE_SECONDS = 15
MOST_URL_LENGTH = 500
USER_AGENT = "HotelVoucherPortal-Webhooks/1"

# It warns of allowed addresses as well; a refusal is told where the delivery is.
logging.getLogger("requests_hardened").setLevel(logging.ERROR)

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class PlainHttpError(requests.RequestException):
    """A public address was to be reached without TLS."""


class TooSlowError(requests.Timeout):
    """The receiver did not answer in the time that a whole request has."""


def is_allowed_private(ip: _Address) -> bool:
    """Tell whether the operator lets webhooks reach an address of their own network."""
    return any(ip in network for network in settings.WEBHOOK_PRIVATE_NETWORKS)


def refuse_url(url: str) -> None:
    """Look at a receiver's address, and look its host up; not inside a transaction, since that is slow.

    A name that nobody knows yet passes: the guard is where the connection is made.

    Raises Rejected("webhook_url_invalid") when it is not an address that webhooks go to, and
    Rejected("webhook_url_private") when it leads to a host that is not public.
    """
    parts = _split(url)
    host, port = parts.hostname or "", parts.port or 0
    try:
        ip, _port = get_ip_address(host, port, allow_loopback=False)
        _refuse_hidden(ip)
        is_public = True
    except InvalidIPAddress as error:
        ip = error.args[0]
        is_public = False
        if not is_allowed_private(ip):
            raise Rejected(
                "webhook_url_private", _("Webhooks go to public addresses alone, and this one is not.")
            ) from None
    except (OSError, UnicodeError):
        is_public = True
    if is_public and parts.scheme != "https":
        raise _invalid()


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a request and return the status of its answer, whose body is not read.

    Takes WHOLE_SECONDS at most, or as long as looking the host up does. Redirects are not followed.
    Raises requests.RequestException when there is no answer.
    """
    config = Config(
        ip_filter_enable=False,
        ip_filter_allow_loopback_ips=False,
        never_redirect=True,
        default_timeout=(CONNECT_SECONDS, READ_SECONDS),
        user_agent_override=USER_AGENT,
    )
    with HTTPSession(config) as session, Deadline(WHOLE_SECONDS) as deadline:
        # Neither proxies nor passwords of the machine's own environment.
        session.trust_env = False
        session.mount("https://", GuardedAdapter(deadline, is_https_proto=True))
        session.mount("http://", GuardedAdapter(deadline, is_https_proto=False))
        try:
            response = session.post(url, data=body, headers=headers, stream=True)
        except requests.RequestException as error:
            if deadline.has_passed:
                raise TooSlowError from error
            raise
        response.close()
        return int(response.status_code)


class Deadline:
    """Ends the connections that were made under it when its time is over.

    A receiver that sends a byte now and then never runs into the timeout of one read.
    """

    def __init__(self, seconds: float) -> None:
        self.has_passed = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        for each in self._sockets:
            each.close()

    def watch(self, connected: socket.socket) -> None:
        """End this connection too; by a twin of its own, since TLS takes the socket over."""
        self._sockets.append(connected.dup())
        if self.has_passed:
            self._end()

    def _end(self) -> None:
        self.has_passed = True
        for each in list(self._sockets):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                # It has ended by itself.
                continue


class _WatchedConnection(HTTPConnection):
    deadline: Deadline

    def __init__(self, *args: Any, deadline: Deadline, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deadline = deadline

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        self.deadline.watch(connected)
        return connected


class _WatchedTlsConnection(_WatchedConnection, HTTPSConnection):
    pass


class GuardedAdapter(IPFilterAdapter):  # type: ignore[misc]
    """Connects to public addresses by TLS, and to the operator's own networks."""

    def __init__(self, deadline: Deadline, *, is_https_proto: bool) -> None:
        super().__init__(is_https_proto=is_https_proto)
        self._deadline = deadline

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return where to connect to: an address that was looked at, not a name."""
        try:
            host_params, pool_kwargs = super().build_connection_pool_key_attributes(request, verify, cert)
            _refuse_hidden(ipaddress.ip_address(host_params["host"].strip("[]")))
        except InvalidIPAddress as error:
            if not is_allowed_private(error.args[0]):
                raise
            return self._pinned(request, verify, cert, error.args[0])
        if not self._is_https_proto:
            raise PlainHttpError
        return host_params, pool_kwargs

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        """Return connections that end when the time is over."""
        pool: HTTPConnectionPool = super().get_connection_with_tls_context(*args, **kwargs)
        kind = _WatchedTlsConnection if self._is_https_proto else _WatchedConnection
        pool.ConnectionCls = partial(kind, deadline=self._deadline)  # type: ignore[assignment]
        return pool

    def _pinned(
        self, request: requests.PreparedRequest, verify: Any, cert: Any, ip: _Address
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        found: Any = HTTPAdapter.build_connection_pool_key_attributes(self, request, verify, cert)
        host_params, pool_kwargs = found
        request.headers["Host"] = urlsplit(str(request.url)).netloc
        if self._is_https_proto:
            name = host_params["host"]
            pool_kwargs |= {"assert_hostname": name, "server_hostname": name}
        host_params["host"] = f"[{ip}]" if ip.version == 6 else str(ip)
        return host_params, pool_kwargs


def _refuse_hidden(ip: _Address) -> None:
    """Refuse what passes for public: ::a.b.c.d, which is an IPv4 address, and site-local IPv6."""
    if ip.is_reserved or getattr(ip, "is_site_local", False):
        raise InvalidIPAddress(ip)


def _split(url: str) -> SplitResult:
    if len(url) > MOST_URL_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        raise _invalid()
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise _invalid() from None
    if not is_whole or "@" in parts.netloc or "\\" in url or parts.fragment:
        raise _invalid()
    return parts


def _invalid() -> Rejected:
    return Rejected(
        "webhook_url_invalid",
        _("Webhooks need an address that begins with https://, without user name and password."),
    )
