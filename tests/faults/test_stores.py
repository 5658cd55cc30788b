"""Stores that go away and come back: PostgreSQL, Redis, the disk."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.faults.site import Fault, Site, running
from tests.races.conftest import Postgresql, Sqlite
from tests.servers import free_port, postgresql, redis

pytestmark = pytest.mark.faults
Survives = Callable[[str, Site, Fault], None]
_AWAY_SECONDS = 1.5
_DISK_BYTES = 96 * 1024 * 1024


def test_a_database_server_that_is_cut_off_loses_nothing(
    postgresql_folder: Path, tmp_path: Path, survives: Survives
) -> None:
    with postgresql(postgresql_folder) as cluster, running(Postgresql(cluster), "faults", tmp_path) as site:

        def cut_off(_site: Site) -> float:
            cluster.stop()
            time.sleep(_AWAY_SECONDS)
            cluster.start()
            return time.monotonic()

        survives("postgresql: the server cut off and started", site, cut_off)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_redis_that_dies_and_comes_back_is_missed_by_nobody(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, survives: Survives
) -> None:
    port = free_port()
    with ExitStack() as stack:
        if kind == "postgresql":
            cluster = stack.enter_context(postgresql(request.getfixturevalue("postgresql_folder")))
            engine: Postgresql | Sqlite = Postgresql(cluster)
        else:
            engine = Sqlite(tmp_path)
        url, server = stack.enter_context(redis(port))
        site = stack.enter_context(running(engine, "faults", tmp_path, REDIS_URL=url))

        def kill(_site: Site) -> float:
            nonlocal server
            os.kill(server.pid, signal.SIGKILL)
            server.wait()
            time.sleep(_AWAY_SECONDS)
            _url, server = stack.enter_context(redis(port))
            return time.monotonic()

        survives(f"{kind}: redis killed and started", site, kill)
        # Once for each process that uses it, and for each time that it came back: not once for each request.
        log = site.portal.log()
        assert 1 <= log.count("Redis is away") <= 2 * (1 + log.count("Redis is back"))


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a disk of a few megabytes of its own; only root can."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here (only root can)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_refuses_politely_and_loses_nothing(tmp_path: Path, survives: Survives) -> None:
    with small_disk(tmp_path / "disk") as disk:
        url = Sqlite(disk).new_database("portal_faults")
        with running(Sqlite(tmp_path), "faults", tmp_path, database=url) as site:

            def fill(_site: Site) -> float:
                ballast = disk / "ballast"
                with ballast.open("wb", buffering=0) as file:
                    try:
                        while file.write(b"\0" * 65536):
                            pass
                    except OSError:
                        pass  # The disk is full.
                time.sleep(_AWAY_SECONDS)
                ballast.unlink()
                return time.monotonic()

            survives("sqlite: the disk full for a while", site, fill)
