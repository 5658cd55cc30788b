"""Addresses of what is kept of a guest, and of links by e-mail."""

from django.urls import path

from guests import offline, views

app_name = "guests"
urlpatterns = [
    path("my/data/", views.my_data, name="data"),
    path("my/data/download/", views.data_download, name="data_download"),
    path("my/data/delete/", views.data_delete, name="data_delete"),
    path("offline/", offline.offline, name="offline"),
    path("sw.js", offline.worker, name="worker"),
    path("manifest.webmanifest", offline.web_manifest, name="web_manifest"),
    path("guest/", views.link_request, name="link_request"),
]
