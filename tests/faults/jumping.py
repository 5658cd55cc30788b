"""The portal's own settings in a process whose clock is as wrong as a file says, and follows it at once."""

import os
import threading
import time
from pathlib import Path

import time_machine

from portal.settings import *  # noqa: F403 - the portal's own settings

_LOOK_SECONDS = 0.05


def _follow(file: Path, begin: float) -> None:
    """Set the clock whenever the file says another error, in seconds; what measures durations goes on."""
    clock = time_machine.travel(begin, tick=True).start()
    set_at, error = time.monotonic(), 0
    while True:
        time.sleep(_LOOK_SECONDS)
        told = int(file.read_text() or error)
        if told != error:
            error = told
            clock.move_to(begin + time.monotonic() - set_at + error)


threading.Thread(
    target=_follow, args=(Path(os.environ["TEST_CLOCK_ERROR_FILE"]), time.time()), daemon=True
).start()
