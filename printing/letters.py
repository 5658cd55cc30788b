"""The letters of what is printed: fonts, what they cannot show, and how text breaks into lines."""

import re
import unicodedata
from functools import cache, lru_cache
from typing import Any

import fontpkg
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

SANS = "Noto Sans"
SERIF = "Noto Serif"
# Stars, ticks and arrows, which the two others lack; every reader of PDF brings these along.
_SYMBOLS = "ZapfDingbats"
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_DOTS = "…"
_STOPS = " .,;:–-·"
_SIGNS = range(0x2190, 0x27C0)


@cache
def _font(name: str) -> Any:
    font = TTFont(name, str(fontpkg.path(name)))
    pdfmetrics.registerFont(font)
    return font


def load_fonts() -> None:
    """Read the fonts once in the life of a process."""
    for name in (SANS, SERIF):
        _font(name)


def _is_letter(sign: str) -> bool:
    return all(ord(sign) in _font(name).face.charToGlyph for name in (SANS, SERIF))


@cache
def _symbols() -> re.Pattern[str]:
    """Return the pattern of what the font of symbols draws because the two others do not."""
    coding = pdfmetrics.getFont(_SYMBOLS).encName
    signs = [chr(code) for code in _SIGNS if not _is_letter(chr(code))]
    return re.compile(f"([{''.join(sign for sign in signs if sign.encode(coding, 'ignore'))}]+)")


@cache
def _is_drawn(sign: str) -> bool:
    """Tell whether there is a shape for a character."""
    return _is_letter(sign) or _symbols().match(sign) is not None


@lru_cache(maxsize=512)
def drawable(text: str) -> str:
    """Return a text as it can be drawn, on one line.

    What has no shape of its own goes; of a script that the fonts lack, each word is one sign
    that says so, since a box or a gap would say nothing.
    """
    found: list[str] = []
    for sign in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(sign)
        if sign in "\u00a0\u202f":
            found.append("\u00a0")
        elif kind in ("Cc", "Zs", "Zl", "Zp"):
            found.append(" ")
        elif kind == "Cf" or "\ufe00" <= sign <= "\ufe0f":
            continue
        elif _is_drawn(sign):
            found.append(sign)
        elif kind[0] != "M" and found[-1:] != [_UNKNOWN]:
            found.append(_UNKNOWN)
    return " ".join(word for word in "".join(found).split(" ") if word)


def _runs(text: str, font: str) -> list[tuple[str, str]]:
    """Return a drawable text in pieces of one font each."""
    pieces = _symbols().split(text)
    return [(_SYMBOLS if number % 2 else font, piece) for number, piece in enumerate(pieces) if piece]


@lru_cache(maxsize=2048)
def width_of(text: str, font: str, size: float) -> float:
    """Return how wide a drawable text is, in points."""
    return sum(float(pdfmetrics.stringWidth(piece, name, size)) for name, piece in _runs(text, font))


def draw(
    canvas: Any, x: float, y: float, text: str, font: str, size: float, *, at: float = 0, spacing: float = 0
) -> None:
    """Draw a drawable text on a base line; of its width, the share `at` is left of `x`.

    `spacing` widens the gaps between letters, in points.
    """
    if at:
        x -= at * (width_of(text, font, size) + spacing * max(0, len(text) - 1))
    for name, piece in _runs(text, font):
        canvas.setFont(name, size)
        canvas.drawString(x, y, piece, charSpace=spacing)
        x += width_of(piece, name, size) + spacing * len(piece)


@lru_cache(maxsize=512)
def lines(text: str, font: str, size: float, width: float, most: int) -> tuple[str, ...]:
    """Break a text into at most so many lines of a width; what is left over is three dots.

    Words stay whole where they fit into a line.
    """
    found: list[str] = []
    rest = drawable(text).replace("/", "/\u200b").replace("-", "-\u200b")
    while rest and len(found) < most:
        line, rest = _first_line(rest, font, size, width)
        found.append(line)
    if rest and found:
        found[-1] = _shortened(found[-1], font, size, width)
    return tuple(found)


def _first_line(text: str, font: str, size: float, width: float) -> tuple[str, str]:
    """Return as much of a text as fits into a line, and what is left of it."""
    place = 0
    for end in (*(found.end() for found in re.finditer("[ \u200b]", text)), len(text)):
        if width_of(_plain(text[:end]), font, size) > width:
            break
        place = end
    if not place:
        place = _letters_within(text, font, size, width)
    return _plain(text[:place]), text[place:].lstrip(" \u200b")


def _letters_within(text: str, font: str, size: float, width: float) -> int:
    """Return how many letters of a word fit into a line: at least one."""
    place = 1
    while place < len(text) and width_of(_plain(text[: place + 1]), font, size) <= width:
        place += 1
    return place


def _plain(text: str) -> str:
    return text.replace("\u200b", "").rstrip(" ")


def _shortened(line: str, font: str, size: float, width: float) -> str:
    line = line.rstrip(_STOPS)
    while line and width_of(line + _DOTS, font, size) > width:
        line = line[:-1].rstrip(_STOPS)
    return line + _DOTS


def size_within(text: str, font: str, sizes: tuple[float, ...], width: float) -> float:
    """Return the first size at which a drawable text fits into a width, else the last."""
    return next((size for size in sizes if width_of(text, font, size) <= width), sizes[-1])
