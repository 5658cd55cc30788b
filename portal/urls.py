"""The addresses of the portal: a table of contents."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from portal import views
from portal.api import api

urlpatterns = [
    # First, since addresses are tried in turn and systems ask most often.
    path("api/", api.urls),
    path("", views.manifest, name="manifest"),
    path("", include("vouchers.urls")),
    path("", include("bookings.urls")),
    path("", include("waiting.urls")),
    path("", include("parties.urls")),
    path("", include("feeds.urls")),
    path("", include("guests.urls")),
    path("", include("printing.urls")),
    path("", include("desk.urls")),
    path("", include("reports.urls")),
    path("", include("staff.urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("health/", views.health, name="health"),
]
if settings.LEGACY_API:
    urlpatterns.append(path("legacy/api/", include("legacy.urls")))
