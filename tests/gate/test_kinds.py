"""Every test has a kind, and every family of system tests a sample."""

import subprocess
import sys
from collections import Counter

from tests.servers import ROOT

# What two files try has one sample.
OTHERS_FAMILY = {"faults/test_backups.py", "races/test_bulk.py", "races/test_operations_guide.py"}


def chosen(marks: str) -> list[str]:
    """Return the names of the tests that are chosen by marks, without what they are tried with."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-m", marks]
    folders = [f"tests/{folder}" for folder in ("races", "journeys", "faults", "machine", "gate")]
    done = subprocess.run([*command, *folders], cwd=ROOT, capture_output=True, text=True, check=False)
    return [line.split("[")[0] for line in done.stdout.splitlines() if "::" in line]


def test_each_family_of_system_tests_has_one_sample() -> None:
    samples = Counter(name.split("::")[0].removeprefix("tests/") for name in dict.fromkeys(chosen("sample")))
    folders = [ROOT / "tests" / folder for folder in ("races", "journeys", "faults")]
    files = {f"{file.parent.name}/{file.name}" for folder in folders for file in folder.glob("test_*.py")}
    assert samples == dict.fromkeys(files - OTHERS_FAMILY, 1)


def test_no_test_is_of_two_kinds_and_none_of_no_kind() -> None:
    assert chosen("unit and system") == chosen("(unit or system) and soak") == []
    assert chosen("not unit and not system and not soak") == []
    assert any("machine/" in name for name in chosen("soak"))
