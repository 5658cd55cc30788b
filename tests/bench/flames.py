"""Where the web workers' time goes: their stacks, looked at five hundred times a second under load."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.servers import ROOT

_SECONDS = 5
_LOOKS_A_SECOND = 500
_MOST_LINES = 14
_OWN = tuple(sorted(path.parent.name for path in ROOT.glob("*/__init__.py")))
# What a sample is told to be spent in, by the path of its innermost frame that is not the standard library's.
_PARTS = {
    "the rules and queries of the portal": re.compile(rf"^({'|'.join(_OWN)})/"),
    "Django: database": re.compile(r"^django/db/"),
    "Django: templates": re.compile(r"^django/(template|utils/(safestring|html|formats))"),
    "Django: handlers, middleware, the rest": re.compile(r"^django"),
    "the database's driver": re.compile(r"^psycopg"),
    "ninja and pydantic": re.compile(r"^(ninja|pydantic)"),
    "gunicorn": re.compile(r"^gunicorn"),
}
_FRAME = re.compile(r"^(?P<function>.+) \((?P<path>[^()]+?)(?::(?P<line>\d+))?\)$")

Stack = tuple[tuple[str, str], ...]


def program() -> str:
    """Return where the sampler is."""
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise SystemExit("py-spy is not installed.")
    return found


def watch(
    pid: int, prepare: Callable[[], object], load: Callable[[float], object], picture: Path
) -> list[str]:
    """Prepare and run a load twice; draw a flame graph of the first, and return a table of the second.

    `pid` is gunicorn's master; only threads that hold the interpreter's lock are looked at, so that what
    is seen is work and not waiting.
    """
    prepare()
    _record(pid, load, picture, "flamegraph")
    raw = picture.with_suffix(".txt")
    prepare()
    _record(pid, load, raw, "raw")
    try:
        return list(table(dict(_read(raw.read_text()))))
    finally:
        raw.unlink()


def _record(pid: int, load: Callable[[float], object], into: Path, kind: str) -> None:
    command = [program(), "record", "--pid", str(pid), "--subprocesses", "--gil", "--nonblocking"]
    command += ["--rate", str(_LOOKS_A_SECOND), "--duration", str(_SECONDS)]
    command += ["--format", kind, "--output", str(into)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as spy:
        load(_SECONDS)
        told = spy.communicate(timeout=60)[1]
    if spy.returncode or not into.exists():
        raise SystemExit(f"py-spy: {told}")


def _read(text: str) -> Iterator[tuple[Stack, int]]:
    """Read folded stacks: the outermost frame first, and how often it was seen."""
    for line in text.splitlines():
        frames, _, number = line.rpartition(" ")
        found = (_FRAME.match(frame) for frame in frames.split(";"))
        yield tuple((one["function"], one["path"]) for one in found if one), int(number)


def table(stacks: dict[Stack, int]) -> Iterator[str]:
    """Yield the shares by part, and those of the portal's functions with what they had libraries do."""
    parts: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for stack, number in stacks.items():
        parts[_part_of(stack)] += number
        own = (f"{path}: {function}" for function, path in reversed(stack) if path.startswith(_OWN))
        functions[next(own, "nothing of the portal")] += number
    everything = sum(stacks.values()) or 1
    for counted in (parts, functions):
        yield ""
        for name, number in counted.most_common(_MOST_LINES):
            yield f"{number / everything:6.1%}  {name}"


def _part_of(stack: Stack) -> str:
    for _function, path in reversed(stack):
        for name, pattern in _PARTS.items():
            if pattern.match(path):
                return name
    return "elsewhere"
