"""How sign-in attempts are counted and refused."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.addresses import client_address

LOCKED_MINUTES = 15


def address_of(request: HttpRequest) -> str:
    """Return where an attempt comes from, as far as that can be believed."""
    address = client_address(request)
    # The library keeps addresses; a network is known by its first one.
    return address.partition("/")[0] if address != "unknown" else "0.0.0.0"  # noqa: S104 - none, not any


def locked_out(request: HttpRequest, _response: Any = None, _credentials: Any = None) -> HttpResponse:
    """Answer an attempt that comes after too many wrong ones: 429, and when to come back."""
    response = render(request, "admin/staff/locked_out.html", {"minutes": LOCKED_MINUTES}, status=429)
    response.headers["Retry-After"] = str(LOCKED_MINUTES * 60)
    return response
