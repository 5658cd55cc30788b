"""A variable that is set to nothing is not set, whoever reads it."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SETTINGS, SERVER = ROOT / "portal" / "settings.py", ROOT / "gunicorn.conf.py"
NAMES = sorted(set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', SETTINGS.read_text())))
SERVER_NAMES = sorted(set(re.findall(r'os\.environ\.get\("([A-Z_]+)"', SERVER.read_text())))


def settings_with(monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, Any]:
    """Return what the settings are when nothing but these variables is set."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return {name: value for name, value in runpy.run_path(str(SETTINGS)).items() if name.isupper()}


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_that_is_set_to_nothing_has_its_default(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("k" * 60)
    needed = {"SECRET_KEY_FILE": str(tmp_path / "key"), "PLAIN_HTTP": "1"}
    if name == "SECRET_KEY_FILE":
        needed = {"SECRET_KEY": "k" * 60, "PLAIN_HTTP": "1"}
    needed.pop(name, None)
    assert settings_with(monkeypatch, **needed, **{name: ""}) == settings_with(monkeypatch, **needed)


def test_what_a_file_says_holds_where_the_environment_says_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("SECRET_KEY=of-the-file\nREDIS_URL=\nHOLD_MINUTES=7\n")
    (tmp_path / "portal").mkdir()
    copy = tmp_path / "portal" / "settings.py"
    copy.write_text(SETTINGS.read_text())
    monkeypatch.setenv("HOLD_MINUTES", "")
    for name in ("SECRET_KEY", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    read = runpy.run_path(str(copy))
    assert (read["SECRET_KEY"], read["REDIS_URL"], read["HOLD_MINUTES"]) == ("of-the-file", "", 7)
    for name in ("SECRET_KEY", "HOLD_MINUTES"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", SERVER_NAMES)
def test_the_web_server_takes_nothing_for_its_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> dict[str, Any]:
        found = runpy.run_path(str(SERVER)).items()
        return {key: value for key, value in found if key.islower() and isinstance(value, (str, int))}

    monkeypatch.delenv(name, raising=False)
    unset = read()
    monkeypatch.setenv(name, "")
    assert read() == unset
    assert unset["bind"] == "127.0.0.1:8000"
    assert name not in os.environ


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"HOLD_MINUTES": "soon", "SECRET_KEY": "k" * 60}, "'HOLD_MINUTES': ['Not a valid integer.']"),
        ({"SECRET_KEY_FILE": "/nowhere"}, "Set SECRET_KEY, or SECRET_KEY_FILE to a file that holds it."),
    ],
)
def test_a_bad_setting_is_told_in_a_line_and_not_by_a_traceback(variables: dict[str, str], told: str) -> None:
    env = {
        name: value for name, value in os.environ.items() if name not in {*NAMES, "DJANGO_SETTINGS_MODULE"}
    }
    command = [sys.executable, "manage.py", "check"]
    ended = subprocess.run(
        command, cwd=ROOT, env={**env, **variables}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert told in ended.stderr
    assert "docs/operations.md" in ended.stderr
    assert "Traceback" not in ended.stderr
