"""What a supervisor does with the signals it gets; tests/races/test_serve.py has its real parts."""

import logging
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from portal import supervisor
from portal.supervisor import Part
from tests.patience import PATIENCE_SECONDS, until
from tests.servers import ROOT

ALONE = """
from portal.supervisor import Supervisor

supervisor = Supervisor([])
print("runs", flush=True)
supervisor.run()
"""


def caught_by(pid: int) -> set[int]:
    """Return the signals that a process has handlers for (Linux tells)."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(status.split("SigCgt:")[1].split()[0], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def test_a_supervisor_that_gets_signals_all_the_time_still_ends_when_it_is_told_to() -> None:
    # Who stops a whole group (make, a terminal, a container) often tells the same process more than once.
    process = subprocess.Popen([sys.executable, "-c", ALONE], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"runs\n"
        # Until its handlers are set a signal would be the end of it.
        until(lambda: signal.SIGHUP in caught_by(process.pid), what="the handlers")
        for _number in range(5_000):
            process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        process.kill()
        process.wait()


def test_a_part_that_cannot_be_started_is_tried_again_and_ends_nobody_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hands = [100.0]
    monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=lambda: hands[0]))
    program = tmp_path / "program"
    part = Part("worker", [str(program)], reload_signal=signal.SIGTERM)
    with caplog.at_level(logging.ERROR):
        part.keep_running()
    assert (
        "The worker could not be started (No such file or directory); it starts again in 1 s" in caplog.text
    )
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o700)
    hands[0] += 0.99
    part.keep_running()
    assert part._process is None
    hands[0] += 0.01
    part.keep_running()
    assert part._process is not None
    part.ask_to_end()
    part.wait(hands[0] + PATIENCE_SECONDS)


def test_a_part_that_is_ending_to_start_anew_is_not_told_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(subprocess.Popen, "send_signal", lambda _self, number: told.append(number))
    part = Part("worker", ["sleep", "60"], reload_signal=signal.SIGTERM)
    part.keep_running()
    try:
        part.reload()
        part.reload()
        assert told == [signal.SIGTERM]
    finally:
        monkeypatch.undo()
        part.wait(0)
