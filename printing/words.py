"""What is printed, in plain words: what draws it is loaded when the first file is asked for."""

from dataclasses import dataclass
from enum import StrEnum


class Paper(StrEnum):
    """What vouchers are printed on."""

    A6 = "a6"
    A5 = "a5"
    A4 = "a4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A voucher in the words of its reader's language, as it is printed.

    `code` is what the QR code says; empty where there is none to show. `about` is said
    beside it, `stamp` in its place.
    """

    id: str
    hotel: str
    address: str
    contact: str
    service: str
    title: str
    text: str
    when: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    terms: tuple[str, ...]
    code: str
    about: tuple[str, ...]
    stamp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLine:
    """A booking in words, as the desk reads it."""

    time: str
    guest: str
    what: str
    length: str
    note: str
    arrived: str
    status: str
    is_cancelled: bool

    @property
    def cells(self) -> tuple[str, ...]:
        """The words in the order of the headings."""
        return (self.time, self.guest, self.what, self.length, self.note, self.arrived, self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySheet:
    """A day in words: whose and which, and its lines by time."""

    hotel: str
    day: str
    summary: str
    printed: str
    nothing: str
    headings: tuple[str, ...]
    lines: tuple[DayLine, ...]
