"""Addresses of what is printed."""

from django.urls import URLPattern

app_name = "printing"
urlpatterns: list[URLPattern] = []
