"""How a refusal looks over HTTP; the one place that says so for pages."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.errors import Rejected
from portal.metrics import note_refusal

RETRY_AFTER_SECONDS = 5


def refusal_response(request: HttpRequest, error: Rejected) -> HttpResponse:
    """Return a refusal as a page, or as a notice on the page that an htmx request came from."""
    note_refusal(error.code)
    context = {"message": error.message, "code": error.code}
    if getattr(request, "htmx", False):
        response = render(request, "portal/_notice.html", context, status=error.status)
        response.headers["HX-Retarget"] = "#notice"
        response.headers["HX-Reswap"] = "outerHTML"
        # The page is where it was: an address that only takes presses could not be opened again.
        response.headers["HX-Push-Url"] = "false"
        return response
    return render(request, "portal/refusal.html", context, status=error.status)


def outage_response(request: HttpRequest) -> HttpResponse:
    """Return 503 with Retry-After, on a page that keeps what the guest typed and sends it again."""
    kept = [(name, value) for name, values in request.POST.lists() for value in values]
    response = render(request, "portal/outage.html", {"kept": kept}, status=503)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if getattr(request, "htmx", False):
        response.headers["HX-Retarget"] = "body"
        response.headers["HX-Reswap"] = "innerHTML"
    return response
