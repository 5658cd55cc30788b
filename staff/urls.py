"""Addresses of staff's own pages, inside the admin."""

from django.contrib import admin
from django.urls import path

from staff import views

app_name = "staff"
urlpatterns = [
    path("admin/second-step/", admin.site.admin_view(views.second_step), name="second_step"),
]
