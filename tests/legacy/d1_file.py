"""Makes databases of the earlier system, sound and broken in every way."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from legacy.d1_source import TABLES

BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
Row = dict[str, Any]


def text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def voucher(number: int, **fields: Any) -> Row:
    row = {
        "id": f"v-old{number:06d}-abc",
        "issuer_uid": f"user_{number % 7}",
        "holder_uid": None,
        "service_type": "generic.service",
        "title": "Unbenannter Service",
        "description": "",
        "duration_minutes": 60,
        "valid_from": text(BEGIN),
        "valid_until": text(BEGIN + timedelta(days=30)),
        "price_amount": 99.99,
        "price_currency": "EUR",
        "status": "issued",
        "transferable": 0,
        "terms": "{}",
        "created_at": text(BEGIN + timedelta(seconds=number)),
    }
    return {**row, **fields}


def booking(number: int, of: Row, **fields: Any) -> Row:
    start = BEGIN + timedelta(hours=1 + number % 600)
    row = {
        "id": f"b-old{number:06d}-abc",
        "voucher_id": of["id"],
        "issuer_uid": of["issuer_uid"],
        "holder_uid": of["holder_uid"] or f"guest-{number}",
        "slot_id": f"slot-{text(start)}",
        "slot_start": text(start),
        "slot_end": text(start + timedelta(hours=1)),
        "status": "booked",
        "cancel_reason": None,
        "created_at": text(BEGIN),
        "cancelled_at": None,
    }
    return {**row, **fields}


def event(number: int, of: Row, **fields: Any) -> Row:
    row = {
        "id": f"e-old{number:06d}-abc",
        "type": "voucher.issue",
        "actor_id": of["issuer_uid"],
        "subject_type": "voucher",
        "subject_id": of["id"],
        "meta": "{}",
        "created_at": text(BEGIN),
    }
    return {**row, **fields}


def booked(number: int, **fields: Any) -> Row:
    return voucher(number, status="booked", holder_uid=f"guest-{number}", **fields)


BROKEN_VOUCHERS: list[tuple[dict[str, Any], str]] = [
    ({"valid_from": "yesterday"}, "time_invalid"),
    ({"valid_until": None}, "time_invalid"),
    ({"created_at": 1790000000}, "time_invalid"),
    ({"valid_until": text(BEGIN - timedelta(days=1))}, "validity_out_of_range"),
    ({"valid_until": text(BEGIN)}, "validity_out_of_range"),
    ({"valid_until": "2999-01-01T00:00:00.000Z"}, "validity_out_of_range"),
    ({"duration_minutes": 0}, "duration_out_of_range"),
    ({"duration_minutes": "sixty"}, "duration_out_of_range"),
    ({"duration_minutes": 2**62}, "duration_out_of_range"),
    ({"status": "lost"}, "status_unknown"),
    ({"transferable": 2}, "flag_invalid"),
    ({"issuer_uid": "Grand Hotel"}, "issuer_invalid"),
    ({"issuer_uid": None}, "issuer_invalid"),
    ({"title": None}, "text_invalid"),
    ({"title": ""}, "text_missing"),
    ({"title": "x" * 121}, "voucher_invalid"),
    ({"title": "a\x00b"}, "text_invalid"),
    ({"title": b"\xff\xfe"}, "text_invalid"),
    ({"holder_uid": "x" * 65}, "voucher_invalid"),
    ({"price_amount": -1.0}, "price_invalid"),
    ({"price_amount": 9.999}, "price_invalid"),
    ({"price_amount": "much"}, "price_invalid"),
    ({"price_amount": 1e300}, "price_invalid"),
    ({"price_currency": "euro"}, "voucher_invalid"),
    ({"terms": "[1]"}, "json_invalid"),
    ({"terms": "{"}, "json_invalid"),
    ({"status": "booked", "holder_uid": "guest"}, "voucher_booking_missing"),
]
BROKEN_BOOKINGS: list[tuple[dict[str, Any], str]] = [
    ({"slot_start": "noon"}, "time_invalid"),
    ({"slot_end": text(BEGIN)}, "slot_invalid"),
    ({"slot_id": "slot-2026-03-02T08:00:00.000Z"}, "slot_invalid"),
    ({"slot_id": "the first one"}, "slot_invalid"),
    ({"status": "lost"}, "status_unknown"),
    ({"status": "cancelled"}, "cancellation_mismatched"),
    ({"cancelled_at": text(BEGIN)}, "cancellation_mismatched"),
    ({"holder_uid": None}, "text_invalid"),
    ({"voucher_id": "v-never-was"}, "booking_voucher_missing"),
    ({"voucher_id": "no id"}, "id_invalid"),
    ({"issuer_uid": "user_other"}, "booking_issuer_differs"),
    ({"cancel_reason": "x" * 201}, "booking_invalid"),
]


def broken(many: int) -> Iterator[tuple[str, Row, str | None]]:
    """Yield rows of which some break a rule, each with the code that it is refused with."""
    number = 500_000
    for _round in range(many):
        for fields, code in BROKEN_VOUCHERS:
            number += 1
            yield "vouchers", voucher(number, **fields), code
        for fields, code in BROKEN_BOOKINGS:
            number += 1
            # The booking is a cancelled one where that leaves its voucher sound.
            issued = voucher(number)
            cancelled = {} if "status" in fields or "cancelled_at" in fields else _CANCELLED
            yield "vouchers", issued, None
            yield "voucher_bookings", booking(number, issued, **{**cancelled, **fields}), code
        number += 1
        yield from _with_two_bookings(number)
        number += 1
        yield "vouchers", (reopened := voucher(number)), None
        yield "voucher_bookings", booking(number, reopened), "voucher_not_booked"
        number += 1
        outside = booked(number, valid_until=text(BEGIN + timedelta(minutes=30)))
        yield "vouchers", outside, "voucher_booking_missing"
        yield "voucher_bookings", booking(number, outside), "booking_voucher_missing"
        number += 1
        yield "events", event(number, issued, meta="no json"), "json_invalid"
        yield "events", event(number + 1, issued, created_at="once"), "time_invalid"
        yield "events", event(number + 2, issued, type="x" * 41), "text_too_long"
        number += 2


_CANCELLED = {"status": "cancelled", "cancelled_at": text(BEGIN)}


def _with_two_bookings(number: int) -> Iterator[tuple[str, Row, str | None]]:
    row = booked(number)
    first = booking(0, row, id=f"b-{number}-1")
    yield "vouchers", row, None
    yield "voucher_bookings", first, None
    yield "voucher_bookings", booking(0, row, id=f"b-{number}-2"), "booking_overlapping"
    yield "voucher_bookings", booking(9, row, id=f"b-{number}-3"), "booking_doubled"


def sound(vouchers: int, bookings: int) -> Iterator[tuple[str, Row, str | None]]:
    """Yield rows that break no rule: the first vouchers are booked, and a third of them was before."""
    for number in range(vouchers):
        row = booked(number) if number < bookings else voucher(number)
        yield "vouchers", row, None
        yield "events", event(number, row), None
        if number < bookings:
            yield "voucher_bookings", booking(number, row), None
        if number < bookings // 3:
            yield "voucher_bookings", booking(number, row, id=f"b-was{number}", **_CANCELLED), None


def write(path: Path, rows: Iterator[tuple[str, Row, str | None]]) -> dict[tuple[str, str], str]:
    """Write a database; returns the codes of the rows that are to be refused, by table and id."""
    connection = sqlite3.connect(path)
    for table, columns in TABLES.items():
        connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
    expected = {}
    for table, row, code in rows:
        columns = TABLES[table]
        marks = ", ".join("?" for _name in columns)
        connection.execute(f"INSERT INTO {table} VALUES ({marks})", [row[name] for name in columns])
        if code is not None:
            expected[table, row["id"]] = code
    connection.commit()
    connection.close()
    return expected


def dump(path: Path, into: Path) -> None:
    """Write a database as SQL."""
    connection = sqlite3.connect(path)
    into.write_text("\n".join(connection.iterdump()), encoding="utf-8")
    connection.close()
