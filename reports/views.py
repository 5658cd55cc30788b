"""The page of figures."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def figures(request: HttpRequest) -> HttpResponse:
    """Show the figures of the user's hotels."""
    return render(request, "reports/figures_page.html", admin.site.each_context(request))
