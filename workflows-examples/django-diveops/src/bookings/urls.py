from django.urls import path

from . import api, views

urlpatterns = [
    path("", views.home, name="home"),
    path("bookings/", views.bookings, name="bookings"),
    path("bookings/<uuid:key>/", views.booking_page, name="booking"),
    path("api/trips/", api.trips),
    path("api/bookings/", api.bookings),
    path("api/bookings/<uuid:key>/", api.booking),
]
