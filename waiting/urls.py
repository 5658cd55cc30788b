"""Addresses of the waiting list."""

from django.urls import path

from waiting import views

app_name = "waiting"
urlpatterns = [
    path("waiting/join/", views.join, name="join"),
    path("waiting/<slug:entry_id>/", views.entry_page, name="entry"),
    path("waiting/<slug:entry_id>/accept/", views.accept, name="accept"),
    path("waiting/<slug:entry_id>/pass/", views.pass_on, name="pass"),
    path("waiting/<slug:entry_id>/leave/", views.leave, name="leave"),
]
