"""The numbers of processes that have ended are kept, in one file for all of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal import metrics_files

ROOT = Path(__file__).resolve().parent.parent.parent
_COUNT = """
from prometheus_client import Counter, Histogram
Counter("things", "Things.", ["kind"]).labels("a").inc({number})
Histogram("took", "Seconds.", buckets=(1, 2)).observe({number})
"""
_SUM = """
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
registry = CollectorRegistry()
MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(metrics_files.VARIABLE, str(tmp_path))
    return tmp_path


def python(code: str) -> tuple[int, str]:
    """Run code in a process of its own; returns its id and what it printed."""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        out = process.communicate(timeout=30)[0]
        assert process.returncode == 0
        return process.pid, out


def test_what_dead_processes_counted_is_added_up_in_one_file_of_each_kind(place: Path) -> None:
    pids = [python(_COUNT.format(number=number))[0] for number in (1, 3)]
    assert len(list(place.glob("*.db"))) == 4
    before = python(_SUM)[1]
    for pid in pids:
        metrics_files.bury(pid)
    assert sorted(path.name for path in place.glob("*.db")) == ["counter_dead.db", "histogram_dead.db"]
    after = python(_SUM)[1]
    assert sorted(after.splitlines()) == sorted(before.splitlines())
    assert 'things_total{kind="a"} 4.0' in after
    assert "took_sum 4.0" in after


def test_the_living_keep_their_files(place: Path) -> None:
    dead, _out = python(_COUNT.format(number=1))
    living = place / f"counter_{os.getpid()}.db"
    living.write_bytes(b"\0" * 64)
    metrics_files.bury_all_dead()
    assert living.exists()
    assert not list(place.glob(f"*_{dead}.db"))


def test_folders_of_servers_that_were_killed_are_removed_and_no_others(tmp_path: Path) -> None:
    dead, _out = python("")
    left = tmp_path / f"portal-metrics-{dead}-x"
    left.mkdir()
    own = Path(metrics_files.make_folder(str(tmp_path)))
    (tmp_path / "portal-metrics-other").mkdir()
    metrics_files.clear_left(str(tmp_path))
    assert not left.exists()
    assert own.exists()
    assert own.stat().st_mode & 0o077 == 0
    assert (tmp_path / "portal-metrics-other").exists()
