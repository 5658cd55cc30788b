"""Logging: times in UTC, the request's id on every line, and no secret that an address carries."""

import json
import logging
import re
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

# What the lines of one request have in common; empty outside of requests.
request_id: ContextVar[str] = ContextVar("request_id", default="")

# The signed part of a guest link or a claim link is a key, and so is a party's code: no log holds them.
_SECRET_PATH = re.compile(r"(/(?:guest|claim|feed|party/join)/)[^/\s\"']+")
# PostgreSQL's errors tell whole rows, and with them names and addresses of guests.
_ROW = re.compile(r"(DETAIL:\s).*")
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
# Keys of the API, and the password in the address of a database, a mail server or Redis.
_KEY = re.compile(r"\b(hvp_)[\w-]+")
_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@/\s]+(?=@)")


def redact(text: str) -> str:
    """Return a text without keys, signed parts of links, e-mail addresses and rows of the database."""
    text = _ROW.sub(r"\1…", _SECRET_PATH.sub(r"\1…", text))
    if "hvp_" in text:
        text = _KEY.sub(r"\1…", text)
    if "@" in text:
        text = _EMAIL.sub("…@…", _PASSWORD.sub(r"\1…", text))
    return text


class RedactSecrets(logging.Filter):
    """Replace what nobody may read in log records, and note which request they are of."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place and let it pass."""
        message = record.getMessage()
        redacted = redact(message)
        if redacted != message:
            record.msg, record.args = redacted, ()
        record.request_id = request_id.get()
        return True


class UtcFormatter(logging.Formatter):
    """Write times as ISO 8601 in UTC, and tracebacks without secrets."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is the library's
        """Return a traceback; what an exception says may quote an address or a row."""
        return redact(super().formatException(ei))


class JsonFormatter(UtcFormatter):
    """Write each record as one line of JSON: its traceback stays on the line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; fields that a record does not have are left out."""
        at = datetime.fromtimestamp(record.created, UTC)
        line = {
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", ""),
            "status": getattr(record, "status_code", None),
            "process": record.process,
            "error": self.formatException(record.exc_info) if record.exc_info else "",
        }
        return json.dumps({name: value for name, value in line.items() if value}, ensure_ascii=False)
