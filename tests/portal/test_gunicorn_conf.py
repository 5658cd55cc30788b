"""How the web server is set up on machines of all kinds."""

import os
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portal import metrics_files

CONFIG = Path(__file__).resolve().parent.parent.parent / "gunicorn.conf.py"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEB_CONCURRENCY", "WEB_THREADS", metrics_files.VARIABLE):
        # Set and deleted again, so that what the configuration sets is taken back too.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def read(**changes: Any) -> dict[str, Any]:
    return runpy.run_path(str(CONFIG), init_globals=changes)


@pytest.mark.parametrize(("cores", "workers"), [(1, 2), (2, 2), (6, 6), (64, 8)])
def test_there_is_a_process_for_each_processor_within_bounds(
    monkeypatch: pytest.MonkeyPatch, cores: int, workers: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)), raising=False)
    assert read()["workers"] == workers


def test_an_operator_chooses_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    assert read()["workers"] == 3


def test_numbers_have_a_folder_from_the_start_to_the_end_also_after_a_reload() -> None:
    read()["on_starting"](None)
    place = metrics_files.folder()
    assert place is not None
    assert place.is_dir()
    # A reload reads the file anew; its functions end what those of before began.
    read()["on_exit"](None)
    assert not place.exists()


def test_a_worker_takes_room_for_its_numbers_before_it_loads_the_portal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(metrics_files.VARIABLE, str(tmp_path))
    config = read()
    config["post_fork"](None, None)
    sizes = {path.name.partition("_")[0]: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes == metrics_files.ROOM
    # Loaded in the master, the library would have settled there that every worker has files.
    assert "preload_app" not in config


def test_a_folder_that_the_environment_names_is_made_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(metrics_files.VARIABLE, str(tmp_path / "numbers"))
    config = read()
    config["on_starting"](None)
    config["child_exit"](None, SimpleNamespace(pid=1))
    config["on_exit"](None)
    assert (tmp_path / "numbers").is_dir()
