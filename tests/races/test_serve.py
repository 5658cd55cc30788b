"""One command for small sites: its parts live, die and end together."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.engines import Sqlite
from tests.patience import until
from tests.servers import HOST, ROOT, WAIT_SECONDS, environment, free_port


def children(pid: int) -> dict[str, int]:
    """Return the web server's and the worker's process ids (Linux tells)."""
    found = {}
    for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        # One that has just ended has no name any more.
        with suppress(OSError):
            command = Path(f"/proc/{word}/cmdline").read_bytes().decode().replace("\0", " ")
            found["web" if "gunicorn" in command else "worker"] = int(word)
    return found


def is_ready(port: int) -> bool:
    asked = subprocess.run(["curl", "-fs", f"http://{HOST}:{port}/readyz"], capture_output=True, check=False)
    return asked.returncode == 0


class Site:
    """The command, and what it answers."""

    def __init__(self, tmp_path: Path) -> None:
        self.port = free_port()
        self.log = tmp_path / "log"
        url = Sqlite(tmp_path).new_database("portal_serve")
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "serve"],
                cwd=tmp_path,
                env=environment(url, PORT=str(self.port), WEB_CONCURRENCY="2", LOG_FORMAT="json"),
                stdout=sink,
                stderr=sink,
            )

    def ready(self) -> bool:
        return is_ready(self.port)

    def parts(self) -> dict[str, int]:
        return children(self.process.pid)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    try:
        until(site.ready, what="the first answer")
        yield site
    finally:
        if site.process.poll() is None:
            site.process.terminate()
            site.process.wait(WAIT_SECONDS)


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.sample
def test_what_dies_is_started_again_what_is_told_to_reload_does_and_both_end_together(site: Site) -> None:
    first = site.parts()
    old_workers = children_of(first["web"])
    os.kill(first["worker"], signal.SIGKILL)
    os.kill(first["web"], signal.SIGKILL)
    # Web processes whose master has died end what they are at, and then themselves.
    until(lambda: all(gone(pid) for pid in (*first.values(), *old_workers)), what="the deaths")
    until(lambda: len(site.parts()) == 2, what="two new parts")
    until(site.ready, what="an answer after two deaths")
    second = site.parts()
    assert not set(first.values()) & set(second.values())
    assert "The worker ended with status -9; it starts again in 1 s" in site.log.read_text()

    web = second["web"]
    workers = children_of(web)
    site.process.send_signal(signal.SIGHUP)
    until(lambda: gone(second["worker"]), what="the worker's end")
    until(lambda: not workers & children_of(web), what="new web processes")
    until(lambda: len(site.parts()) == 2, what="a new worker")
    until(site.ready, what="an answer after reloading")
    assert site.parts()["web"] == web

    third = site.parts()
    site.process.send_signal(signal.SIGTERM)
    assert site.process.wait(WAIT_SECONDS) == 0
    assert all(gone(pid) for pid in third.values())
    assert "Traceback" not in site.log.read_text()


def children_of(pid: int) -> set[int]:
    try:
        return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except FileNotFoundError:
        return set()
