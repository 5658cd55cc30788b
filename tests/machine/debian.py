"""A Debian machine in a container, with systemd as its first process; it shares this machine's network."""

import http.client
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import until
from tests.servers import HOST, ROOT

PROGRAMS = ("debootstrap", "systemd-nspawn", "nsenter")
PORT = 8000
# What listens on the machine, and so may not be taken here.
PORTS = (PORT, 5432, 6379)
CODE = "opt/portal"
_RELEASE = "bookworm"
_PACKAGES = "systemd,systemd-sysv,dbus,procps,ca-certificates"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_CERT": str(_CERTIFICATES),
}


class Machine:
    """A machine whose disk is a folder. A server that a `Browser` can ask."""

    def __init__(self, disk: Path, name: str) -> None:
        self._disk = disk
        # What the proxy says, and a browser that is on one of its pages.
        self.headers = {"Host": name, "X-Forwarded-Proto": "https", "Referer": f"https://{name}/"}

    def boot(self) -> None:
        """Switch it on; returns when systemd has started all that it was told to."""
        said = self._disk.with_suffix(".log").open("ab")
        command = ["systemd-nspawn", f"--directory={self._disk}", "--boot", "--console=pipe"]
        # Without a service of its own on the machine that it runs on.
        command += ["--register=no", "--keep-unit", "--link-journal=no", f"--machine={self._disk.name}"]
        with said:
            self._container = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
            )
        self._first = until(self._find_first, what="the machine's first process")
        # "degraded" when a service has failed: that is for whoever looks.
        until(lambda: self._state() in ("running", "degraded"), what="the machine's start")

    def cut_power(self) -> None:
        """Kill every process at once."""
        os.kill(self._first, signal.SIGKILL)
        self._container.wait()

    def switch_off(self) -> None:
        """Let systemd stop everything; cut the power if that takes too long."""
        self._container.terminate()
        try:
            self._container.wait(timeout=90)
        except subprocess.TimeoutExpired:
            self.cut_power()

    def run(self, script: str, *, is_checked: bool = True) -> str:
        """Run a script of bash as root on the machine; returns what it printed."""
        inside = ["nsenter", "--target", str(self._first), "--all"]
        told = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
        done = subprocess.run(
            [*inside, "env", "-i", *told, "bash", "-euo", "pipefail", "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0 or not is_checked, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def main_process(self, unit: str) -> str:
        """Return the process id, on the machine, of a service's main process; "0" without one."""
        return self.run(f"systemctl show --property=MainPID --value {unit}").strip()

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection for one request, as the proxy in front of the portal opens it."""
        return http.client.HTTPConnection(HOST, PORT, timeout=60)

    def is_ready(self) -> bool:
        """Tell whether the portal says that all its parts are well."""
        connection = self.connect()
        try:
            connection.request("GET", "/readyz", headers=self.headers)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait_until_ready(self) -> float:
        """Wait for that; returns how many seconds it took."""
        began = time.monotonic()
        until(self.is_ready, what="a portal that is ready")
        return time.monotonic() - began

    def _state(self) -> str:
        return self.run("systemctl is-system-running", is_checked=False).strip()

    def _find_first(self) -> int:
        assert self._container.poll() is None, self._disk.with_suffix(".log").read_text()
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines())
            except (OSError, ValueError):
                continue  # it has ended meanwhile
            inside = fields.get("NSpid", "").split()
            if fields.get("PPid") == str(self._container.pid) and inside[1:] == ["1"]:
                return int(status.parent.name)
        return 0


def missing() -> str:
    """Return why no machine can be booted here; empty when one can."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if os.geteuid() != 0:
        return "only root can boot a machine"
    return f"not installed: {', '.join(absent)}" if absent else ""


def _make_disk(disk: Path) -> None:
    bare = disk.with_name("bare")
    if not bare.exists():
        half = disk.with_name("half")
        shutil.rmtree(half, ignore_errors=True)
        include = f"--include={_PACKAGES}"
        # From the mirror that debootstrap itself is set to.
        subprocess.run(["debootstrap", "--variant=minbase", include, _RELEASE, half], check=True)
        half.rename(bare)
    subprocess.run(["cp", "-a", "--reflink=auto", bare, disk], check=True)
    # It trusts whom this machine trusts: registries may be reached through a mirror.
    shutil.copy(_CERTIFICATES, disk / _CERTIFICATES.relative_to("/"))


def _put_code(disk: Path) -> None:
    """Copy the portal's files, as they are in this tree, to where an operator has them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        target = disk / CODE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)


@contextmanager
def debian(folder: Path, name: str) -> Iterator[Machine]:
    """Boot a machine with the portal's code on it; its disk goes with it, the bare one stays in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    disk = folder / "portal-machine"
    shutil.rmtree(disk, ignore_errors=True)
    _make_disk(disk)
    _put_code(disk)
    machine = Machine(disk, name)
    try:
        machine.boot()
        try:
            yield machine
        finally:
            machine.switch_off()
    finally:
        shutil.rmtree(disk, ignore_errors=True)
