"""How one voucher looks on paper: a page of A6 in points, drawn from plain words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import segno
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A6

from printing.letters import SANS, SERIF, draw, drawable, lines, size_within
from printing.words import Ticket

_BLACK = HexColor("#000000")
_DARK = re.compile(b"\x01+")
INK, SOFT, LINE, ACCENT = (HexColor(color) for color in ("#1e2422", "#56605c", "#c9c4b6", "#1d5c4d"))
WIDTH, HEIGHT = A6
_FRAME = 17.0
_LEADING = 1.32
_MARGIN = 32.0
_INNER = WIDTH - 2 * _MARGIN
_CODE = 88.0
_FOOT = 132.0
_TOP = HEIGHT - 40.0
_LABEL = 62.0
# What the title, its time and its service take at the least.
_LEAST_MIDDLE = 72.0
_LABEL_SIZE, _FACT_SIZE, _TERMS_SIZE = 6.6, 7.8, 6.4
_FACT_LEADING, _FACT_GAP = 10.2, 5.2
# Each of an id's letters has to be read, so that a long one is smaller rather than cut.
_ID_SIZES = (8.6, 7.6, 6.6, 5.6)
_MOST_FACTS, _MOST_TERMS = 4, 5
Fact = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines of one look, with room below."""

    lines: tuple[str, ...]
    font: str
    size: float
    color: Any
    below: float = 0.0

    @property
    def leading(self) -> float:
        return self.size * _LEADING

    @property
    def height(self) -> float:
        return len(self.lines) * self.leading + self.below if self.lines else 0.0


def draw_ticket(canvas: Any, ticket: Ticket) -> None:
    """Draw a voucher with its corner at the canvas's origin."""
    canvas.setStrokeColor(ACCENT)
    canvas.setLineWidth(0.7)
    canvas.roundRect(_FRAME, _FRAME, WIDTH - 2 * _FRAME, HEIGHT - 2 * _FRAME, 5)
    below_head = _draw_head(canvas, ticket)
    facts, terms = _what_fits(ticket, below_head - _FOOT - _LEAST_MIDDLE)
    above_terms = _FOOT + 9 + (terms.height + 6 if terms.lines else 0)
    above_facts = above_terms + sum(map(_fact_height, facts))
    # In the order in which it is read: that is how it is copied and read aloud.
    _draw_middle(canvas, ticket, below_head, above_facts)
    _draw_facts(canvas, facts, above_facts)
    _draw_blocks(canvas, above_terms - 6, [terms])
    _draw_foot(canvas, ticket)


def _what_fits(ticket: Ticket, room: float) -> tuple[list[Fact], _Block]:
    """Return facts and terms that leave the title its room: facts of one line where two are too many."""
    leading = _TERMS_SIZE * _LEADING
    facts: list[Fact] = []
    left = room
    for most in (2, 1):
        width = _INNER - _LABEL
        facts = [(label, lines(words, SANS, _FACT_SIZE, width, most)) for label, words in ticket.facts]
        facts = facts[:_MOST_FACTS]
        left = room - 15 - sum(map(_fact_height, facts))
        if left >= 2 * leading:
            break
    most_terms = max(1, min(_MOST_TERMS, int(left / leading)))
    terms = lines(" · ".join(ticket.terms), SANS, _TERMS_SIZE, _INNER, most_terms)
    return facts, _Block(terms, SANS, _TERMS_SIZE, SOFT)


def _fact_height(fact: Fact) -> float:
    return len(fact[1]) * _FACT_LEADING + _FACT_GAP


def _draw_head(canvas: Any, ticket: Ticket) -> float:
    """Draw who gives the voucher; returns where that ends."""
    y = _draw_blocks(
        canvas,
        _TOP,
        [
            _Block(lines(ticket.hotel, SERIF, 13, _INNER, 2), SERIF, 13, INK, 1.5),
            _Block(lines(ticket.address, SANS, 6.6, _INNER, 2), SANS, 6.6, SOFT),
            _Block(lines(ticket.contact, SANS, 6.6, _INNER, 1), SANS, 6.6, SOFT),
        ],
    )
    y -= 5
    canvas.setStrokeColor(ACCENT)
    canvas.setLineWidth(0.7)
    canvas.line(WIDTH / 2 - 13, y, WIDTH / 2 + 13, y)
    return y - 4


def _draw_blocks(canvas: Any, top: float, blocks: list[_Block]) -> float:
    """Draw lines in the middle of the page from `top` downwards; returns where they end."""
    y = top
    for block in blocks:
        canvas.setFillColor(block.color)
        for line in block.lines:
            draw(canvas, WIDTH / 2, y - block.size, line, block.font, block.size, at=0.5)
            y -= block.leading
        y -= block.below if block.lines else 0
    return y


