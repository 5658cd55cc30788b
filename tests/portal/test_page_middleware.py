"""What pages need and calls of the API do not."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from portal.page_middleware import SessionMiddleware, is_call

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/api/voucher/list", "/api/", "/api/nowhere", "/legacy/api/voucher/list"])
def test_a_call_has_no_session(path: str) -> None:
    seen = []

    def respond(request: HttpRequest) -> HttpResponse:
        seen.append(hasattr(request, "session"))
        return HttpResponse()

    SessionMiddleware(respond)(RequestFactory().get(path))
    SessionMiddleware(respond)(RequestFactory().get("/"))
    assert seen == [False, True]


@pytest.mark.parametrize("path", ["/", "/admin/", "/api", "/apis/", "/api/docs", "/api/docs/", "/my/api/"])
def test_pages_are_no_calls(path: str) -> None:
    assert not is_call(RequestFactory().get(path))


def test_json_may_load_nothing_and_the_documentation_only_what_is_ours() -> None:
    guest = Client()
    assert guest.get("/api/openapi.json")["Content-Security-Policy"] == (
        "default-src 'none'; frame-ancestors 'none'"
    )
    assert "script-src 'self'" in guest.get("/api/docs")["Content-Security-Policy"]
