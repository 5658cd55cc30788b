"""Addresses of single vouchers."""

from django.urls import path

from vouchers import views

app_name = "vouchers"
urlpatterns = [
    path("voucher/<slug:voucher_id>/", views.voucher_page, name="voucher"),
    path("voucher/<slug:voucher_id>/recall/", views.recall, name="recall"),
    path("claim/<str:token>/", views.claim, name="claim"),
]
