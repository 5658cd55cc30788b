"""What the page of figures is made of: sections with charts, and tables of the same numbers."""

from dataclasses import dataclass, field

from django.utils.safestring import SafeString


@dataclass(frozen=True, slots=True)
class Cell:
    """A number in words, and the list of what it counts where there is one."""

    words: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table; a sum of the others says so."""

    head: str
    cells: list[Cell]
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers of one or more charts; the first column heads the rows."""

    caption: str
    columns: list[str]
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its heading and the one number that sums it up."""

    title: str
    total: Cell
    svg: SafeString
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """What a colour stands for."""

    css: str
    words: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: what it is about, its charts, the table behind them, or why there is nothing."""

    key: str
    title: str
    says: list[str]
    charts: list[Chart] = field(default_factory=list)
    table: Table | None = None
    legend: list[Mark] = field(default_factory=list)
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """A number that stands at the top of the page, and a few words on it."""

    title: str
    number: Cell
    says: str = ""
