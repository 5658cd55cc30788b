"""Addresses of bookings, a guest's own pages, and guest links."""

from django.urls import path

from bookings import views

app_name = "bookings"
urlpatterns = [
    path("booking/<slug:booking_id>/", views.booking_page, name="booking"),
    path("booking/<slug:booking_id>/calendar.ics", views.calendar_download, name="calendar"),
    path("booking/<slug:booking_id>/move/", views.move, name="move"),
    path("booking/<slug:booking_id>/cancel/", views.cancel, name="cancel"),
    path("booking/<slug:booking_id>/arrived/", views.arrived, name="arrived"),
    path("my/", views.my_bookings, name="my"),
    path("my/leave/", views.leave, name="leave"),
    path("my/links/revoke/", views.links_revoke, name="links_revoke"),
    path("guest/<str:token>/", views.guest_link, name="guest_link"),
]
