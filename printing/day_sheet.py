"""A day of a hotel on paper, for the desk: who comes when, with a box to tick. Drawn from plain words."""

from collections.abc import Iterator
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4

from printing.letters import SANS, SERIF, draw, lines, load_fonts
from printing.pdf_file import PdfFile
from printing.words import DayLine, DaySheet

_BLACK, _SOFT, _LINE = (HexColor(color) for color in ("#000000", "#444444", "#999999"))
_LEFT, _RIGHT = 34.0, A4[0] - 34.0
_TOP, _BOTTOM = A4[1] - 40.0, 44.0
_HEAD = 62.0
_SIZE, _LEADING, _GAP = 8.2, 10.6, 7.0
# Where the columns begin: the box, then as in the headings.
_COLUMNS = (_LEFT, 52.0, 116.0, 212.0, 310.0, 358.0, 470.0, 508.0, _RIGHT)
_MOST_LINES = (2, 3, 4, 2, 22, 2, 3)
_BOX = 9.0


Row = tuple[DayLine, tuple[tuple[str, ...], ...]]


def day_pdf(sheet: DaySheet, *, language: str) -> Iterator[bytes]:
    """Draw a day on as many sheets of A4 as it takes; each says whose day it is. Yields the file in parts."""
    load_fonts()
    file = PdfFile(A4, title=f"{sheet.hotel}, {sheet.day}", author=sheet.hotel, language=language)
    pages = list(_pages(sheet))
    for number, rows in enumerate(pages, start=1):
        _draw_head(file.canvas, sheet)
        _draw_rows(file.canvas, rows)
        if not rows:
            draw(file.canvas, _LEFT, _TOP - _HEAD - 20, sheet.nothing, SANS, 10)
        _draw_foot(file.canvas, sheet, f"{number} / {len(pages)}")
        yield file.end_page()
    yield file.end()


def _pages(sheet: DaySheet) -> Iterator[list[Row]]:
    """Yield the rows of each page: at least one page, and no row on two."""
    page: list[Row] = []
    left = room = _TOP - _HEAD - _BOTTOM
    for line in sheet.lines:
        row = (line, tuple(_cell(number, text) for number, text in enumerate(line.cells)))
        height = _height(row)
        if height > left and page:
            yield page
            page, left = [], room
        page.append(row)
        left -= height
    yield page


def _cell(number: int, text: str) -> tuple[str, ...]:
    width = _COLUMNS[number + 2] - _COLUMNS[number + 1] - 6
    return lines(text, SANS, _SIZE, width, _MOST_LINES[number])


def _height(row: Row) -> float:
    return max(map(len, row[1])) * _LEADING + _GAP


def _draw_head(canvas: Any, sheet: DaySheet) -> None:
    """Draw whose day it is, and the headings."""
    canvas.setFillColor(_BLACK)
    for place, (text, font, size) in enumerate(((sheet.hotel, SANS, 9), (sheet.day, SERIF, 15))):
        for line in lines(text, font, size, _RIGHT - _LEFT - 130, 1):
            draw(canvas, _LEFT, _TOP - place * 20, line, font, size)
    for line in lines(sheet.summary, SANS, 9, 120, 1):
        draw(canvas, _RIGHT, _TOP - 18, line, SANS, 9, at=1)
    y = _TOP - _HEAD + 8
    canvas.setFillColor(_SOFT)
    for number, heading in enumerate(sheet.headings):
        width = _COLUMNS[number + 2] - _COLUMNS[number + 1] - 3
        for line in lines(heading, SANS, 7, width, 1):
            draw(canvas, _COLUMNS[number + 1], y, line, SANS, 7)
    canvas.setStrokeColor(_BLACK)
    canvas.setLineWidth(0.9)
    canvas.line(_LEFT, _TOP - _HEAD, _RIGHT, _TOP - _HEAD)


def _draw_foot(canvas: Any, sheet: DaySheet, page: str) -> None:
    canvas.setFillColor(_SOFT)
    draw(canvas, _LEFT, _BOTTOM - 18, sheet.printed, SANS, 7)
    draw(canvas, _RIGHT, _BOTTOM - 18, page, SANS, 7, at=1)


def _draw_rows(canvas: Any, rows: list[Row]) -> None:
    y = _TOP - _HEAD
    for row in rows:
        _draw_row(canvas, row, y)
        y -= _height(row)
        canvas.setStrokeColor(_LINE)
        canvas.setLineWidth(0.4)
        canvas.line(_LEFT, y, _RIGHT, y)


def _draw_row(canvas: Any, row: Row, top: float) -> None:
    """Draw a booking; one that was cancelled is struck through and has no box."""
    line, cells = row
    base = top - 12.4
    canvas.setFillColor(_SOFT if line.is_cancelled else _BLACK)
    for number, cell in enumerate(cells):
        for place, text in enumerate(cell):
            draw(canvas, _COLUMNS[number + 1], base - place * _LEADING, text, SANS, _SIZE)
    canvas.setLineWidth(0.8)
    canvas.setStrokeColor(_SOFT if line.is_cancelled else _BLACK)
    if line.is_cancelled:
        canvas.line(_COLUMNS[1], base + 2.8, _COLUMNS[-3] - 6, base + 2.8)
    else:
        canvas.rect(_LEFT, base - 1.6, _BOX, _BOX)
