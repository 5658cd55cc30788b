"""Addresses of calendar feeds, and of the page where a guest makes one."""

from django.urls import path

from feeds import views

app_name = "feeds"
urlpatterns = [
    path("feed/<str:token>.ics", views.feed, name="feed"),
    path("my/calendar/", views.my_feed, name="my"),
    path("my/calendar/revoke/", views.my_feed_revoke, name="revoke"),
]
