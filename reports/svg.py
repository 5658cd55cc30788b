"""Drawings as SVG text: a few shapes with geometry in attributes and colours left to classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

# What a drawing's letters are wide on average, as a share of their size.
_LETTER = 0.62


class Shape(Protocol):
    """Whatever can be put into a drawing."""

    def svg(self) -> str:
        """Return the shape as SVG."""


def number(value: float) -> str:
    """Return a coordinate with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def width_of(text: str, size: float) -> float:
    """Return about how wide a text is in letters of a size."""
    return len(text) * size * _LETTER


def shortened(text: str, width: float, size: float) -> str:
    """Return a text that is about no wider than its place, cut with an ellipsis."""
    most = max(int(width / (size * _LETTER)), 2)
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; `title` is what a pointer over it is told."""

    x: float
    y: float
    width: float
    height: float
    css: str
    title: str = ""

    def svg(self) -> str:
        """Return the shape as SVG."""
        place = f'x="{number(self.x)}" y="{number(self.y)}"'
        size = f'width="{number(self.width)}" height="{number(self.height)}"'
        inside = f"<title>{escape(self.title)}</title>" if self.title else ""
        return f'<rect class="{escape(self.css)}" {place} {size}>{inside}</rect>'


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text; `anchor` is start, middle or end, and `size` the height of its letters."""

    x: float
    y: float
    text: str
    css: str = "chart-words"
    anchor: str = "start"
    size: float = 11

    def svg(self) -> str:
        """Return the shape as SVG."""
        place = f'x="{number(self.x)}" y="{number(self.y)}" font-size="{number(self.size)}"'
        return f'<text class="{self.css}" {place} text-anchor="{self.anchor}">{escape(self.text)}</text>'


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    css: str = "chart-line"

    def svg(self) -> str:
        """Return the shape as SVG."""
        begins = f'x1="{number(self.x1)}" y1="{number(self.y1)}"'
        ends = f'x2="{number(self.x2)}" y2="{number(self.y2)}"'
        return f'<line class="{self.css}" {begins} {ends}/>'


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture with a name and a description for those who do not see it.

    `key` tells it from the other drawings of its page.
    """

    key: str
    title: str
    description: str
    width: float
    height: float
    shapes: Sequence[Shape]

    def svg(self) -> SafeString:
        """Return the whole picture."""
        named = f"{self.key}-title", f"{self.key}-desc"
        return mark_safe(  # noqa: S308 - every text in it is escaped
            f'<svg class="chart" role="img" aria-labelledby="{named[0]} {named[1]}" '
            f'viewBox="0 0 {number(self.width)} {number(self.height)}" xmlns="http://www.w3.org/2000/svg">'
            f'<title id="{named[0]}">{escape(self.title)}</title>'
            f'<desc id="{named[1]}">{escape(self.description)}</desc>'
            f"{''.join(shape.svg() for shape in self.shapes)}</svg>"
        )
