"""Processes of `manage.py work`, as an operator would start them."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.servers import ROOT, environment


class Workers:
    """Processes of `manage.py work`."""

    def __init__(self, database_url: str, log: Path, **env: str) -> None:
        self._database_url = database_url
        self._log = log
        self._env = env
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        with self._log.open("ab") as sink:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "work"],
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
        """Ask all to end; returns how they did."""
        for process in self._running:
            process.terminate()
        codes = []
        for process in self._running:
            try:
                codes.append(process.wait(30))
            except subprocess.TimeoutExpired:
                process.kill()
                codes.append(process.wait())
        self._running = []
        return codes

    def log(self) -> str:
        return self._log.read_text(errors="replace")


@contextlib.contextmanager
def working(database_url: str, log: Path, number: int, **env: str) -> Iterator[Workers]:
    """Let so many workers work for a while."""
    workers = Workers(database_url, log, **env)
    try:
        for _number in range(number):
            workers.start()
        yield workers
    finally:
        workers.stop()
