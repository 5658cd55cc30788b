"""A worker that is killed while it issues very many vouchers: none is left, and once again all are."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines import Engine
from tests.patience import until
from tests.races.conftest import Clerk
from tests.races.test_webhooks import python, said, working
from tests.servers import ROOT, environment

NUMBER = 5000
_HAND_IN = f"""
import django; django.setup()
from django.utils import timezone
from bulk.domain import make_job
from bulk.models import Kind
from tests.make import CLERK, make_hotel
rows = "".join(f"Spa {{number}},2099-01-01\\n" for number in range({NUMBER}))
text = ("title,valid_until\\n" + rows).encode()
job = make_job(kind=Kind.FILE, hotel=make_hotel("hotel-races"), by=CLERK, now=timezone.now(), content=[text])
print(job.pk)
"""
_CONFIRM = """
import django; django.setup()
from django.utils import timezone
from bulk.domain import confirm_job
from bulk.models import Job
from tests.make import CLERK
confirm_job(job_id=Job.objects.get().pk, by=CLERK, now=timezone.now())
"""
# The lease of the dead is over as soon as the clock says so: this says it earlier.
_TAKE_UP = """
import django; django.setup()
from django.utils import timezone
from bulk.domain import take_up_again
from bulk.models import Job
from bulk.runs import LEASE
Job.objects.exclude(lease_until=None).update(lease_until=timezone.now())
print(take_up_again(timezone.now()))
"""
# A worker that stops in the very transaction that stores, for as long as it is let.
_STOPPING = """
import django, time; django.setup()
from bulk.models import Job
from bulk.runs import run
from portal.staging import Stage
store, stored = Stage.store, []
def slowly(stage):
    number = store(stage)
    stored.append(number)
    print("stored", number, flush=True)
    if len(stored) == 2:
        time.sleep(600)
    return number
Stage.store = slowly
run(Job.objects.get().pk)
"""


@pytest.fixture
def database_url(engine: Engine) -> str:
    return engine.new_database("portal_bulk")


@pytest.fixture
def clerk(database_url: str) -> Iterator[Clerk]:
    clerk = Clerk(database_url)
    yield clerk
    clerk.stop()


def nothing_of(job: Any) -> bool:
    """Tell whether a job is issuing, and nothing of it is stored."""
    return job["state"] == "issuing" and job["stored"] == [0] * 4 and job["told"] == 0


def test_of_an_import_whose_worker_is_killed_nothing_is_left_and_once_again_all_is_issued(
    database_url: str, clerk: Clerk, tmp_path: Path
) -> None:
    def job() -> Any:
        return clerk.ask("job")

    said(python(database_url, _HAND_IN))
    log = tmp_path / "work.log"
    with working(database_url, log, 1) as workers:
        # Killed in mid-check: it begins anew.
        until(lambda: job()["done"], what="the first rows")
        workers.kill_one()
        assert job()["state"] == "checking"
        assert said(python(database_url, _TAKE_UP)).split() == ["1"]
        workers.start()
        until(lambda: job()["state"] == "ready", what="the check")
        assert workers.stop() == [0]
    said(python(database_url, _CONFIRM))
    # Killed in mid-storing: the vouchers are written, and not committed.
    process = subprocess.Popen(
        [sys.executable, "-c", _STOPPING],
        cwd=ROOT,
        env=environment(database_url),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().split() == ["stored", str(NUMBER)]
    assert process.stdout.readline().split() == ["stored", str(NUMBER)]
    assert nothing_of(job())
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert nothing_of(job())
    with working(database_url, log, 2) as workers:
        assert said(python(database_url, _TAKE_UP)).split() == ["1"]
        until(lambda: job()["state"] == "done", what="the vouchers")
        assert workers.stop() == [0, 0]
    assert job() == {"state": "done", "done": NUMBER, "stored": [NUMBER] * 4, "told": 1}
    assert "Traceback" not in log.read_text()
