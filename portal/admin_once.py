"""Rows whose secret is shown once, when they are made in the admin; afterwards they are seen and revoked."""

from typing import Any, ClassVar

from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from portal.admin import ReadOnlyAdmin
from portal.admin_actions import ask_page


class ShownOnceAdmin(ReadOnlyAdmin):
    """The base of their admins: `save_model` sets `request.new_secret`, `told_once` says it."""

    add_fields: ClassVar[Any] = ()
    shown_fields: ClassVar[Any] = ()

    def told_once(self, obj: Any, secret: str) -> tuple[str, str, str]:
        """Return a title, what is to be copied, and what to do with it."""
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let those make one who have the permission."""
        return request.user.has_perm(f"{self.opts.app_label}.add_{self.opts.model_name}")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Let those revoke who may change them."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:  # noqa: ARG002
        """Return what is typed for a new one, and what is seen of one."""
        return self.add_fields if obj is None else self.shown_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:  # noqa: ARG002
        """Let nothing be changed."""
        return () if obj is None else self.shown_fields

    def response_add(
        self,
        request: HttpRequest,
        obj: Any,
        post_url_continue: str | None = None,  # noqa: ARG002 - Django's signature
    ) -> HttpResponse:
        """Show the secret, once; no cache keeps it."""
        title, link, words = self.told_once(obj, request.new_secret)  # type: ignore[attr-defined]
        response = ask_page(self, request, title=title, button="", back="../", link=link, link_words=words)
        response.headers["Cache-Control"] = "no-store"
        return response
