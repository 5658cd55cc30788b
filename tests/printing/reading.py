"""Plain functions that read what was printed back from its file."""

from io import BytesIO
from typing import Any

import segno
from pypdf import PdfReader
from pypdf.generic import ContentStream

from printing.words import Ticket


def make_ticket(**overrides: Any) -> Ticket:
    fields: dict[str, Any] = {
        "id": "v-mhx1a2b0-abcd1efl0ijk",
        "hotel": "Hotel Keizershof",
        "address": "Keizersgracht 410, 1016 GC Amsterdam",
        "contact": "+31 20 555 0123",
        "service": "Spa",
        "title": "Spa hour",
        "text": "Sauna, steam bath and a quiet room.",
        "when": (),
        "facts": (("Length", "1 hr"), ("Price", "Included"), ("Valid", "until Christmas")),
        "terms": ("Age: 16 and over",),
        "code": "",
        "about": ("Show this at the front desk.",),
        "stamp": "",
    }
    return Ticket(**{**fields, **overrides})


def body_of(response: Any) -> bytes:
    """Return a PDF that an address answered with, whole or in parts."""
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/pdf"
    return b"".join(response.streaming_content) if response.streaming else response.content


def pages_of(data: bytes) -> list[str]:
    """Return the words of each page, without line ends; a file that is not sound is refused."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(data), strict=True).pages]


def words_of_pdf(response: Any) -> str:
    return " ".join(pages_of(body_of(response)))


def codes_of(data: bytes) -> list[frozenset[tuple[int, int]]]:
    """Return the QR codes of a file as they were drawn: the dark modules of each."""
    reader = PdfReader(BytesIO(data), strict=True)
    found = []
    for page in reader.pages:
        dark: set[tuple[int, int]] = set()
        for operands, operator in ContentStream(page.get_contents(), reader).operations:
            if operator == b"re":
                x, y, width, height = map(float, operands)
                assert height == 1
                dark |= {(int(x) + step, int(y)) for step in range(int(width))}
            elif operator in (b"f", b"f*") and dark:
                found.append(frozenset(dark))
                dark = set()
    return found


def modules_of(text: str) -> frozenset[tuple[int, int]]:
    """Return the dark modules of a text's QR code."""
    rows = segno.make(text, micro=False, error="m").matrix
    return frozenset((x, y) for y, row in enumerate(rows) for x, module in enumerate(row) if module)


def places_of(data: bytes) -> list[tuple[str, float, float, float]]:
    """Return each piece of text of the first page with where it stands and how large: x, y, size."""
    found: list[tuple[str, float, float, float]] = []

    def hear(text: str, _user: Any, matrix: list[float], _font: Any, size: float) -> None:
        if text.strip():
            found.append((text.strip(), matrix[4], matrix[5], size))

    PdfReader(BytesIO(data)).pages[0].extract_text(visitor_text=hear)
    return found
