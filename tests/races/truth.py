"""What is really stored, read past the application, and the product's rules 1 to 3 and 9 checked on it."""

import contextlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from tests.servers import WAIT_SECONDS

Row = dict[str, Any]

# Which stored status an event of this type leads from and to ("" is before the issue).
_MOVES: dict[str, set[tuple[str, str]]] = {
    "voucher.issue": {("", "issued")},
    "voucher.book": {("issued", "booked")},
    "voucher.move": {("booked", "booked")},
    "voucher.cancel": {("booked", "issued")},
    "voucher.withdraw": {("issued", "cancelled"), ("booked", "cancelled")},
    "voucher.expire": {("issued", "expired"), ("booked", "expired")},
}


@dataclass
class Stored:
    """The rows of some offers at one moment."""

    offers: dict[str, Row] = field(default_factory=dict)
    batches: dict[str, Row] = field(default_factory=dict)
    vouchers: dict[str, Row] = field(default_factory=dict)
    bookings: dict[str, Row] = field(default_factory=dict)
    events: dict[str, Row] = field(default_factory=dict)

    @property
    def standing(self) -> list[Row]:
        """The bookings that have not been cancelled."""
        return [row for row in self.bookings.values() if row["status"] == "booked"]

    def events_of(self, verb: str) -> list[Row]:
        """The journal's entries of one type."""
        return [row for row in self.events.values() if row["type"] == f"voucher.{verb}"]

    def most_at_once(self, offer_id: str) -> int:
        """Return the most standing bookings of an offer at one instant, walking through time."""
        steps = Counter[datetime]()
        for row in self.standing:
            if row["offer_id"] == offer_id:
                steps[row["slot_start"]] += 1
                steps[row["slot_end"]] -= 1
        level = most = 0
        for moment in sorted(steps):
            level += steps[moment]
            most = max(most, level)
        return most

    def faults(self) -> list[str]:
        """Return every breach of the rules, in words; none is what should be found."""
        return [
            *self._places(),
            *self._vouchers(),
            *self._batches(),
            *self._journal_of_vouchers(),
            *self._journal_of_bookings(),
        ]

    def _places(self) -> Iterator[str]:
        for offer in self.offers.values():
            most = self.most_at_once(offer["id"])
            if most > offer["capacity"]:
                yield f"{most} at once in the {offer['capacity']} places of {offer['id']}"

    def _vouchers(self) -> Iterator[str]:
        standing: dict[str, list[Row]] = defaultdict(list)
        for row in self.standing:
            standing[row["voucher_id"]].append(row)
        for voucher in self.vouchers.values():
            own = standing[voucher["id"]]
            told = f"voucher {voucher['id']} is {voucher['status']} with {len(own)} standing bookings"
            if len(own) > 1:
                yield told
            if voucher["status"] == "booked":
                if not own:
                    yield told
                elif own[0]["holder_uid"] != voucher["holder_uid"]:
                    yield f"voucher {voucher['id']} and its booking have different holders"
            elif voucher["status"] in ("issued", "cancelled") and own:
                yield told

    def _batches(self) -> Iterator[str]:
        truth = Counter(
            (row["batch_id"], row["status"]) for row in self.vouchers.values() if not row["holder_uid"]
        )
        for batch in self.batches.values():
            for status in ("issued", "consumed", "cancelled", "expired"):
                told, true = batch[f"open_{status}"], truth[batch["id"], status]
                if told != true:
                    yield f"batch {batch['id']} counts {told} {status}, and has {true}"

    def _journal_of_vouchers(self) -> Iterator[str]:
        # Events are steps between states: put end to end, in whatever order, they lead from
        # nothing to what is stored. One too many or too few leaves the sums uneven.
        balance: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        for event in self.events.values():
            before, after = (_state(event["meta"][key]) for key in ("before", "after"))
            if (before[0], after[0]) not in _MOVES[event["type"]]:
                yield f"{event['type']} leads from {before} to {after}"
            balance[event["subject_id"]][before] -= 1
            balance[event["subject_id"]][after] += 1
        for voucher in self.vouchers.values():
            steps = balance[voucher["id"]]
            steps[("", "")] += 1
            steps[_state(voucher)] -= 1
            if any(steps.values()):
                yield f"the journal of voucher {voucher['id']} does not lead to {_state(voucher)}"

    def _journal_of_bookings(self) -> Iterator[str]:
        numbers = Counter(
            (event["meta"].get("booking_id"), event["type"].removeprefix("voucher."))
            for event in self.events.values()
        )
        for booking in self.bookings.values():
            key, told = booking["id"], f"booking {booking['id']} ({booking['status']})"
            if (number := numbers[key, "book"]) != 1:
                yield f"{told} has {number} events of booking it"
            ended = numbers[key, "cancel"] + numbers[key, "withdraw"]
            if ended != (booking["status"] == "cancelled"):
                yield f"{told} has {ended} events of cancelling it"
            if (number := numbers[key, "move"]) != booking["revision"]:
                yield f"{told} was moved {booking['revision']} times and has {number} events of it"
        known = sum(number for (_key, verb), number in numbers.items() if verb == "book")
        if known != len(self.bookings):
            yield f"{known} events of booking, {len(self.bookings)} bookings"


def _state(row: Row) -> tuple[str, str]:
    return row.get("status", ""), row.get("holder_uid", "")


class Truth:
    """A connection of our own to the served database."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    def read(self, offers: Sequence[str]) -> Stored:
        """Read what is stored of some offers, all of it at one moment."""
        stored = Stored()
        with self._moment() as rows:
            marks = ", ".join("'" + offer.replace("'", "''") + "'" for offer in offers)
            among = f"SELECT id FROM vouchers_voucher WHERE offer_id IN ({marks})"
            for name, query in (
                ("offers", f"SELECT * FROM vouchers_offer WHERE id IN ({marks})"),
                ("batches", f"SELECT * FROM vouchers_batch WHERE offer_id IN ({marks})"),
                ("vouchers", f"SELECT * FROM vouchers_voucher WHERE offer_id IN ({marks})"),
                ("bookings", f"SELECT * FROM bookings_booking WHERE voucher_id IN ({among})"),
                ("events", f"SELECT * FROM events_event WHERE subject_id IN ({among})"),
            ):
                setattr(stored, name, {row["id"]: _plain(row) for row in rows(query)})
        return stored

    @contextlib.contextmanager
    def _moment(self) -> Iterator[Any]:
        """Give a function that queries one snapshot of the database."""
        if self._url.startswith("sqlite"):
            connection = sqlite3.connect(
                self._url.removeprefix("sqlite:///"), isolation_level=None, timeout=WAIT_SECONDS
            )
            connection.row_factory = lambda cursor, row: {
                column[0]: value for column, value in zip(cursor.description, row, strict=True)
            }
            with contextlib.closing(connection):
                connection.execute("BEGIN")
                yield connection.execute
            return
        with (
            psycopg.connect(self._url) as postgresql,
            postgresql.cursor(row_factory=psycopg.rows.dict_row) as cursor,
        ):
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield cursor.execute


def _plain(row: Row) -> Row:
    """Make a row the same on both engines: SQLite keeps times and JSON as text."""
    plain = dict(row)
    for name, value in row.items():
        if isinstance(value, str) and name in ("slot_start", "slot_end"):
            plain[name] = datetime.fromisoformat(value).replace(tzinfo=UTC)
        elif isinstance(value, str) and name == "meta":
            plain[name] = json.loads(value)
    return plain
