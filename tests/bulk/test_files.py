"""Files that people hand in: what is read of them, and the bounds that they are held to."""

import io
from datetime import UTC, date, datetime
from typing import Any

import pytest

from portal.errors import Rejected
from tests.bulk.files import ROW, changed, csv_of, xlsx_of
from vouchers import files
from vouchers.files import holder_rows, rows_of, voucher_rows


def read(content: bytes) -> list[dict[str, str]]:
    return [row for _number, row in voucher_rows(io.BytesIO(content))]


def refusal(content: bytes) -> str:
    with pytest.raises(Rejected) as error:
        read(content)
    return error.value.code


def test_a_workbook_reads_as_the_csv_file_with_the_same_cells() -> None:
    heading = ("issuer_uid", "title", "valid_until", "duration_minutes", "price_amount", "transferable")
    at = datetime(2026, 5, 1, 10, tzinfo=UTC).replace(tzinfo=None)
    cells = ("hotel-a", "Boat 🚤", at, 90, 12.5, True)
    words = ("hotel-a", "Boat 🚤", "2026-05-01T10:00:00", "90", "12.5", "true")
    assert read(xlsx_of(cells, heading=heading)) == read(csv_of(words, heading=heading))


@pytest.mark.parametrize(
    ("value", "text"),
    [(60.0, "60"), (0.1 + 0.2, "0.3"), (date(2026, 5, 1), "2026-05-01T00:00:00"), (None, ""), (" x ", "x")],
)
def test_cells_of_a_workbook_read_as_people_see_them(value: Any, text: str) -> None:
    rows = list(rows_of(io.BytesIO(xlsx_of(("a", value, "b"), heading=("1", "2", "3")))))
    assert list(rows[1].cells) == ["a", text, "b"]


def test_empty_rows_count_and_are_passed_over() -> None:
    for content in (xlsx_of(ROW, (), ROW), csv_of(ROW, (), ROW)):
        assert [number for number, _row in voucher_rows(io.BytesIO(content))] == [2, 4]


def test_cells_beyond_the_heading_refuse_the_file() -> None:
    assert refusal(xlsx_of((*ROW, "more"))) == "file_unreadable"


def test_a_list_of_holders_is_the_first_column() -> None:
    for content in (
        csv_of(("a", "x"), ("b", "y"), heading=("holder_uid", "n")),
        b"a\n\nb\n",
        b"\xef\xbb\xbfa\nb",
    ):
        assert [uid for _number, uid in holder_rows(io.BytesIO(content))] == ["a", "b"]


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04",
        xlsx_of(ROW)[:-200],
        changed(xlsx_of(ROW), sheet1=b"<worksheet><sheetData><row><c></row>"),
        changed(xlsx_of(ROW), workbook=b"no xml"),
    ],
    ids=["zip", "cut", "sheet", "book"],
)
def test_a_broken_workbook_is_refused(content: bytes) -> None:
    assert refusal(content) == "file_unreadable"


def test_a_workbook_that_unpacks_to_more_than_it_may_is_refused_unread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("openpyxl.load_workbook", None)
    bomb = b"<row>" + b" " * files.MOST_OF_ROW + b"</row>"
    assert refusal(changed(xlsx_of(ROW), sheet1=bomb)) == "file_too_large"
    assert refusal(changed(xlsx_of(ROW), styles=b" " * (files.MOST_OF_PART + 1))) == "file_too_large"
    monkeypatch.setattr(files, "MOST_OF_SHEET", 10)
    assert refusal(xlsx_of(ROW)) == "file_too_large"


def test_entities_that_multiply_are_refused() -> None:
    many = "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 12))
    sheet = "<worksheet><sheetData><row><c><v>&x11;</v></c></row></sheetData></worksheet>"
    bomb = f'<!DOCTYPE x [<!ENTITY x0 "xxxxxxxxxx">{many}]>{sheet}'
    assert refusal(changed(xlsx_of(ROW), sheet1=bomb.encode())) == "file_unreadable"


def test_a_file_longer_than_it_may_be_is_refused_at_that_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_ROWS", 3)
    for content in (csv_of(ROW, ROW, ROW), xlsx_of(ROW, ROW, ROW)):
        rows = voucher_rows(io.BytesIO(content))
        assert [next(rows)[0], next(rows)[0]] == [2, 3]
        with pytest.raises(Rejected, match="file_too_long"):
            next(rows)
