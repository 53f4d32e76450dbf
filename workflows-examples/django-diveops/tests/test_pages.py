import re

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from bookings.models import Booking, Trip

pytestmark = pytest.mark.django_db


def form_data(date: str, **changed) -> dict:
    return {
        "key": "0b4f9d1c-6f0e-4f8e-9d57-0d6f2c1a3b5e",
        "trip": "house-reef-morning",
        "date": date,
        "diver_name": "Ana",
        "email": "ana@example.com",
        "divers": 2,
        **changed,
    }


@pytest.mark.parametrize(
    ("host", "language", "text"),
    [
        ("happydiving.mx", "en", "Dive the reefs of the Mexican Caribbean"),
        ("www.happydiving.mx", "en", "Coral towers and tunnels"),
        ("buceofeliz.com", "es", "Bucee en los arrecifes del Caribe mexicano"),
        ("buceofeliz.com:8443", "es", "Torres y túneles de coral"),
    ],
)
def test_language_follows_the_domain(client, host, language, text):
    response = client.get("/", headers={"host": host, "accept-language": "de"})
    assert response.headers["Content-Language"] == language
    assert f'<html lang="{language}">' in response.text
    assert text in response.text


def test_a_form_has_its_trip_chosen_and_a_key_of_its_own(client):
    first, second = (client.get("/bookings/?trip=palancar-morning").text for _ in range(2))
    assert '<option value="palancar-morning" selected>' in first
    key = re.compile(r'name="key" value="([0-9a-f-]{36})"')
    assert key.search(first).group(1) != key.search(second).group(1)


def test_books_by_form_once(tomorrow):
    client = Client(enforce_csrf_checks=True)
    page = client.get("/bookings/").text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page).group(1)
    for _ in range(2):
        response = client.post(
            "/bookings/", {**form_data(tomorrow), "csrfmiddlewaretoken": token}, follow=True
        )
        assert response.status_code == 200
        assert "Your places are reserved." in response.text
    assert Booking.objects.get().divers == 2
    assert [message.to for message in mail.outbox] == [["ana@example.com"]]
    assert reverse("booking", args=[Booking.objects.get().key]) in client.get("/bookings/").text


def test_refuses_a_form_of_another_site(tomorrow):
    response = Client(enforce_csrf_checks=True).post("/bookings/", form_data(tomorrow))
    assert response.status_code == 403
    assert not Booking.objects.exists()


def test_confirms_in_the_language_of_the_domain(client, tomorrow):
    client.post("/bookings/", form_data(tomorrow), headers={"host": "buceofeliz.com"})
    assert mail.outbox[0].subject == "Su buceo en House Reef"


def test_keeps_the_photo_under_a_name_of_its_own(client, tomorrow, photo):
    client.post("/bookings/", form_data(tomorrow, certification=photo))
    stored = Booking.objects.get().certification
    assert re.fullmatch(r"certifications/[0-9a-f]{32}\.png", stored.name)
    assert stored.size > 0


def test_refuses_a_photo_that_is_not_what_its_name_says(client, tomorrow, photo):
    photo.name = "card.html"
    response = client.post("/bookings/", form_data(tomorrow, certification=photo))
    assert response.status_code == 400
    assert not Booking.objects.exists()


def test_takes_no_more_divers_than_there_are_seats(client, tomorrow):
    trip = Trip.objects.get(slug="dos-ojos-morning")
    Booking.objects.create(trip=trip, date=tomorrow, diver_name="B", email="b@x.mx", divers=7)
    response = client.post("/bookings/", form_data(tomorrow, trip=trip.slug))
    assert response.status_code == 400
    assert "Places left on that day: 1" in response.text


def test_says_when_a_key_was_used_for_something_else(client, tomorrow):
    client.post("/bookings/", form_data(tomorrow))
    response = client.post("/bookings/", form_data(tomorrow, divers=3))
    assert response.status_code == 400
    assert "This form was sent before" in response.text
    assert Booking.objects.get().divers == 2


@pytest.mark.parametrize("date", ["2020-01-01", "2999-01-01", "soon", ""])
def test_refuses_a_day_that_cannot_be_booked(client, date):
    assert client.post("/bookings/", form_data(date)).status_code == 400
    assert not Booking.objects.exists()


def test_a_mail_server_that_is_away_costs_no_booking(client, tomorrow, settings, caplog):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert client.post("/bookings/", form_data(tomorrow)).status_code == 302
    assert Booking.objects.count() == 1
    assert "no confirmation for booking" in caplog.text


def test_there_is_no_slow_page_in_production(client):
    assert client.get("/slow/").status_code == 404
