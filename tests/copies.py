"""A copy of this tree as a clone of it would be, for what is tried from its start or damaged on purpose."""

import shutil
import subprocess
from pathlib import Path

from tests.requirements import skip_or_fail
from tests.servers import ROOT


def copy_of_the_tree(into: Path) -> Path:
    """Copy what git would clone, changes that are not committed included; returns the folder.

    The packages, which take a minute to install, are lent to it.
    """
    for program in ("make", "git"):
        if shutil.which(program) is None:
            skip_or_fail(f"{program} is not installed")
    if not (ROOT / ".venv" / "installed.txt").is_file():
        skip_or_fail("`make setup` has not been run here")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        skip_or_fail("git does not know the files of this folder")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, into / name)
    (into / ".venv").symlink_to(ROOT / ".venv")
    return into
