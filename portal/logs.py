"""Logging: times in UTC, and no secret that an address carries."""

import logging
import re
import time
from typing import Any

# The signed part of a guest link or a claim link is a key, and so is a party's code: no log holds them.
_SECRET_PATH = re.compile(r"(/(?:guest|claim|feed|party/join)/)[^/\s\"']+")
# PostgreSQL's errors tell whole rows, and with them names and addresses of guests.
_ROW = re.compile(r"(DETAIL:\s).*")


def redact(text: str) -> str:
    """Return a text without the signed parts of links and without rows of the database."""
    return _ROW.sub(r"\1…", _SECRET_PATH.sub(r"\1…", text))


class RedactSecrets(logging.Filter):
    """Replace what nobody may read in log records."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place and let it pass."""
        message = record.getMessage()
        redacted = redact(message)
        if redacted != message:
            record.msg, record.args = redacted, ()
        return True


class UtcFormatter(logging.Formatter):
    """Write times as ISO 8601 in UTC, and tracebacks without secrets."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is the library's
        """Return a traceback; what an exception says may quote an address or a row."""
        return redact(super().formatException(ei))
