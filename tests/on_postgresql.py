"""Run the tests on a throwaway PostgreSQL: python -m tests.on_postgresql [arguments of pytest]."""

import os
import subprocess
import sys

from tests.requirements import is_all_required
from tests.servers import postgresql, postgresql_binaries


def main() -> int:
    """Run pytest with a server of its own; the races bring theirs, and browsers meet one engine."""
    binaries = postgresql_binaries()
    if binaries is None:
        sys.stderr.write("PostgreSQL is not installed (no initdb and pg_ctl found): its tests are skipped.\n")
        return int(is_all_required())
    with postgresql(binaries) as cluster:
        command = [sys.executable, "-m", "pytest", "-m", "unit", *sys.argv[1:]]
        env = {**os.environ, "DATABASE_URL": cluster.url()}
        return subprocess.run(command, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
