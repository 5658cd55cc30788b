"""Where a request comes from, as far as that can be believed."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

# Who has an IPv6 address has the 2**64 beside it as well.
_IPV6_PREFIX = 64


def client_address(request: HttpRequest) -> str:
    """Return the client's IPv4 address, or the /64 network of its IPv6 address.

    With TRUSTED_PROXIES = n, the last n entries of X-Forwarded-For were written by proxies of
    ours, and the n-th from the right is the client's. What stands further left anyone can make
    up; without proxies of ours the whole header is not looked at.
    """
    told = request.META.get("REMOTE_ADDR", "")
    number = settings.TRUSTED_PROXIES
    if number:
        entries = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(entries) >= number:
            told = entries[-number].strip() or told
    return _network(told) or _network(request.META.get("REMOTE_ADDR", "")) or "unknown"


def _network(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), _IPV6_PREFIX), strict=False))
    return str(address)
