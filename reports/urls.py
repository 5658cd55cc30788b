"""Addresses of the figures, inside the admin."""

from django.contrib import admin
from django.urls import path

from reports import views

app_name = "reports"
urlpatterns = [
    path("admin/figures/", admin.site.admin_view(views.figures), name="figures"),
]