def _draw_middle(canvas: Any, ticket: Ticket, top: float, bottom: float) -> None:
    """Draw what is given and when, in the middle of the room; what it is about takes what is left."""
    # Narrower than the rest, since its letters stand apart.
    (service,) = lines(ticket.service.upper(), SANS, 6, _INNER * 0.75, 1) or ("",)
    room = top - bottom - 20
    shown = tuple(line for words in ticket.when for line in lines(words, SERIF, 11, _INNER, 1))
    when = _Block(shown, SERIF, 11, ACCENT, 4)
    title = _title_block(ticket.title, room - when.height)
    left = int((room - when.height - title.height) / (7.6 * _LEADING))
    text = _Block(lines(ticket.text, SANS, 7.6, _INNER, max(0, min(left, 6))), SANS, 7.6, INK)
    spare = room - title.height - when.height - text.height
    y = top - spare * 0.4 - 8
    canvas.setFillColor(ACCENT)
    draw(canvas, WIDTH / 2, y, service, SANS, 6, at=0.5, spacing=1.1)
    _draw_blocks(canvas, y - 5, [title, when, text])


def _title_block(title: str, room: float) -> _Block:
    """Return a title as large as its room allows, cut off only where even small letters do not fit."""
    for size, most in ((20.0, 2), (16.0, 3), (13.0, 4)):
        block = _Block(lines(title, SERIF, size, _INNER, most), SERIF, size, INK, 5)
        is_whole = not block.lines[-1:] or not block.lines[-1].endswith("…")
        if is_whole and block.height <= room:
            return block
    return _Block(lines(title, SERIF, 11, _INNER, max(1, int(room / 15))), SERIF, 11, INK, 3)


def _draw_facts(canvas: Any, facts: list[Fact], top: float) -> None:
    """Draw what there is to know, each with its name, from `top` downwards."""
    canvas.setLineWidth(0.4)
    canvas.setStrokeColor(LINE)
    y = top
    for fact in facts:
        label, words = fact
        canvas.line(_MARGIN, y, WIDTH - _MARGIN, y)
        canvas.setFillColor(SOFT)
        (shown,) = lines(label, SANS, _LABEL_SIZE, _LABEL - 4, 1) or ("",)
        draw(canvas, _MARGIN, y - 10.4, shown, SANS, _LABEL_SIZE)
        canvas.setFillColor(INK)
        for number, line in enumerate(words):
            draw(canvas, _MARGIN + _LABEL, y - 10.4 - number * _FACT_LEADING, line, SANS, _FACT_SIZE)
        y -= _fact_height(fact)


def _draw_foot(canvas: Any, ticket: Ticket) -> None:
    """Draw what the desk reads: the code with what to do with it, or why there is none."""
    canvas.setStrokeColor(LINE)
    canvas.setLineWidth(0.7)
    canvas.setDash(2.2, 2.6)
    canvas.line(_FRAME, _FOOT, WIDTH - _FRAME, _FOOT)
    canvas.setDash()
    x, y = _MARGIN, _FOOT - 12
    if ticket.code:
        _draw_code(canvas, ticket.code, _MARGIN, _FOOT - 10 - _CODE)
        x += _CODE + 14
    width = WIDTH - _MARGIN - x
    canvas.setFillColor(INK)
    for line in lines(ticket.stamp, SERIF, 13, width, 1):
        y -= 15
        draw(canvas, x, y, line, SERIF, 13)
    canvas.setFillColor(SOFT)
    for words in ticket.about[:2]:
        y -= 6
        for line in lines(words, SANS, 7.2, width, 2):
            y -= 9.6
            draw(canvas, x, y, line, SANS, 7.2)
    canvas.setFillColor(INK)
    number = drawable(ticket.id)
    draw(canvas, x, _FOOT - 9 - _CODE, number, SANS, size_within(number, SANS, _ID_SIZES, width))


def _draw_code(canvas: Any, text: str, x: float, y: float) -> None:
    """Draw a text as a QR code, with the modules as its units: whole numbers make a short file.

    Dark modules side by side are one shape, so that no hair line parts them.
    """
    rows = list(segno.make(text, micro=False, error="m").matrix)
    canvas.saveState()
    canvas.translate(x, y + _CODE)
    canvas.scale(_CODE / len(rows), -_CODE / len(rows))
    canvas.setFillColor(_BLACK)
    path = canvas.beginPath()
    for number, row in enumerate(rows):
        for start, length in _dark_runs(row):
            path.rect(start, number, length, 1)
    canvas.drawPath(path, stroke=0, fill=1)
    canvas.restoreState()


def _dark_runs(row: bytearray) -> Iterator[tuple[int, int]]:
    """Yield where dark modules stand side by side: the first of them and how many."""
    for found in _DARK.finditer(row):
        yield found.start(), found.end() - found.start()
