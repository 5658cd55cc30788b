"""What a failure says. An assertion is a verdict; a wait that ran out is none, until its test has run alone.

A busy machine makes waits run out, never an assertion false. So tests whose waits ran out, three at most, run
again when all others are over; they must pass then. An assertion that failed is never tried again.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

MOST_WAITS = 3
_WAITS = pytest.StashKey[int]()
# In the run that looks again nobody looks a third time.
_IS_SECOND_LOOK = "PORTAL_TESTS_SECOND_LOOK"


def is_wait(error: pytest.ExceptionInfo[BaseException]) -> bool:
    """Tell whether a test failed since something did not come in time, and not since something was wrong."""
    if isinstance(error.value, (TimeoutError, subprocess.TimeoutExpired)):
        return True
    if error.typename == "Failed":
        return str(error.value).startswith("Timeout (")  # pytest-timeout's
    if error.typename == "TimeoutError":
        return error.type.__module__.startswith("playwright.")
    # `expect` waits, and then says by an AssertionError of its own what it has seen last.
    return error.typename == "AssertionError" and "playwright" in Path(error.traceback[-1].path).parts


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Note on a failed report whether it was a wait, and by which name its test is run again.

    A process in which more wait in vain than are looked at again goes on no further.
    """
    report: Any = yield
    if report.failed and call.excinfo is not None and is_wait(call.excinfo):
        waits = item.config.stash[_WAITS] = item.config.stash.get(_WAITS, 0) + 1
        if waits > MOST_WAITS:
            item.session.shouldstop = "too many waits ran out"
        group = item.get_closest_marker("xdist_group")
        # xdist lets the name end with the group.
        report.waited = item.nodeid.removesuffix(f"@{group.args[0]}") if group else item.nodeid
    return report


def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """Count waits by themselves: they are no failures yet."""
    if report.failed and getattr(report, "waited", ""):
        return "waited", "W", "WAITED"
    return None


class SecondLook:
    """What the process that shares the tests out does about waits."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._waits: list[str] = []
        self._wrong = self._looks = 0
        self._told = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Gather what failed, and how."""
        if not report.failed:
            return
        waited = getattr(report, "waited", "")
        if not waited:
            self._wrong += 1
        elif waited not in self._waits:
            self._waits.append(waited)

    @pytest.hookimpl(trylast=True)  # when the processes that tests were shared out to have ended
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Run those that waited in vain again, alone; the run is green if they pass."""
        number = len(self._waits)
        if not number:
            return
        if self._wrong:
            ran_out = "1 wait that ran out was" if number == 1 else f"{number} waits that ran out were"
            self._told = f"Something is wrong, so {ran_out} not looked at."
        elif number > MOST_WAITS:
            self._told = f"{number} waits ran out, which is too many."
        elif session.exitstatus == pytest.ExitCode.TESTS_FAILED:
            passed = self._look_again()
            self._looks = number
            self._told = f"Alone they {'passed' if passed else 'FAILED'}."
            session.exitstatus = pytest.ExitCode.OK if passed else pytest.ExitCode.TESTS_FAILED

    def _look_again(self) -> bool:
        self._say(f"\nLooking again, alone, at: {' '.join(self._waits)}\n")
        # The same options, but the tests by name: no -m, no -k, and nothing shared out.
        plugins = [word for name in self._config.getoption("plugins") for word in ("-p", name)]
        command = [sys.executable, "-m", "pytest", *plugins, "-n", "0", *self._waits]
        env = {**os.environ, _IS_SECOND_LOOK: "1"}
        return not subprocess.run(command, cwd=self._config.rootpath, env=env, check=False).returncode

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say of every wait what it waited for, and in the end how many there were."""
        for report in terminalreporter.stats.get("waited", ()):
            terminalreporter.section(f"waited: {report.nodeid}", "_")
            terminalreporter.line(report.longreprtext)

    def pytest_unconfigure(self) -> None:
        """Let the last line say how many second looks there were."""
        self._say(f"Second looks: {self._looks}. {self._told}".rstrip() + "\n")

    def _say(self, words: str) -> None:
        sys.stdout.write(words)
        sys.stdout.flush()


def pytest_configure(config: pytest.Config) -> None:
    """Look again from the first process alone, and only once."""
    if not hasattr(config, "workerinput") and _IS_SECOND_LOOK not in os.environ:
        config.pluginmanager.register(SecondLook(config))
