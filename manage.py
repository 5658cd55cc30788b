#!/usr/bin/env python
"""Run a management command of the portal."""

import gc
import os
import sys

from portal.environment import forget_empty


def main() -> None:
    """Hand the command line to Django."""
    # What is loaded now is never garbage: looking for some after every 700 objects is an eighth of a start.
    gc.set_threshold(20_000)
    forget_empty()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - after the environment is set

    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads the output has read enough, as `head` does: end without a word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
