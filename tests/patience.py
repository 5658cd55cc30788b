"""How long tests wait: as long as something happens, and then a minute more."""

import time
from collections.abc import Callable
from typing import Any

# For what stands still, in seconds. A machine that is busy with other things is slow; a wait proves nothing.
PATIENCE_SECONDS = 60
_LOOK_SECONDS = 0.02


def until(
    condition: Callable[[], Any], *, progress: Callable[[], Any] | None = None, what: str = "the condition"
) -> Any:
    """Return what `condition` returns, as soon as that is true.

    Raises TimeoutError when `progress` has returned the same for PATIENCE_SECONDS; without `progress`, when
    so much time has passed.
    """
    seen = progress() if progress else None
    changed_at = time.monotonic()  # noqa: TID251
    while not (found := condition()):
        if progress and (now := progress()) != seen:
            seen, changed_at = now, time.monotonic()  # noqa: TID251
        if time.monotonic() - changed_at > PATIENCE_SECONDS:  # noqa: TID251
            raise TimeoutError(
                f"Nothing has changed for {PATIENCE_SECONDS} s while waiting for {what}: {seen}"
            )
        time.sleep(_LOOK_SECONDS)  # noqa: TID251
    return found
