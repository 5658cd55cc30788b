"""The addresses of the earlier system's calls."""

from django.urls import path

from legacy.api import api

urlpatterns = [path("", api.urls)]
