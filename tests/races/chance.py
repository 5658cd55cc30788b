"""What races choose by chance: the same in every run of the gate, something new in each of `make soak`."""

import secrets
import sys

from tests.requirements import IS_SOAK

SEED = secrets.randbelow(10**9) if IS_SOAK else 1


def tell_seed() -> int:
    """Return the seed; where it is a new one, say which, so that whoever looks for an error can use it."""
    if IS_SOAK:
        sys.stdout.write(f"\nSeed: {SEED}\n")
    return SEED
