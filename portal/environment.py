"""What the environment means, for whoever reads a setting from it."""

import os


def forget_empty() -> None:
    """Forget every variable that is set to nothing: it means "not set".

    make, Compose and systemd hand a variable without a value on as an empty one.
    """
    for name in [name for name, value in os.environ.items() if not value]:
        del os.environ[name]
