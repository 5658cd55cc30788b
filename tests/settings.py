"""The project's settings with what tests need in the environment."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "0" * 40)
os.environ.setdefault("PLAIN_HTTP", "1")
os.environ.setdefault("EMAIL_URL", "memory:")
# Playwright's synchronous interface runs an event loop in the test's thread.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

from portal.settings import *  # noqa: F403 - after the environment is set

# Pages name their static files by their plain names, and none are served: nothing has to be
# collected first.
STATIC_ROOT = None
STORAGES = {
    **STORAGES,  # noqa: F405 - the project's own
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# In memory, whatever the backend is called.
if DATABASES["default"]["ENGINE"] == "portal.sqlite":  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": ":memory:"}  # noqa: F405

# How passwords are hashed is Django's; that it takes long is its purpose, and the tests' time.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Tests change rows by hand, which no event tells; those of the memory itself switch it on.
PAGE_MEMORY = False
