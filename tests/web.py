"""Plain functions for tests of pages: whose browser it is, what it asks for, what it gets."""

import html
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.core import signing
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from bookings.slot_ids import slot_id
from presence.browser import COOKIE

_COOKIE_SALT = "presence.guest-cookie"
_TOKEN = re.compile(r'(name="csrfmiddlewaretoken" value=")[^"]+')
_BLOCK = re.compile(r'</?(?:p|li|h\d|dd|dt|td|th|button|div|span class="card)\b[^>]*>')
_INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/(?:ld\+)?json\")[^>]*>"
    r"|<style\b|<[^>]+\sstyle=|<[^>]+\son[a-z]+\s*=|javascript:",
    re.IGNORECASE,
)
TYPED = {"name": "Ann Visser", "email": "ann@guest.example", "note": "By the window, please"}


def browser_of(uid: str = "", **options: Any) -> Client:
    """Return the browser of a guest; of nobody without a uid."""
    client = Client(**options)
    if uid:
        client.cookies[COOKIE] = signing.get_cookie_signer(salt=COOKIE + _COOKIE_SALT).sign(uid)
    return client


def fragment(target: str, **more: str) -> dict[str, str]:
    """Return the headers of an htmx request that is going to replace one region."""
    return {"HX-Request": "true", "HX-Target": target, **more}


def address(**place: Any) -> str:
    """Return an address of the manifest; a datetime as `slot` becomes its slot id."""
    if isinstance(place.get("slot"), datetime):
        place["slot"] = slot_id(place["slot"])
    return f"/?{urlencode(place)}"


def text_of(response: Any) -> str:
    """Return a page without what differs from one answer to the next."""
    return _TOKEN.sub(r"\1…", response.content.decode())


def words_of(response: Any) -> str:
    """Return a page's words as they are read, without its markup."""
    plain = re.sub(r"<[^>]+>", "", _BLOCK.sub(" ", text_of(response)))
    return " ".join(html.unescape(plain).split())


def inline_code(page: str) -> list[str]:
    """Return what a Content-Security-Policy without unsafe-inline would not let run."""
    return _INLINE.findall(page)


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every pattern that the portal routes for people, with the route that leads there.

    The JSON API's and the adapter's have other rules: see test_api.py and test_api_keys.py.
    """
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if route.startswith(("api/", "legacy/api/")):
            continue
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        else:
            yield route, pattern


def path_of(route: str, **values: str) -> str:
    """Return a path that a route leads to; `values` by parameter, "1" for the others."""

    def fill(found: re.Match[str]) -> str:
        return values.get(found[1], "1")

    plain = re.sub(r"\(\?P<(\w+)>[^)]*\)", fill, route.replace("(?P<url>.*)$", "nothing"))
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", fill, plain).replace("\\Z", "").strip("^$")


def all_tables() -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table."""
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values())
        for model in apps.get_models()
        if model._meta.managed
    }
