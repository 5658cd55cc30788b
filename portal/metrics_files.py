"""The files in which the processes of one machine keep their numbers; gunicorn's hooks call this.

prometheus-client leaves the files of every process that ever was. Workers are renewed now and then,
so what a dead one counted is added to one file for all the dead, and its own file goes.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_DEAD = "dead"
_PREFIX = "portal-metrics-"


def folder() -> Path | None:
    """Return where the files are; None in a process that keeps its numbers for itself."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def make_folder(place: str) -> str:
    """Make a folder of this process's own, which nobody else may enter."""
    return tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=place)


def clear_left(place: str) -> None:
    """Remove the folders of servers that were killed and could not do so themselves."""
    for left in Path(place).glob(f"{_PREFIX}*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and _is_gone(int(pid)) and left.stat().st_uid == os.getuid():
            shutil.rmtree(left, ignore_errors=True)


def remove_own() -> None:
    """Remove the folder that this process made, if it made one; it may have read its settings anew since."""
    place = folder()
    if place is not None and place.name.startswith(f"{_PREFIX}{os.getpid()}-"):
        shutil.rmtree(place, ignore_errors=True)


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@contextmanager
def held_still(place: Path, *, to_change: bool = False) -> Iterator[None]:
    """Let nobody read while files are merged, and nobody merge while they are read."""
    with (place / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if to_change else fcntl.LOCK_SH)
        yield


def bury(pid: int) -> None:
    """Add what a dead process counted to the file of all the dead."""
    place = folder()
    if place is None or not place.is_dir():
        return
    with held_still(place, to_change=True):
        for path in place.glob(f"*_{pid}.db"):
            _merge(path, path.with_name(f"{path.stem.removesuffix(f'_{pid}')}_{_DEAD}.db"))
            path.unlink()


def bury_all_dead() -> None:
    """Bury the processes that died while nobody watched: their files are still there."""
    place = folder()
    if place is None or not place.is_dir():
        return
    pids = {path.stem.rpartition("_")[2] for path in place.glob("*.db")}
    for pid in pids:
        if pid.isdecimal() and _is_gone(int(pid)):
            bury(int(pid))


def _merge(source: Path, target: Path) -> None:
    # After the environment is set: the library looks at it when it is imported.
    from prometheus_client.mmap_dict import MmapedDict  # noqa: PLC0415

    files: Any = MmapedDict  # untyped
    into = files(str(target))
    for key, value, _at, _position in files.read_all_values_from_file(str(source)):
        had, _had_at = into.read_value(key)
        into.write_value(key, had + value, 0.0)
    into.close()
