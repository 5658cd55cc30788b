"""Vouchers on paper: from plain words to a PDF, page by page. No database, no clock, no language."""

from collections.abc import Iterable, Iterator
from typing import Any

from reportlab.lib.pagesizes import A4, A5, A6

from printing.pdf_file import PdfFile
from printing.ticket import LINE, WIDTH, draw_ticket
from printing.words import Paper, Ticket


def tickets_pdf(
    tickets: Iterable[Ticket], *, paper: Paper, title: str, author: str, language: str
) -> Iterator[bytes]:
    """Draw vouchers, one on a page of A6 or A5, or four to be cut out of each sheet of A4.

    Yields the file in parts; `tickets` are taken one by one, as they are drawn.
    """
    size = {Paper.A6: A6, Paper.A5: A5, Paper.A4: A4}[paper]
    file = PdfFile(size, title=title, author=author, language=language)
    places = _places(paper)
    number = 0
    for number, ticket in enumerate(tickets, start=1):
        place = (number - 1) % len(places)
        if paper == Paper.A4 and place == 0:
            _cutting_lines(file.canvas)
        x, y, scale = places[place]
        file.canvas.saveState()
        file.canvas.translate(x, y)
        file.canvas.scale(scale, scale)
        draw_ticket(file.canvas, ticket)
        file.canvas.restoreState()
        if place == len(places) - 1:
            yield file.end_page()
    # A file without a page is none: readers refuse it.
    if number % len(places) or not number:
        yield file.end_page()
    yield file.end()


def _places(paper: Paper) -> list[tuple[float, float, float]]:
    """Return where vouchers stand on a page: x, y and scale of each."""
    if paper == Paper.A4:
        half_width, half_height = A4[0] / 2, A4[1] / 2
        return [(x, y, 1.0) for y in (half_height, 0.0) for x in (0.0, half_width)]
    return [(0.0, 0.0, A5[0] / WIDTH if paper == Paper.A5 else 1.0)]


def _cutting_lines(canvas: Any) -> None:
    canvas.saveState()
    canvas.setStrokeColor(LINE)
    canvas.setLineWidth(0.4)
    canvas.setDash(1, 3)
    canvas.line(A4[0] / 2, 0, A4[0] / 2, A4[1])
    canvas.line(0, A4[1] / 2, A4[0], A4[1] / 2)
    canvas.restoreState()
