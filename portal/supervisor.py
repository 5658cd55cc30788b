"""Runs the parts of a portal on one machine: starts them, starts them again, ends them together."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from types import FrameType

logger = logging.getLogger(__name__)

# Requests and mails that are on their way may end; gunicorn itself waits 20 seconds.
GRACE_SECONDS = 30
_LOOK_EVERY_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 30
# Whoever has run for so long did not die of what it was started with.
_STEADY_SECONDS = 60


class Part:
    """One process that shall always run."""

    def __init__(self, name: str, command: Sequence[str], *, reload_signal: signal.Signals) -> None:
        self.name = name
        self._command = command
        self._reload_signal = reload_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = self._not_before = 0.0
        self._deaths = 0
        self._was_asked = False

    def keep_running(self) -> None:
        """Start the process if it has ended, after a pause that grows with every death."""
        now = time.monotonic()
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._note_end(now, self._process.returncode)
        if now < self._not_before:
            return
        self._started_at = now
        try:
            # A session of its own: Ctrl+C comes to the supervisor alone, which ends all in order.
            self._process = subprocess.Popen(self._command, start_new_session=True)  # noqa: S603 - ours
        except OSError as error:
            # No memory, or code that is just being replaced: the other part goes on meanwhile.
            self._pause(now, f"could not be started ({error.strerror})")

    def _note_end(self, now: float, status: int) -> None:
        self._process = None
        # A process that has not set up its signals yet dies of the one that asks it to reload.
        if self._was_asked or status == -self._reload_signal:
            self._was_asked = False
        else:
            self._pause(now, f"ended with status {status}")

    def _pause(self, now: float, what: str) -> None:
        self._deaths = 1 if now - self._started_at > _STEADY_SECONDS else self._deaths + 1
        pause = min(2.0 ** (self._deaths - 1), _LONGEST_PAUSE_SECONDS)
        self._not_before = now + pause
        logger.error("The %s %s; it starts again in %d s", self.name, what, pause)

    def reload(self) -> None:
        """Let the process take up new code and settings: at once, or by ending and starting again.

        Who is already ending for that is not asked twice.
        """
        if self._process is not None and self._process.poll() is None and not self._was_asked:
            self._was_asked = self._reload_signal == signal.SIGTERM
            self._process.send_signal(self._reload_signal)

    def ask_to_end(self) -> None:
        """Let what is on its way end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self, until: float) -> None:
        """Wait for the end; whoever is not done in time is ended, with all that it started."""
        if self._process is None:
            return
        try:
            self._process.wait(max(until - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            logger.error("The %s does not end; it is killed", self.name)
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


class Supervisor:
    """SIGTERM and SIGINT end all parts, SIGHUP reloads them; a part that dies is started again."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        # Plain words, since a signal's handler may take no lock: whoever it interrupts may hold that lock,
        # be it this handler itself, for the signal before.
        self._is_to_end = self._is_to_reload = False

    def run(self) -> None:
        """Run until told to end; returns when all parts have ended."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_end)
        signal.signal(signal.SIGHUP, self._on_reload)
        try:
            while not self._is_to_end:
                if self._is_to_reload:
                    self._is_to_reload = False
                    for part in self._parts:
                        part.reload()
                for part in self._parts:
                    part.keep_running()
                time.sleep(_LOOK_EVERY_SECONDS)
        finally:
            for part in self._parts:
                part.ask_to_end()
            until = time.monotonic() + GRACE_SECONDS
            for part in self._parts:
                part.wait(until)

    def _on_end(self, _number: int, _frame: FrameType | None) -> None:
        self._is_to_end = True

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self._is_to_reload = True
