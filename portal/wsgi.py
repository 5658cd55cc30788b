"""The WSGI application that gunicorn serves."""

import gc
import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver
from django.utils.http import parse_header_parameters

from portal.environment import forget_empty

forget_empty()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
# Nothing of what is loaded here is ever garbage: looking for some takes a sixth of the start, and later
# a pause of every full collection.
gc.disable()
_django = get_wsgi_application()
# Loads every page, so that the first guest does not wait for it.
get_resolver().url_patterns  # noqa: B018
gc.freeze()
gc.enable()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Serve a request; its texts are UTF-8, whatever it claims.

    Among the encodings that Python knows are some that make characters which no database
    stores, and some that are not of texts at all: with those Django fails before any of its
    own care begins.
    """
    kind, parameters = parse_header_parameters(environ.get("CONTENT_TYPE", ""))
    if "charset" in parameters:
        boundary = parameters.get("boundary")
        environ["CONTENT_TYPE"] = f'{kind}; boundary="{boundary}"' if boundary else kind
    return _django(environ, start_response)
