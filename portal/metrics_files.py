"""The files in which the processes of one machine keep their numbers; gunicorn's hooks call this.

prometheus-client leaves the files of every process that ever was. Workers are renewed now and then,
so what a dead one counted is added to one file for all the dead, and its own file goes.
"""

import fcntl
import json
import logging
import os
import shutil
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Gunicorn's own: the hooks run where Django's log is not set up.
logger = logging.getLogger("gunicorn.error")

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# Set instead in a process that could take no room for files, but shows those of the others.
_OTHERS = f"{VARIABLE}_OF_OTHERS"
_DEAD = "dead"
_PREFIX = "portal-metrics-"
# The library's files, and what a killed process was still writing.
_SUFFIXES = frozenset({".db", ".new"})
# To merge the files, and how many seconds lie between two tries.
_TRIES = 10
_PAUSE = 0.1
# Bytes that a process's files of each kind can come to need. The library makes a full file longer without
# taking room for it, so these are bounds: MOST_CODES and the types of changes with 300 bytes each, and
# MOST_SERIES of 13 numbers, 3.5 kB together where the view has the longest name. (The 205 views of today,
# each with two methods and two kinds of answers, come to 2.5 MB.)
ROOM = {"counter": 1 << 17, "histogram": 3 << 20}


def folder() -> Path | None:
    """Return where the files of all processes are; None where each keeps its numbers for itself."""
    named = os.environ.get(VARIABLE) or os.environ.get(_OTHERS)
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


def take_room() -> None:
    """Make the files of this new process as long as they can come to be.

    Only before the library is imported. Where there is no room for them, the process keeps its numbers for
    itself, and the log says so. Raises nothing.
    """
    place = folder()
    if place is None:
        return
    paths = {place / f"{kind}_{os.getpid()}.db": size for kind, size in ROOM.items()}
    try:
        for path, size in paths.items():
            # The numbers of an ended process whose id is this one's now are kept.
            kept = _content(_intact(path))
            # Zeros that are written take room on every system, which a file made longer does not: the
            # process would be killed where it first writes into a page of it for which there is none.
            _write(path, kept.ljust(size, b"\0"))
    except OSError as error:
        for path in paths:
            with suppress(OSError):
                path.unlink()
        os.environ[_OTHERS] = os.environ.pop(VARIABLE)
        logger.error(
            "No room for the numbers of process %d, which shows those of others: %s", os.getpid(), error
        )


def remove_own() -> None:
    """Remove the folder that this process made, if it made one; it may have read its settings anew since."""
    place = folder()
    if place is not None and place.name.startswith(f"{_PREFIX}{os.getpid()}-"):
        shutil.rmtree(place, ignore_errors=True)


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False
    return False


@contextmanager
def held_still(place: Path, *, to_change: bool = False) -> Iterator[None]:
    """Let nobody read while files are merged, and nobody merge while they are read.

    Whoever reads waits for as long as it takes. To change them is tried for a second; then BlockingIOError is
    raised: gunicorn's master would otherwise hang for as long as a reader does.
    """
    with (place / "lock").open("a") as lock:
        if to_change:
            _lock_soon(lock.fileno())
        else:
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def _lock_soon(lock: int) -> None:
    for _try in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_PAUSE)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def bury(pid: int) -> None:
    """Add what a dead process counted to the file of all the dead, with whatever was left to be added.

    Raises nothing: gunicorn's master calls this, and the server would end with it. What cannot be kept is
    left out, and the log says so.
    """
    _bury(lambda other: other == pid or _is_gone(other))


def bury_all_dead() -> None:
    """Bury the processes that died while nobody watched: their files are still there. Raises nothing."""
    _bury(_is_gone)


def _bury(is_dead: Callable[[int], bool]) -> None:
    place = folder()
    if place is None or not place.is_dir():
        return
    try:
        with held_still(place, to_change=True):
            for path in sorted(place.glob("*_*.*")):
                kind, _, pid = path.stem.rpartition("_")
                if path.suffix not in _SUFFIXES or not pid.isdecimal() or not is_dead(int(pid)):
                    continue
                if path.suffix == ".db":
                    _add(path, path.with_name(f"{kind}_{_DEAD}.db"))
                path.unlink(missing_ok=True)
    except BlockingIOError:
        logger.warning("The numbers of ended processes in %s are being read; they are added up later", place)
    except Exception:
        logger.exception("The numbers of ended processes in %s cannot be added up", place)


def _add(source: Path, target: Path) -> None:
    """Add the numbers of one file to another's; what is damaged of either counts as nothing."""
    counted, total = _intact(source), _intact(target)
    for key, value in counted.items():
        total[key] = total.get(key, 0.0) + value
    if not total:
        target.unlink(missing_ok=True)
        return
    try:
        try:
            _write(target, _content(total))
        except OSError:
            # The numbers are in memory: what their file takes can be all the room that is missing.
            source.unlink()
            _write(target, _content(total))
    except OSError as error:
        logger.error("What an ended process counted (%s) is left out: %s", source.name, error)


def _write(path: Path, content: bytes) -> None:
    """Put a file in place as a whole, or not at all. Raises OSError where there is no room for it.

    Written, not mapped: where no room is left, a process that writes into a mapped file is killed.
    """
    new = path.with_suffix(".new")
    try:
        new.write_bytes(content)
        new.replace(path)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise


# The files are prometheus-client's: a head that says how much of the file is in use, and for each number the
# length of its key, the key with spaces up to a multiple of eight, the value, and a time (0 but for gauges).
# Read and written here, since the library cannot be imported by the master: whether a process has files is
# settled when it is imported, and new workers begin with whatever the master has imported.
_HEAD = struct.Struct("i4x")
_LENGTH = struct.Struct("i")
_VALUE = struct.Struct("dd")


def _intact(path: Path) -> dict[str, float]:
    """Return the numbers of a file by key; none of one that is missing, or damaged, which the log tells."""
    try:
        return _numbers(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (ValueError, struct.error) as error:
        logger.error("The file of numbers %s is damaged and left out: %s", path.name, error)
        return {}


def _numbers(data: bytes) -> dict[str, float]:
    """Return the numbers by key. Raises ValueError or struct.error for what the library has not written."""
    found = {}
    (used,) = _HEAD.unpack_from(data)
    if not 0 <= used <= len(data):
        raise ValueError("it is shorter than its head says")
    at = _HEAD.size
    while at < used:
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if not 0 < length <= used - at:
            raise ValueError("a key is longer than the file")
        key = data[at : at + length].decode()
        # Whoever shows the numbers takes the key apart, and would fail at it each time.
        told = json.loads(key)
        if not isinstance(told, list) or [type(part) for part in told] != [str, str, dict, str]:
            raise ValueError("a key names no number")
        at += _padded(length)
        found[key] = _VALUE.unpack_from(data, at)[0]
        at += _VALUE.size
    return found


def _content(numbers: dict[str, float]) -> bytes:
    content = bytearray(_HEAD.size)
    for key, value in numbers.items():
        encoded = key.encode()
        content += _LENGTH.pack(len(encoded)) + encoded.ljust(_padded(len(encoded))) + _VALUE.pack(value, 0.0)
    _HEAD.pack_into(content, 0, len(content))
    return bytes(content)


def _padded(length: int) -> int:
    return length + 8 - (length + _LENGTH.size) % 8
