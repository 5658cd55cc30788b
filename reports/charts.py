"""Charts: the geometry of a drawing, made of numbers and words alone. No database, no clock.

All are about as wide as a phone, in units of one pixel there: a wider page has several side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from reports.svg import Box, Drawing, Line, Shape, Words, shortened, width_of

WIDTH = 340.0
_SMALL = 10.5
_HEAT_LEVELS = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: the label below or beside it, its number, and the sentence that a pointer is told."""

    label: str
    value: int
    title: str
    css: str = "bar"
    number: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole: its number, its class, and what is said of it inside and to a pointer."""

    value: int
    css: str
    words: str
    title: str


@dataclass(frozen=True, slots=True)
class Place:
    """A day of an offer: booked places, places offered, and the words for them."""

    booked: int
    offered: int
    words: str
    title: str


def scale(most: int) -> list[int]:
    """Return round numbers from zero to at least `most`, two to five of them, evenly apart."""
    step = 1
    while most > 4 * step:
        # 1, 2, 5, 10, 20, 50, …
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return [step * place for place in range(max(ceil(most / step), 1) + 1)]


def columns(key: str, title: str, description: str, bars: Sequence[Bar], ticks: Mapping[int, str]) -> Drawing:
    """Draw upright bars over time; `ticks` are the numbers of `scale` with their words."""
    top, bottom, height = 8.0, 126.0, 146.0
    left = max(width_of(words, _SMALL) for words in ticks.values()) + 8
    most = max(ticks)
    shapes: list[Shape] = []
    for tick, words in ticks.items():
        y = bottom - (bottom - top) * tick / most
        shapes.append(Line(left, y, WIDTH, y, "chart-axis" if tick == 0 else "chart-line"))
        shapes.append(Words(left - 6, y + 3.5, words, "chart-number", "end", _SMALL))
    step = (WIDTH - left) / len(bars)
    for place, bar in enumerate(bars):
        tall = (bottom - top) * bar.value / most
        box = Box(left + step * place + step * 0.12, bottom - tall, step * 0.76, tall, bar.css, bar.title)
        shapes.append(box)
    shapes += _labels_below([bar.label for bar in bars], left, step, height - 5)
    return Drawing(key, title, description, WIDTH, height, shapes)


def _labels_below(labels: Sequence[str], left: float, step: float, y: float) -> list[Shape]:
    """Write as many labels under their bars as there is room for, evenly apart from the first on."""
    every = ceil((max(width_of(label, _SMALL) for label in labels) + 8) / step)
    shapes: list[Shape] = []
    free_from = 0.0
    for place in range(0, len(labels), every):
        half = width_of(labels[place], _SMALL) / 2
        # The outer ones are moved inwards, where the one before may be in their way.
        x = min(max(left + step * (place + 0.5), half), WIDTH - half)
        if x - half >= free_from:
            shapes.append(Words(x, y, labels[place], anchor="middle", size=_SMALL))
            free_from = x + half + 4
    return shapes


def rows(key: str, title: str, description: str, bars: Sequence[Bar]) -> Drawing:
    """Draw lying bars, one below the other, with their labels before and their numbers after them."""
    height, thick = 24.0, 15.0
    left = min(max(width_of(bar.label, 11) for bar in bars) + 8, WIDTH * 0.42)
    right = max(width_of(bar.number, 11) for bar in bars) + 6
    most = max(max(bar.value for bar in bars), 1)
    shapes: list[Shape] = [Line(left, 0, left, height * len(bars), "chart-axis")]
    for place, bar in enumerate(bars):
        y = height * place + (height - thick) / 2
        wide = (WIDTH - left - right) * bar.value / most
        shapes.append(Words(left - 6, y + 11.5, bar.label, anchor="end"))
        shapes.append(Box(left, y, wide, thick, bar.css, bar.title))
        shapes.append(Words(left + wide + 6, y + 11.5, bar.number, "chart-number"))
    return Drawing(key, title, description, WIDTH, height * len(bars), shapes)


@dataclass(frozen=True, slots=True)
class Stack:
    """A whole in parts: its name, its size in words, and the parts."""

    label: str
    number: str
    shares: Sequence[Share]


def stacks(key: str, title: str, description: str, wholes: Sequence[Stack]) -> Drawing:
    """Draw wholes of equal length, one below the other, each cut into its parts."""
    height = 44.0
    shapes: list[Shape] = []
    for place, whole in enumerate(wholes):
        y = height * place
        room = WIDTH - width_of(whole.number, 11) - 12
        shapes.append(Words(0, y + 13, shortened(whole.label, room, 11.5), "chart-name", size=11.5))
        shapes.append(Words(WIDTH, y + 13, whole.number, "chart-number", "end"))
        total = sum(share.value for share in whole.shares)
        x = 0.0
        for share in whole.shares:
            wide = WIDTH * share.value / max(total, 1)
            if share.value:
                shapes.append(Box(x, y + 19, wide, 17, share.css, share.title))
            if share.value and width_of(share.words, _SMALL) + 6 <= wide:
                middle = x + wide / 2
                shapes.append(Words(middle, y + 31.5, share.words, f"on-{share.css}", "middle", _SMALL))
            x += wide
    return Drawing(key, title, description, WIDTH, height * len(wholes), shapes)


def heat_level(value: int, most: int) -> int:
    """Return how strongly a number is coloured: 0 for none, then in equal steps up to 5 for the most."""
    return ceil(value * _HEAT_LEVELS / most) if value else 0


def heat_ranges(most: int) -> list[tuple[int, int, int]]:
    """Return which numbers each level is for, as level, least and most; levels of no number are left out."""
    found = []
    least = 1
    for level in range(1, _HEAT_LEVELS + 1):
        last = most * level // _HEAT_LEVELS
        if last >= least:
            found.append((level, least, last))
            least = last + 1
    return found


def heat_map(
    key: str,
    title: str,
    description: str,
    cells: Mapping[tuple[int, int], tuple[int, str]],
    weekdays: Sequence[str],
    legend: Mapping[int, str],
) -> Drawing:
    """Draw the hours of a week as fields, Monday first; `cells` have number and sentence by day and hour.

    `legend` says what each level of colour stands for.
    """
    left = max(width_of(name, _SMALL) for name in weekdays) + 10
    wide, tall, top = (WIDTH - left) / 24, 17.0, 16.0
    bottom = top + 7 * tall
    shapes: list[Shape] = [Box(left, top, WIDTH - left, 7 * tall, "heat-none")]
    most = max((number for number, _words in cells.values()), default=0)
    for (weekday, hour), (number, words) in sorted(cells.items()):
        css = f"heat-{heat_level(number, most)}"
        shapes.append(Box(left + hour * wide, top + weekday * tall, wide, tall, css, words))
    for weekday, name in enumerate(weekdays):
        shapes.append(Words(left - 6, top + weekday * tall + 12, name, anchor="end", size=_SMALL))
    shapes += [Line(left, top + line * tall, WIDTH, top + line * tall, "heat-line") for line in range(8)]
    for hour in range(0, 25, 6):
        x = left + hour * wide
        shapes.append(Line(x, top - 3, x, bottom, "chart-line"))
        anchor = "end" if hour == 24 else "middle"
        shapes.append(Words(x, top - 6, f"{hour:02d}", "chart-number", anchor, _SMALL))
    x = left
    for level, words in legend.items():
        shapes.append(Box(x, bottom + 10, 11, 11, f"heat-{level}"))
        shapes.append(Words(x + 15, bottom + 19.5, words, "chart-number", size=_SMALL))
        x += 15 + width_of(words, _SMALL) + 14
    return Drawing(key, title, description, WIDTH, bottom + 26, shapes)


def week(
    key: str,
    title: str,
    description: str,
    days: Sequence[tuple[str, str]],
    offers: Sequence[tuple[str, Sequence[Place]]],
) -> Drawing:
    """Draw a strip of seven days for each offer, each day filled as far as it is booked."""
    head, height = 30.0, 44.0
    wide = WIDTH / len(days)
    shapes: list[Shape] = []
    for place, (weekday, day) in enumerate(days):
        shapes.append(Words(wide * (place + 0.5), 11, weekday, "chart-name", "middle", _SMALL))
        shapes.append(Words(wide * (place + 0.5), 23, day, "chart-words", "middle", _SMALL))
    for number, (name, places) in enumerate(offers):
        y = head + height * number
        shapes.append(Words(0, y + 12, shortened(name, WIDTH, 11.5), "chart-name", size=11.5))
        for day_number, each in enumerate(places):
            shapes += _day_of_week(wide * day_number, y + 18, wide, each)
    return Drawing(key, title, description, WIDTH, head + height * len(offers), shapes)


def _day_of_week(x: float, y: float, wide: float, place: Place) -> list[Shape]:
    width, tall = wide - 4, 20.0
    part = min(place.booked / place.offered, 1) if place.offered else float(place.booked > 0)
    is_over = place.booked > place.offered
    css = "load-over" if is_over else "load-full" if part == 1 else "load-part"
    size = min(_SMALL, _SMALL * (width - 2) / max(width_of(place.words, _SMALL), 1))
    return [
        Box(x + 2, y, width, tall, "load-none" if place.offered else "load-closed", place.title),
        Box(x + 2, y, width * part, tall, css),
        Words(x + wide / 2, y + 14, place.words, "load-words", "middle", size),
    ]
