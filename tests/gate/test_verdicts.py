"""What makes a run red: what is wrong at once, what came too late only if it does so alone too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT
from tests.verdicts import MOST_WAITS

_WAIT = "raise TimeoutError('nothing came')"
# Fails among others, and passes when it is looked at again.
_WAIT_ONCE = "mark = Path('seen-{0}')\n    if not mark.exists():\n        mark.touch()\n        " + _WAIT
_TESTS = {
    "passes": "pass",
    "wrong": "mark = Path('tried').open('a'); mark.write('x'); mark.close(); assert 1 == 2",
    "waits": _WAIT,
    "hangs": "import time; time.sleep(60)",
    "ends_late": "import subprocess; subprocess.run(['sleep', '60'], timeout=0.1)",
    **{f"waits_once_{number}": _WAIT_ONCE.format(number) for number in range(MOST_WAITS + 1)},
}


def run(folder: Path, *names: str, shared: bool = False) -> tuple[int, str]:
    """Run these tests by the project's own plugin; returns the status, and what was said."""
    # None but the one that hangs is ever too slow, however busy this machine is.
    functions = "".join(
        f"\n\n@mark.timeout({2 if name == 'hangs' else 0})\ndef test_{name}():\n    {_TESTS[name]}\n"
        for name in names
    )
    (folder / "test_it.py").write_text(f"from pathlib import Path\nfrom pytest import mark\n{functions}")
    (folder / "pytest.ini").write_text("[pytest]\n")
    words = ["-p", "tests.verdicts", "-p", "no:cacheprovider", *(["-n", "2"] if shared else ["-n", "0"])]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PORTAL_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:django", *words, "test_it.py"],
        cwd=folder,
        env={**env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def last_line(told: str) -> str:
    return told.strip().splitlines()[-1]


def test_a_run_in_which_nothing_fails_is_green_and_says_so(tmp_path: Path) -> None:
    status, told = run(tmp_path, "passes")
    assert (status, last_line(told)) == (0, "Second looks: 0.")


@pytest.mark.parametrize("shared", [False, True])
def test_what_waited_in_vain_among_others_and_passes_alone_is_green(tmp_path: Path, shared: bool) -> None:
    status, told = run(tmp_path, "passes", "waits_once_0", "waits_once_1", shared=shared)
    assert status == 0, told
    assert last_line(told) == "Second looks: 2. Alone they passed."
    assert "nothing came" in told


@pytest.mark.parametrize("name", ["waits", "hangs", "ends_late"])
def test_what_waits_in_vain_alone_too_is_red(tmp_path: Path, name: str) -> None:
    status, told = run(tmp_path, "passes", name)
    assert status == 1
    assert last_line(told) == "Second looks: 1. Alone they FAILED."


def test_what_is_wrong_is_red_at_once_and_not_tried_again(tmp_path: Path) -> None:
    status, told = run(tmp_path, "wrong", "waits_once_0")
    assert status == 1
    assert last_line(told) == "Second looks: 0. Something is wrong, so 1 wait that ran out was not looked at."
    assert (tmp_path / "tried").read_text() == "x"


def test_more_waits_than_a_busy_machine_explains_are_red(tmp_path: Path) -> None:
    names = [f"waits_once_{number}" for number in range(MOST_WAITS + 1)]
    status, told = run(tmp_path, *names, "wrong")
    assert status != 0
    assert last_line(told) == f"Second looks: 0. {MOST_WAITS + 1} waits ran out, which is too many."
    # The rest would wait in vain as well, a minute each.
    assert not (tmp_path / "tried").exists()


def test_an_expectation_of_a_browser_is_a_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Playwright's own assertion: the last frame of what it raises lies in its package.
    package = tmp_path / "playwright"
    package.mkdir()
    (package / "expecting.py").write_text("def expect():\n    raise AssertionError('Locator expected')\n")
    expecting = "import sys; sys.path.insert(0, 'playwright'); from expecting import expect; expect()"
    monkeypatch.setitem(_TESTS, "expects", expecting)
    status, told = run(tmp_path, "expects")
    assert status == 1
    assert last_line(told) == "Second looks: 1. Alone they FAILED."
