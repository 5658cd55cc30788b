"""Addresses of what is kept of a guest, and of links by e-mail."""

from django.urls import path

from guests import views

app_name = "guests"
urlpatterns = [
    path("my/data/", views.my_data, name="data"),
    path("my/data/download/", views.data_download, name="data_download"),
    path("my/data/delete/", views.data_delete, name="data_delete"),
    path("guest/", views.link_request, name="link_request"),
]
