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
    # After the environment is set.
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415
    from django.core.management import execute_from_command_line  # noqa: PLC0415
    from environs import EnvError  # noqa: PLC0415

    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except (EnvError, ImproperlyConfigured) as error:
        sys.exit(f"{error}\ndocs/operations.md lists every setting.")
    except BrokenPipeError:
        # Whoever reads the output has read enough, as `head` does: end without a word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
