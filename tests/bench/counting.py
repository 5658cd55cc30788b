"""Middleware of the benchmark alone: how many statements an answer took, when a request asks for that."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse

HEADER = "X-Count-Statements"


class CountingMiddleware:
    """Answer with the number of statements; with the value "told", with themselves as the body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        wish = request.META.get("HTTP_X_COUNT_STATEMENTS")
        if wish is None:
            return self.get_response(request)
        told: list[tuple[str, list[Any]]] = []

        def note(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
            told.append((str(sql), [_plain(value) for value in params or ()]))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(note):
            response = self.get_response(request)
        response.headers[HEADER] = str(len(told))
        if wish == "told":
            response.content = json.dumps(told)
            response.headers["Content-Length"] = str(len(response.content))
        return response


def _plain(value: Any) -> Any:
    """Return a value of a statement as JSON has it; both databases read it again."""
    if isinstance(value, datetime):
        return str(value.replace(tzinfo=None))
    if isinstance(getattr(value, "obj", value), bytes | memoryview):
        return ""
    if hasattr(value, "obj"):
        return json.dumps(value.obj)
    return value if isinstance(value, str | int | float | None) else str(value)
