"""Files of rows as people hand them in: CSV and XLSX, read row by row, within bounds."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import IO, Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from portal.errors import Rejected
from vouchers.forms import VoucherRowForm

MOST_ROWS = 100_000
MOST_BYTES = 64 * 1024 * 1024
# Of a workbook's parts when unpacked. The sheet is read as a stream; the others lie in memory,
# and so does each row of the sheet.
MOST_OF_SHEET = 128 * 1024 * 1024
MOST_OF_PART = 16 * 1024 * 1024
MOST_OF_ROW = 1024 * 1024
_MOST_PARTS = 500
_MOST_COLUMNS = 64
_READ = 64 * 1024
_ZIP = b"PK\x03\x04"


class Row(NamedTuple):
    """A row of a file: its line (CSV) or row (XLSX), from 1, and its cells."""

    number: int
    cells: Sequence[str]


def voucher_rows(file: IO[bytes], *, issuer_uid: str = "") -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a file of vouchers by the columns of its heading, with their numbers.

    `issuer_uid` stands where the file names no hotel. Rows that are empty are passed over.

    Raises Rejected("file_unreadable"), ("file_too_large") or ("heading_invalid") for a file that
    is no such table, before any row is yielded; ("file_unreadable") for a row that breaks it,
    and ("file_too_long") at the row after MOST_ROWS.
    """
    rows = rows_of(file)
    first = next(rows, None)
    heading = [name.strip() for name in first.cells] if first else []
    _check_heading(heading, is_hotel_known=bool(issuer_uid))
    for number, cells in rows:
        if len(cells) != len(heading):
            raise _unreadable(_("line %(line)d: not as many cells as the heading has."), line=number)
        row = dict(zip(heading, cells, strict=True))
        row["issuer_uid"] = row.get("issuer_uid") or issuer_uid
        yield number, row


def holder_rows(file: IO[bytes]) -> Iterator[tuple[int, str]]:
    """Yield the guests' uids that a list names, one in a line or in a sheet's first column.

    A heading "holder_uid" is passed over. Raises as `voucher_rows` does.
    """
    for number, cells in rows_of(file):
        uid = cells[0].strip()
        if uid and (number, uid) != (1, "holder_uid"):
            yield number, uid


def rows_of(file: IO[bytes]) -> Iterator[Row]:
    """Yield the rows of a CSV or XLSX file that are not empty; what it is is told by its first bytes."""
    beginning = file.read(len(_ZIP))
    file.seek(0)
    rows = _xlsx_rows(file) if beginning == _ZIP else _csv_rows(file)
    for row in rows:
        if row.number > MOST_ROWS:
            raise Rejected("file_too_long", _("The file has more than %(most)s lines."), most=MOST_ROWS)
        if any(row.cells):
            yield row


def _csv_rows(file: IO[bytes]) -> Iterator[Row]:
    _check_text(file)
    # utf-8-sig takes the mark that spreadsheets put at the beginning away.
    reader = csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline=""), strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            words = _("line %(line)d: it is no CSV file: %(error)s.")
            raise _unreadable(words, line=reader.line_num, error=error) from error
        if cells is None:
            return
        yield Row(reader.line_num, cells)


def _check_text(file: IO[bytes]) -> None:
    """Refuse what is no UTF-8 text; leaves the file at its beginning."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size > MOST_BYTES:
        raise _too_large(MOST_BYTES)
    decoder = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        while text := decoder.read(_READ):
            if "\x00" in text:
                raise _unreadable(_("It holds NUL bytes: it is no CSV file."))
    except UnicodeDecodeError as error:
        raise _unreadable(_("It is not UTF-8 text.")) from error
    finally:
        decoder.detach()
        file.seek(0)


def _xlsx_rows(file: IO[bytes]) -> Iterator[Row]:
    """Yield the rows of a workbook's first sheet."""
    from openpyxl import load_workbook  # noqa: PLC0415 - a tenth of what every process takes to start

    _check_parts(file)
    try:
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet: Any = book.worksheets[0]
        # What a sheet says of its own size need not be true.
        sheet.reset_dimensions()
        width = 0
        for number, values in enumerate(sheet.iter_rows(values_only=True, max_col=_MOST_COLUMNS), 1):
            cells = [_text_of(value) for value in values]
            while len(cells) > width and not cells[-1]:
                cells.pop()
            if not width:
                width = len(cells)
            yield Row(number, cells + [""] * (width - len(cells)))
    except Rejected:
        raise
    except Exception as error:
        # A broken file can break its reader anywhere.
        raise _unreadable(_("It is no workbook that can be read.")) from error


def _check_parts(file: IO[bytes]) -> None:
    """Refuse a workbook that unpacks to more than its rows can need; leaves the file at its beginning."""
    try:
        with zipfile.ZipFile(file) as packed:
            parts = packed.infolist()
            sheets = [part for part in parts if part.filename.startswith("xl/worksheets/")]
            # A part is never unpacked to more than it says here.
            others = sum(part.file_size for part in parts if part not in sheets)
            if len(parts) > _MOST_PARTS or others > MOST_OF_PART:
                raise _too_large(MOST_OF_PART)
            if sum(part.file_size for part in sheets) > MOST_OF_SHEET:
                raise _too_large(MOST_OF_SHEET)
            for part in sheets:
                with packed.open(part) as sheet:
                    _check_sheet(sheet)
    except Rejected:
        raise
    except Exception as error:
        raise _unreadable(_("It is no workbook that can be read.")) from error
    file.seek(0)


def _check_sheet(sheet: IO[bytes]) -> None:
    """Refuse a sheet with a row that would fill the memory."""
    since = 0
    while part := sheet.read(_READ):
        last = part.rfind(b"<row")
        since = len(part) - last if last >= 0 else since + len(part)
        if since > MOST_OF_ROW:
            raise _too_large(MOST_OF_ROW)


def _text_of(value: object) -> str:
    """Return a workbook's cell as it would stand in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(round(value, 10))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value).strip()


def _check_heading(heading: Sequence[str], *, is_hotel_known: bool) -> None:
    unknown = [name for name in heading if name not in VoucherRowForm.COLUMNS]
    if len(heading) == 1 and re.search("[;\t]", heading[0]):
        raise _bad_heading(_("Separate the cells with commas, or save the file as XLSX."))
    if unknown:
        names = ", ".join(f"“{name[:40]}”" for name in unknown[:5])
        raise _bad_heading(_("Unknown columns: %(names)s."), names=names)
    if "issuer_uid" not in heading and not is_hotel_known:
        raise _bad_heading(_("The column issuer_uid is missing."))
    if len(set(heading)) != len(heading):
        raise _bad_heading(_("A column stands twice in the heading."))


def _bad_heading(words: Any, **values: object) -> Rejected:
    return Rejected("heading_invalid", words, **values)


def _unreadable(words: Any, **values: object) -> Rejected:
    return Rejected("file_unreadable", words, **values)


def _too_large(most: int) -> Rejected:
    return Rejected(
        "file_too_large", _("The file, unpacked, is larger than %(most)d MB."), most=most // 1024 // 1024
    )
