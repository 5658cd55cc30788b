"""Addresses of the front desk; staff sign in as for the admin."""

from django.urls import path

from desk import views
from desk.sign_in import at_desk

app_name = "desk"
urlpatterns = [
    path("desk/", at_desk(views.day), name="day"),
    path("desk/redeem/", at_desk(views.redeem), name="redeem"),
    path("desk/undo/", at_desk(views.undo), name="undo"),
    path("desk/arrived/", at_desk(views.arrived), name="arrived"),
    path("desk/no-show/", at_desk(views.no_show), name="no_show"),
    path("desk/walk-in/", at_desk(views.walk_in), name="walk_in"),
    path("desk/cancel/<slug:voucher_id>/", at_desk(views.cancel), name="cancel"),
]
