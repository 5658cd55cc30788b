"""The numbers of processes that have ended are kept, in one file for all of them."""

import fcntl
import logging
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import URLResolver, get_resolver
from prometheus_client.metrics import MetricWrapperBase

from portal import metrics, metrics_files
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parent.parent.parent
# Characters of a view's name with its namespace, at most.
LONGEST_VIEW = 60
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


# More of everything than there may be, with names as long as any, as a worker counts them.
_ALL = f"""
from portal import metrics_files
metrics_files.take_room()
from types import SimpleNamespace as Some
from portal import metrics
for number in range(metrics.MOST_SERIES + 100):
    view = f"{{number:-<{LONGEST_VIEW}}}"
    request = Some(resolver_match=Some(view_name=view), method="OPTIONS")
    metrics.note_request(request, Some(status_code=100 + number % 5 * 100), 0.1)
for number in range(metrics.MOST_CODES + 100):
    metrics.note_refusal(f"{{number:-<80}}")
for number in range(100):
    metrics._events.labels(f"{{number:-<40}}").inc()
    metrics._limits.labels(f"{{number % 10:-<20}}").inc()
"""
# Files of this process can have a megabyte each.
_TIGHT = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
from portal import metrics_files
metrics_files.take_room()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(metrics_files.VARIABLE, str(tmp_path))
    # Set and deleted again, so that it is taken back where a test sets it.
    monkeypatch.setenv(metrics_files._OTHERS, "")
    monkeypatch.delenv(metrics_files._OTHERS)
    return tmp_path


