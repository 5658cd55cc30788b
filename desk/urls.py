"""Addresses of the front desk; staff sign in as for the admin."""

from django.contrib import admin
from django.urls import path

from desk import views

app_name = "desk"
_staff = admin.site.admin_view
urlpatterns = [
    path("desk/", _staff(views.day), name="day"),
    path("desk/redeem/", _staff(views.redeem), name="redeem"),
    path("desk/undo/", _staff(views.undo), name="undo"),
    path("desk/arrived/", _staff(views.arrived), name="arrived"),
    path("desk/no-show/", _staff(views.no_show), name="no_show"),
    path("desk/walk-in/", _staff(views.walk_in), name="walk_in"),
    path("desk/cancel/<slug:voucher_id>/", _staff(views.cancel), name="cancel"),
]
