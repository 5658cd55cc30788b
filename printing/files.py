"""How a PDF is sent."""

import re
from collections.abc import Iterator

from django.http import HttpResponse, StreamingHttpResponse

PDF = "application/pdf"


def pdf_response(parts: Iterator[bytes], name: str) -> HttpResponse:
    """Send a short PDF whole: what fails while it is drawn is still answered as a failure."""
    return HttpResponse(parts, content_type=PDF, headers={"Content-Disposition": _disposition(name)})


def long_pdf_response(parts: Iterator[bytes], name: str) -> StreamingHttpResponse:
    """Send a PDF of many pages while it is drawn."""
    return StreamingHttpResponse(parts, content_type=PDF, headers={"Content-Disposition": _disposition(name)})


def _disposition(name: str) -> str:
    """Return the header that names a file, of letters that every system takes."""
    return f'attachment; filename="{re.sub("[^A-Za-z0-9_-]+", "-", name)}.pdf"'
