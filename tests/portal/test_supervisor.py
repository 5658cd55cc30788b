"""What a supervisor does with the signals it gets; tests/races/test_serve.py has its real parts."""

import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portal.supervisor import Part
from tests.patience import until
from tests.servers import ROOT

ALONE = """
from portal.supervisor import Supervisor

supervisor = Supervisor([])
print("runs", flush=True)
supervisor.run()
"""


def test_a_supervisor_that_gets_signals_all_the_time_still_ends_when_it_is_told_to() -> None:
    # Who stops a whole group (make, a terminal, a container) often tells the same process more than once.
    process = subprocess.Popen([sys.executable, "-c", ALONE], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"runs\n"
        # Until its handlers are set a signal would be the end of it.
        time.sleep(0.2)
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            process.send_signal(signal.SIGHUP)
            time.sleep(0.000_02)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_a_part_that_cannot_be_started_is_tried_again_and_ends_nobody_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "program"
    part = Part("worker", [str(program)], reload_signal=signal.SIGTERM)
    with caplog.at_level(logging.ERROR):
        part.keep_running()
    assert (
        "The worker could not be started (No such file or directory); it starts again in 1 s" in caplog.text
    )
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o700)
    part.keep_running()
    assert part._process is None
    time.sleep(1)
    part.keep_running()
    assert part._process is not None
    part.ask_to_end()
    part.wait(time.monotonic() + 10)


def test_a_part_that_is_ending_to_start_anew_is_not_told_twice(tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = f"trap 'echo told >> {told}' TERM; echo > {tmp_path}/runs; while true; do sleep 0.05; done"
    part = Part("worker", ["/bin/sh", "-c", script], reload_signal=signal.SIGTERM)
    part.keep_running()
    try:
        until((tmp_path / "runs").exists, what="the start")
        part.reload()
        until(told.exists, what="the first word")
        part.reload()
        time.sleep(0.5)
        assert told.read_text() == "told\n"
    finally:
        part.wait(0)
