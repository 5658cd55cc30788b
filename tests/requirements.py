"""What a test needs of the machine, and what happens when it is not there."""

import os
from typing import NoReturn

import pytest

# Set by `make soak`: many rounds, other hours, new seeds. What is tried then may differ from run to run.
IS_SOAK = os.environ.get("SOAK") == "1"


def is_all_required() -> bool:
    """Tell whether a skip would hide a gap, as in CI."""
    return os.environ.get("REQUIRE_ALL") == "1"


def skip_or_fail(reason: str) -> NoReturn:
    """Skip the test; fail under REQUIRE_ALL=1."""
    if is_all_required():
        pytest.fail(f"REQUIRE_ALL=1, but {reason}", pytrace=False)
    pytest.skip(reason)
