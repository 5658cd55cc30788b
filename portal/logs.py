"""Logging: times in UTC, and no secret that an address carries."""

import logging
import re
import time

# The signed part of a guest link or a claim link is a key: it stays out of every log.
_SECRET_PATH = re.compile(r"(/(?:guest|claim)/)[^/\s\"']+")


class RedactSecrets(logging.Filter):
    """Replace the signed part of guest and claim links in log records."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place and let it pass."""
        message = record.getMessage()
        redacted = _SECRET_PATH.sub(r"\1…", message)
        if redacted != message:
            record.msg, record.args = redacted, ()
        return True


class UtcFormatter(logging.Formatter):
    """Write times as ISO 8601 in UTC."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"
