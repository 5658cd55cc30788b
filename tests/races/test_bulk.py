"""A worker that is killed while it issues very many vouchers: none is left, and once again all are."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines import Engine
from tests.patience import until
from tests.races.conftest import Clerk
from tests.races.test_webhooks import python, said
from tests.workers import working

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
# Workers that stop for as long as they are let: in the middle of the check, and in the very transaction that
# stores.
_CHECKING = """
import django, time; django.setup()
from bulk import runs
from bulk.models import Job
runs.BEAT_SECONDS = 0
beat = runs._Beat.__call__
def stop(self, done):
    beat(self, done)
    if done == 1000:
        print("checked", done, flush=True)
        time.sleep(600)
runs._Beat.__call__ = stop
runs.run(Job.objects.get().pk)
"""
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


def heard(process: subprocess.Popen[str]) -> list[str]:
    """Return the words of the next line that a process says."""
    assert process.stdout is not None
    return process.stdout.readline().split()


def kill(process: subprocess.Popen[str]) -> None:
    """End a process as the kernel does when memory is short."""
    process.kill()
    process.communicate()


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
    # Killed in mid-check: it begins anew.
    process = python(database_url, _CHECKING)
    assert heard(process) == ["checked", "1000"]
    kill(process)
    assert (job()["state"], job()["done"]) == ("checking", 1000)
    with working(database_url, log, 1) as workers:
        assert said(python(database_url, _TAKE_UP)).split() == ["1"]
        until(lambda: job()["state"] == "ready", progress=job, what="the check")
        assert workers.stop() == [0]
    said(python(database_url, _CONFIRM))
    # Killed in mid-storing: the vouchers are written, and not committed.
    process = python(database_url, _STOPPING)
    assert heard(process) == ["stored", str(NUMBER)]
    assert heard(process) == ["stored", str(NUMBER)]
    assert nothing_of(job())
    kill(process)
    assert nothing_of(job())
    with working(database_url, log, 2) as workers:
        assert said(python(database_url, _TAKE_UP)).split() == ["1"]
        until(lambda: job()["state"] == "done", progress=job, what="the vouchers")
        assert workers.stop() == [0, 0]
    assert job() == {"state": "done", "done": NUMBER, "stored": [NUMBER] * 4, "told": 1}
    assert "Traceback" not in log.read_text()
