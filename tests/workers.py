"""Processes of `manage.py work`, as an operator would start them."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.servers import ROOT, WAIT_SECONDS, environment

_CHANGED = """
import django; django.setup()
from django.core.management import call_command
{before}
call_command("work")
"""


class Workers:
    """Processes of `manage.py work`; each may do something `before` that, as Python says it."""

    def __init__(self, database_url: str, log: Path, *, before: str = "", **env: str) -> None:
        self._database_url = database_url
        program = ("-c", _CHANGED.format(before=before)) if before else (str(ROOT / "manage.py"), "work")
        self._command = [sys.executable, *program]
        self._log = log
        self._env = env
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        with self._log.open("ab") as sink:
            process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=environment(self._database_url, **self._env),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        self._running.append(process)

    def kill_one(self) -> None:
        """End one as the kernel does when memory is short."""
        process = self._running.pop(0)
        assert process.poll() is None, self.log()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> list[int]:
        """Ask all to end; returns how they did. None outlives this."""
        running, self._running = self._running, []
        for process in running:
            process.terminate()
        try:
            return [process.wait(WAIT_SECONDS) for process in running]
        finally:
            for process in running:
                if process.poll() is None:
                    process.kill()
                    process.wait()

    def log(self) -> str:
        return self._log.read_text(errors="replace")


@contextlib.contextmanager
def working(database_url: str, log: Path, number: int, *, before: str = "", **env: str) -> Iterator[Workers]:
    """Let so many workers work for a while."""
    workers = Workers(database_url, log, before=before, **env)
    try:
        for _number in range(number):
            workers.start()
        yield workers
    finally:
        workers.stop()
