"""Faults that are planted on purpose: `make test` and `make checks` have to be red with each of them."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.copies import copy_of_the_tree

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


@dataclass(frozen=True)
class Fault:
    """A change of one file, and the command that has to find it."""

    name: str
    file: str
    right: str
    wrong: str
    command: tuple[str, ...] = ("make", "test", "ARGS=-x -q")


FAULTS = (
    Fault(
        "a guard dropped on SQLite",
        "bookings/guards.py",
        "    WHERE ({peak}) >= (SELECT capacity",
        "    WHERE 0 AND ({peak}) >= (SELECT capacity",
    ),
    Fault(
        "a guard dropped on PostgreSQL",
        "bookings/guards.py",
        "    IF peak >= places THEN",
        "    IF false THEN",
        ("make", "test-postgresql", "ARGS=-x -q"),
    ),
    Fault("a mail lost", "bookings/tasks.py", "        message.send()\n", "        str(message)\n"),
    Fault(
        "a twin booked",
        "access/idempotency.py",
        "_reserve([caller.key_id, key, fingerprint",
        '_reserve([caller.key_id, f"{key}{now}", fingerprint',
    ),
    Fault(
        "a page that is a server error",
        "portal/views.py",
        "    uid, now = guest_uid_of(request), timezone.now()\n    if request.method",
        "    uid, now = guest_uid_of(request), timezone.now()\n    raise RuntimeError\n    if request.method",
    ),
    Fault(
        "a sleep in a unit test",
        "tests/portal/test_ids.py",
        "def test_threads_make_no_id_twice() -> None:\n",
        "def test_threads_make_no_id_twice() -> None:\n    import time\n\n    time.sleep(1)\n",
        ("make", "checks"),
    ),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found(fault: Fault, tmp_path: Path) -> None:
    copy = copy_of_the_tree(tmp_path)
    file = copy / fault.file
    before = file.read_text()
    assert before.count(fault.right) == 1, "the fault does not fit the code any more"
    file.write_text(before.replace(fault.right, fault.wrong))
    ended = subprocess.run(fault.command, cwd=copy, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "TID251" in ended.stdout if fault.command[1] == "checks" else " failed" in ended.stdout
