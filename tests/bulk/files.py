"""Files as staff hand them in."""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook

HEADING = ("issuer_uid", "title", "valid_until")
ROW = ("hotel-a", "Spa hour", "2026-12-31")


def csv_of(*rows: Sequence[Any], heading: Sequence[str] = HEADING) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([heading, *rows])
    return text.getvalue().encode()


def xlsx_of(*rows: Sequence[Any], heading: Sequence[str] = HEADING) -> bytes:
    book = Workbook()
    for row in (heading, *rows):
        book.active.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def changed(whole: bytes, /, **parts: bytes) -> bytes:
    """Return a workbook with other parts, named by the end of their paths without the dot."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(whole)) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            key = name.rpartition("/")[2].partition(".")[0]
            new.writestr(name, parts.get(key, old.read(name)))
    return packed.getvalue()


def upload(content: bytes, name: str = "vouchers.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def pieces(content: bytes, size: int = 1000) -> Iterable[bytes]:
    return (content[begin : begin + size] for begin in range(0, len(content), size))
