"""The first minute: what a newcomer types in a fresh clone, exactly as README.md gives it."""

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.copies import copy_of_the_tree
from tests.patience import PATIENCE_SECONDS, until
from tests.races.test_serve import is_ready
from tests.requirements import skip_or_fail
from tests.servers import HOST, free_port

Typed = tuple[subprocess.Popen[bytes], Path]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which nothing has been typed yet."""
    if shutil.which("curl") is None:
        skip_or_fail("curl is not installed")
    return copy_of_the_tree(tmp_path_factory.mktemp("clone"))


def newcomer(**variables: str) -> dict[str, str]:
    """Return an environment in which nothing of ours is set."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, **variables}


@contextmanager
def typed(
    clone: Path, *words: str, umask: int = -1, **variables: str
) -> Iterator[tuple[subprocess.Popen, Path]]:
    """Type a command, and end it as Ctrl+C does; yields the process, and where its words go."""
    log = clone.parent / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            words,
            cwd=clone,
            env=newcomer(**variables),
            stdout=sink,
            stderr=sink,
            umask=umask,
            start_new_session=True,
        )
    try:
        yield process, log
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(PATIENCE_SECONDS)


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def assert_serves(clone: Path, port: int, *words: str, umask: int = -1, **variables: str) -> None:
    with typed(clone, *words, umask=umask, **variables) as (process, log):
        until(
            lambda: is_ready(port) or process.poll() is not None,
            progress=lambda: log.stat().st_size,
            what=" ".join(words),
        )
        assert process.poll() is None, log.read_text()
        page = subprocess.run(
            ["curl", "-fs", f"http://{HOST}:{port}/"], capture_output=True, text=True, check=True
        ).stdout
        assert "Hotel Keizershof" in page
    assert not is_taken(port)
    assert "Traceback" not in log.read_text()


@pytest.mark.sample
def test_make_run_serves_on_port_8000_in_a_fresh_clone_without_any_variable(clone: Path) -> None:
    if is_taken(8000):
        skip_or_fail("somebody else is served on port 8000")
    assert_serves(clone, 8000, "env", "-u", "PORT", "make", "run")
    assert (clone / "var" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_make_run_serves_on_the_port_that_it_is_given(clone: Path) -> None:
    port = free_port()
    assert_serves(clone, port, "make", "run", f"PORT={port}")


def test_make_run_serves_in_a_german_shell_with_a_strict_umask_and_empty_variables(clone: Path) -> None:
    port = free_port()
    shell = {"LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8", "BIND": "", "DATABASE_URL": "", "REDIS_URL": ""}
    assert_serves(clone, port, "make", "run", umask=0o077, PORT=str(port), **shell)


def test_make_serve_serves_what_make_run_has_made(clone: Path) -> None:
    port = free_port()
    with typed(clone, "make", "run", PORT=str(port)) as (process, log):
        until(lambda: is_ready(port) or process.poll() is not None, what="make run")
        assert process.poll() is None, log.read_text()
    assert_serves(clone, port, "make", "serve", PORT=str(port), PLAIN_HTTP="1")


@pytest.mark.parametrize(
    ("port", "told"),
    [("", "Port {taken} is in use. Choose another: make run PORT=8001"), ("http", "PORT=http is no port.")],
)
def test_a_port_that_cannot_be_had_is_told_in_a_sentence(clone: Path, port: str, told: str) -> None:
    with socket.create_server((HOST, 0)) as holder:
        taken = str(holder.getsockname()[1])
        with typed(clone, "make", "run", PORT=port or taken) as (process, log):
            assert process.wait(PATIENCE_SECONDS) != 0
    assert told.format(taken=taken) in log.read_text()
    assert "Traceback" not in log.read_text()


def test_make_serve_without_settings_says_what_it_needs(clone: Path, tmp_path: Path) -> None:
    with typed(clone, "make", "serve", SECRET_KEY_FILE=str(tmp_path / "none")) as (process, log):
        assert process.wait(PATIENCE_SECONDS) != 0
    assert "Set SECRET_KEY" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_make_alone_lists_its_targets_with_what_they_do(clone: Path) -> None:
    with typed(clone, "make") as (process, log):
        assert process.wait(PATIENCE_SECONDS) == 0
    told = log.read_text().splitlines()
    described = re.findall(r"^[a-z-]+:.*## .+", (clone / "Makefile").read_text(), re.MULTILINE)
    assert len(told) == len(described)
    assert any(line.startswith("make run ") and "http://127.0.0.1:8000" in line for line in told)
