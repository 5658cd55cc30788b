"""Tables that people open in a spreadsheet: what a cell says, as CSV and as XLSX."""

import csv
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import IO, Any

# What a spreadsheet would reckon out instead of showing it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Rows that go out together: a line alone costs more to send than to write.
_TOGETHER = 500
CSV = "text/csv; charset=utf-8"
# Control characters that no XML 1.0 document may hold.
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def cell(value: object) -> str:
    """Return a value as the text of a cell: times in UTC, JSON as JSON, nothing as nothing.

    A text that a spreadsheet would take for a formula gets a quote before it.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, int | Decimal):
        return str(value)
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping | list) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_writer(file: Any) -> Any:
    """Return a writer of CSV.

    Every cell is quoted: a lone carriage return would end the row for a spreadsheet, and what
    a guest typed behind it would begin one.
    """
    return csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)


class _Lines:
    """What a CSV writer writes to: it keeps the lines until they are taken."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def write(self, line: str) -> None:
        self._lines.append(line)

    def take(self) -> bytes:
        taken = "".join(self._lines).encode()
        self._lines.clear()
        return taken


def csv_parts(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield a table as CSV in UTF-8, a few hundred rows at a time; begins before the rows are read."""
    lines = _Lines()
    writer = csv_writer(lines)
    writer.writerow(columns)
    for number, row in enumerate(rows, 1):
        writer.writerow([cell(value) for value in row])
        if not number % _TOGETHER:
            yield lines.take()
    yield lines.take()


def xlsx_file(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> IO[bytes]:
    """Return a table as an XLSX file, from its beginning; it lies on the disk, never in memory whole."""
    from openpyxl import Workbook  # noqa: PLC0415 - a tenth of what every process takes to start

    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[^\w ]", " ", title)[:31])
    sheet.append(list(columns))
    for row in rows:
        sheet.append([_value(value) for value in row])
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    book.save(file)
    file.seek(0)
    return file


def _value(value: object) -> str | int | Decimal | None:
    """Return a cell of a workbook: numbers stay numbers, all else is the text that CSV has.

    What XML cannot hold is left out.
    """
    if value is None or (isinstance(value, int | Decimal) and not isinstance(value, bool)):
        return value
    return _NOT_IN_XML.sub("", cell(value))
