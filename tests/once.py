"""What tests need alike is made by one of the processes that share them out; the others take it."""

import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

_FOLDER = "PORTAL_TESTS_FOLDER"


def share_a_folder() -> Path | None:
    """Make the folder that this process and those that it starts share; None if it was given one."""
    if _FOLDER in os.environ:
        return None
    folder = Path(tempfile.mkdtemp(prefix="portal-tests-"))
    os.environ[_FOLDER] = str(folder)
    return folder


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """Return what `make` puts into the place that it is told; whoever comes meanwhile waits for it."""
    folder = Path(os.environ[_FOLDER])
    place = folder / name
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            half = folder / f"half-{name}"
            make(half)
            half.rename(place)
    return place
