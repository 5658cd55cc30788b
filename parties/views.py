"""The party's page over HTTP: start, join, see who is here, book together, leave."""

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.limits import Kind, spend
from parties import domain
from parties.forms import AnswerForm, BringForm, JoinForm, PressForm, StartForm
from parties.page import answer_with, last_typed_by, poll_address, show, stay
from parties.queries import PartyView, current_member, party_view, shape_of
from portal.addresses import client_address
from portal.errors import Rejected
from portal.metrics import note_refusal
from presence import rooms
from presence.browser import guest_uid_of, remember_guest
from presence.domain import new_guest_uid
from presence.pair_codes import is_made_here, read_pair_code

private = cache_control(private=True, no_cache=True)


@private
@require_http_methods(["GET", "HEAD"])
def party(request: HttpRequest) -> HttpResponse:
    """Show the party that this guest is in, or how to start and to join one."""
    return show(request)


@require_safe
def now_here(request: HttpRequest) -> HttpResponse:
    """Tell who is here; it keeps the asking guest online. Costs a few bytes while nothing changes.

    When the page would have to be another one, it is loaded anew.
    """
    uid, now = guest_uid_of(request), timezone.now()
    member = current_member(uid, now)
    if member is not None:
        stay(member, now)
    if member is None or shape_of(member) != request.GET.get("shape"):
        response = HttpResponse(status=204)
        response.headers["HX-Refresh"] = "true"
        response.headers["Cache-Control"] = "no-store"
        return response
    if not member.is_in:
        return HttpResponse(status=204, headers={"Cache-Control": "no-store"})
    view = party_view(member, now)
    same = get_conditional_response(request, etag=view.etag)
    response = same if same is not None else _news(request, view)
    response.headers["ETag"] = view.etag
    response.headers["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ("Cookie", "Accept-Language"))
    return response


def _news(request: HttpRequest, view: PartyView) -> HttpResponse:
    context = {"meeting": view, "is_poll": True, "poll": poll_address(view.me), "member": view.me}
    return render(request, "parties/_party_news.html", context)


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Start a party."""
    form = StartForm(request.POST)
    if not form.is_valid():
        return show(request, status=422, start_form=form)
    uid = guest_uid_of(request) or new_guest_uid()
    domain.start_party(uid=uid, now=timezone.now(), **form.cleaned_data)
    return _to_party(uid)


@private
@require_safe
def invited(request: HttpRequest, code: str) -> HttpResponse:
    """Show the door of a party; its link only fills the code in."""
    code = read_pair_code(code)
    if not is_made_here(code):
        raise Http404
    uid = guest_uid_of(request)
    member = current_member(uid, timezone.now())
    if member is not None and member.party.pair_code == code:
        return redirect("parties:party")
    initial = {**last_typed_by(uid), "code": code}
    context = {"join_form": JoinForm(initial=initial), "is_invited": True, "other": member}
    return answer_with(request, "parties/party_start.html", context)


@private
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """Ask to be let into a party."""
    if request.method != "POST":
        return redirect("parties:party")
    uid, now = guest_uid_of(request), timezone.now()
    form = JoinForm(request.POST)
    if not form.is_valid():
        return _refused_join(request, form, 422)
    # Counted before anything is looked up: whoever guesses learns little, and slowly.
    allowance = spend([f"a:{client_address(request)}"], Kind.JOIN, now)
    uid = uid or new_guest_uid()
    try:
        if allowance.is_exceeded:
            raise allowance.refusal()
        domain.ask_to_join(uid=uid, now=now, **form.cleaned_data)
    except Rejected as error:
        note_refusal(error.code)
        name = "name" if error.code.startswith("name_") else "code"
        form.add_error(name, error.message)
        return _refused_join(request, form, error.status)
    return _to_party(uid)


def _refused_join(request: HttpRequest, form: JoinForm, status: int) -> HttpResponse:
    context = {"join_form": form, "is_invited": True}
    return answer_with(request, "parties/party_start.html", context, status)


def _to_party(uid: str) -> HttpResponse:
    response = redirect("parties:party")
    remember_guest(response, uid)
    return response


@require_POST
def answer(request: HttpRequest) -> HttpResponse:
    """Let somebody in, or turn them away."""
    form = AnswerForm(request.POST)
    if not form.is_valid():
        raise BadRequest
    data = form.cleaned_data
    domain.answer_request(
        uid=guest_uid_of(request),
        member_id=data["member"],
        is_welcome=data["is_welcome"],
        now=timezone.now(),
    )
    return redirect("parties:party")


@require_POST
def bring(request: HttpRequest) -> HttpResponse:
    """Bring a voucher: whoever is in the party can book with it from now on."""
    uid, now = guest_uid_of(request), timezone.now()
    form = BringForm(request.POST, uid=uid, now=now)
    if not form.is_valid():
        return show(request, status=422, bring_form=form)
    data = form.cleaned_data
    language = get_language() or "en"
    domain.bring(uid=uid, promise_key=data["promise"], email=data["email"], language=language, now=now)
    return redirect("parties:party")


@require_POST
def put_back(request: HttpRequest) -> HttpResponse:
    """Bring nothing any more."""
    domain.put_back(uid=guest_uid_of(request), now=timezone.now())
    return redirect("parties:party")


@require_POST
def book(request: HttpRequest) -> HttpResponse:
    """Book one slot for everyone who was shown, or for nobody; the party's page says what became of it."""
    form = PressForm(request.POST)
    if not form.is_valid():
        raise BadRequest
    domain.press(uid=guest_uid_of(request), now=timezone.now(), **form.cleaned_data)
    return redirect("parties:party")


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Leave the party; nothing of it is kept."""
    domain.leave_party(uid=guest_uid_of(request), now=timezone.now())
    return redirect("parties:party")


@require_POST
def away(request: HttpRequest) -> HttpResponse:
    """Take a guest offline whose page has just been closed; they stay in their party."""
    uid = guest_uid_of(request)
    if uid:
        rooms.heartbeat(uid=uid, is_online=False, now=timezone.now())
    return HttpResponse(status=204)
