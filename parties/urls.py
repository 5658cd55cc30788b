"""Addresses of the party's page."""

from django.urls import path

from parties import views

app_name = "parties"
urlpatterns = [
    path("party/", views.party, name="party"),
    path("party/now/", views.now_here, name="now"),
    path("party/start/", views.start, name="start"),
    path("party/join/", views.join, name="join"),
    path("party/join/<str:code>/", views.invited, name="invited"),
    path("party/answer/", views.answer, name="answer"),
    path("party/bring/", views.bring, name="bring"),
    path("party/put-back/", views.put_back, name="put_back"),
    path("party/book/", views.book, name="book"),
    path("party/leave/", views.leave, name="leave"),
    path("party/away/", views.away, name="away"),
]