def names(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """Yield the names of all views, as they are counted."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern, f"{before}{pattern.namespace}:" if pattern.namespace else before)
        else:
            yield before + (pattern.name or pattern.lookup_str)


def python(code: str) -> tuple[int, str]:
    """Run code in a process of its own; returns its id and what it printed. One that hangs is ended."""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            out = process.communicate(timeout=2 * PATIENCE_SECONDS)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            raise
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


def _entry(key: bytes) -> bytes:
    padded = key.ljust(len(key) + 8 - (len(key) + 4) % 8)
    return struct.pack("i", len(key)) + padded + struct.pack("dd", 1.0, 0.0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\1",
        struct.pack("i4x", 5000),
        struct.pack("i4x", -1),
        struct.pack("i4xi", 64, 5000) + bytes(100),
        struct.pack("i4xi", 64, -4) + bytes(100),
        struct.pack("i4x", 64) + _entry(b"\xff" * 36),
        struct.pack("i4x", 64) + _entry(b"no number's key, since it is no JSON"),
        struct.pack("i4x", 64) + _entry(b'["a list", "that has not all of it"]'),
        struct.pack("i4x", 64) + _entry(b'"abcd"'.ljust(36)),
        struct.pack("i4x", 64) + _entry(b"123456".ljust(36)),
    ],
)
@pytest.mark.parametrize("whose", ["process", "dead"])
def test_a_damaged_file_is_left_out_and_removed_and_ends_nothing(
    place: Path, caplog: pytest.LogCaptureFixture, content: bytes, whose: str
) -> None:
    earlier, _out = python(_COUNT.format(number=2))
    dead, _out = python(_COUNT.format(number=1))
    name = f"counter_{dead}.db" if whose == "process" else "counter_dead.db"
    (place / name).write_bytes(content)
    with caplog.at_level(logging.ERROR):
        metrics_files.bury(dead)
    assert name in caplog.text
    assert not list(place.glob(f"*_{dead}.db"))
    assert not list(place.glob(f"*_{earlier}.db"))
    shown = python(_SUM)[1]
    assert "took_sum 3.0" in shown
    assert f'things_total{{kind="a"}} {2.0 if whose == "process" else 3.0}' in shown


def test_a_file_that_no_process_can_have_ends_nothing(place: Path) -> None:
    (place / f"counter_{'9' * 30}.db").write_bytes(b"")
    (place / "counter_7.new").mkdir()
    metrics_files.bury_all_dead()
    metrics_files.bury(7)


def test_what_a_process_was_still_writing_goes_and_no_file_of_others(place: Path) -> None:
    dead, _out = python("")
    (place / f"counter_{dead}.new").write_bytes(b"half")
    (place / f"web_{dead}.sock").write_bytes(b"")
    metrics_files.bury(dead)
    assert [path.name for path in place.iterdir() if path.name != "lock"] == [f"web_{dead}.sock"]


def test_a_process_that_counted_nothing_leaves_nothing(place: Path) -> None:
    dead, _out = python("")
    (place / f"counter_{dead}.db").write_bytes(bytes(1 << 16))
    metrics_files.bury(dead)
    assert not list(place.glob("*.db"))


def test_where_there_is_no_room_for_the_numbers_of_the_dead_they_are_left_out(
    place: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _out = python(_COUNT.format(number=1))
    metrics_files.bury(first)
    before = python(_SUM)[1]
    second, _out = python(_COUNT.format(number=2))

    def full(path: Path, _content: bytes) -> int:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with caplog.at_level(logging.ERROR):
        metrics_files.bury(second)
    assert f"counter_{second}.db" in caplog.text
    assert "No space left" in caplog.text
    assert python(_SUM)[1] == before
    assert not list(place.glob("*.new"))


def test_room_that_the_dead_ones_own_file_takes_is_enough(
    place: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, _out = python(_COUNT.format(number=1))
    write = Path.write_bytes

    def tight(path: Path, content: bytes) -> int:
        kind = path.name.partition("_")[0]
        if (place / f"{kind}_{dead}.db").exists():
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", tight)
    metrics_files.bury(dead)
    assert not caplog.records
    assert "took_sum 1.0" in python(_SUM)[1]


def test_the_master_does_not_import_the_library(place: Path) -> None:
    # A worker without room for files could not keep its numbers for itself any more.
    dead, _out = python(_COUNT.format(number=1))
    told = python(
        "import sys\nfrom portal import metrics_files\nmetrics_files.bury_all_dead()\n"
        "print('prometheus_client' in sys.modules)"
    )[1]
    assert told == "False\n"
    assert not list(place.glob(f"*_{dead}.db"))


def test_a_process_takes_all_the_room_that_its_numbers_can_need(place: Path) -> None:
    pid, _out = python(_ALL)
    files = {path.name: path.stat() for path in place.iterdir()}
    # None has been made longer, which would be done without taking room.
    assert {name: found.st_size for name, found in files.items()} == {
        f"{kind}_{pid}.db": size for kind, size in metrics_files.ROOM.items()
    }
    for name, found in files.items():
        assert found.st_blocks * 512 >= found.st_size, name
    (used,) = struct.unpack_from("i", (place / f"histogram_{pid}.db").read_bytes())
    assert used > metrics_files.ROOM["histogram"] * 0.8
    metrics_files.bury(pid)
    assert (place / "histogram_dead.db").stat().st_size == used
    assert "portal_request_seconds_sum{" in python(_SUM)[1]


def test_the_bounds_of_that_room_hold_for_every_view_and_every_kind_of_number() -> None:
    assert max(map(len, names(get_resolver()))) <= LONGEST_VIEW
    kinds = {number._type for number in vars(metrics).values() if isinstance(number, MetricWrapperBase)}
    assert kinds == set(metrics_files.ROOM)


def test_a_process_without_room_keeps_its_numbers_for_itself(
    place: Path,
) -> None:
    python(_COUNT.format(number=1))
    before = sorted(path.name for path in place.iterdir())
    told = python(
        _TIGHT
        + _COUNT.format(number=5)
        + "from prometheus_client import REGISTRY\n"
        + "print(REGISTRY.get_sample_value('took_sum'), metrics_files.folder())\n"
    )[1]
    assert told == f"5.0 {place}\n"
    assert sorted(path.name for path in place.iterdir()) == before
    assert "took_sum 1.0" in python(_SUM)[1]


def test_a_process_without_room_says_so_once(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(metrics_files, "ROOM", {"counter": 1 << 16, "histogram": 1 << 17})
    write = Path.write_bytes

    def tight(path: Path, content: bytes) -> int:
        if len(content) > 1 << 16:
            path.touch()
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", tight)
    with caplog.at_level(logging.ERROR):
        metrics_files.take_room()
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == [
        f"No room for the numbers of process {os.getpid()}"
    ]
    assert metrics_files.VARIABLE not in os.environ
    assert not list(place.iterdir())


def test_a_process_keeps_what_one_of_the_same_id_had_counted(place: Path) -> None:
    dead, _out = python(_COUNT.format(number=3))
    for kind in metrics_files.ROOM:
        (place / f"{kind}_{dead}.db").rename(place / f"{kind}_{os.getpid()}.db")
    metrics_files.take_room()
    assert "took_sum 3.0" in python(_SUM)[1]


def test_who_cannot_be_buried_while_others_read_is_so_with_the_next(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, _out = python(_COUNT.format(number=1))
    second, _out = python(_COUNT.format(number=3))
    with caplog.at_level(logging.WARNING), (place / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        python(f"from portal import metrics_files; metrics_files.bury({first})")
        metrics_files.bury(first)
    assert "later" in caplog.text
    assert list(place.glob(f"*_{first}.db"))
    metrics_files.bury(second)
    assert sorted(path.name for path in place.glob("*.db")) == ["counter_dead.db", "histogram_dead.db"]
    assert "took_sum 4.0" in python(_SUM)[1]


def test_who_reads_for_a_moment_is_waited_for(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead, _out = python(_COUNT.format(number=1))
    with (place / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        monkeypatch.setattr(time, "sleep", lambda _seconds: fcntl.flock(lock, fcntl.LOCK_UN))
        metrics_files.bury(dead)
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
