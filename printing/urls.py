"""Addresses of what is printed."""

from django.contrib import admin
from django.urls import path

from printing import views

app_name = "printing"
_staff = admin.site.admin_view
urlpatterns = [
    path("voucher/<slug:voucher_id>/print.pdf", views.voucher_pdf, name="voucher"),
    path("booking/<slug:booking_id>/print.pdf", views.booking_pdf, name="booking"),
    path("admin/day-list/", _staff(views.day_list), name="day_list"),
    path("admin/day-list/print.pdf", _staff(views.day_list_pdf), name="day_list_pdf"),
]
