import uuid

import pytest
from django.test import Client

from bookings.models import Booking

pytestmark = pytest.mark.django_db


def book(date: str, key: str | None = None, **changed):
    data = {
        "trip": "palancar-morning",
        "date": date,
        "diver_name": "Ana",
        "email": "ana@example.com",
        **changed,
    }
    return Client(enforce_csrf_checks=True).post(
        "/api/bookings/",
        data,
        content_type="application/json",
        headers={} if key == "" else {"Idempotency-Key": key or str(uuid.uuid4())},
    )


def test_lists_trips_in_the_language_of_the_domain(client):
    english, spanish = (
        client.get("/api/trips/", headers={"host": host}).json()["trips"]
        for host in ("happydiving.mx", "buceofeliz.com")
    )
    assert [trip["trip"] for trip in english] == [trip["trip"] for trip in spanish]
    assert english[0]["description"].startswith("Fresh water")
    assert spanish[0]["description"].startswith("Agua dulce")


def test_books_once_however_often_it_is_asked(client, tomorrow):
    key = str(uuid.uuid4())
    answers = [book(tomorrow, key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    expected = {"key": key, "trip": "palancar-morning", "date": tomorrow, "divers": 1}
    assert all(answer.json() == expected for answer in answers)
    assert client.get(f"/api/bookings/{key}/").json() == expected
    assert Booking.objects.count() == 1


def test_a_key_is_for_one_booking(tomorrow):
    key = str(uuid.uuid4())
    book(tomorrow, key)
    for changed in ({"divers": 2}, {"trip": "house-reef-morning"}, {"email": "b@example.com"}):
        assert book(tomorrow, key, **changed).status_code == 409
    assert Booking.objects.count() == 1


def test_sells_each_seat_once(tomorrow):
    answers = [book(tomorrow, divers=5) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 409]
    assert answers[2].json() == {"error": "places left on that day: 2"}


def test_a_booking_that_was_made_stays_so_when_the_trip_is_full(tomorrow):
    key = str(uuid.uuid4())
    assert book(tomorrow, key, divers=12).status_code == 201
    assert book(tomorrow, key, divers=12).status_code == 200


def test_says_what_is_wrong(tomorrow):
    assert book(tomorrow, key="").status_code == 400
    assert book(tomorrow, key="not-a-uuid").status_code == 400
    assert set(book("soon", trip="none", email="x", divers=0).json()["errors"]) == {
        "trip",
        "date",
        "email",
        "divers",
    }


def test_refuses_what_is_not_an_object(client):
    for body in ("[1]", "no json"):
        response = client.post(
            "/api/bookings/",
            body,
            content_type="application/json",
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
        assert response.status_code == 400


def test_knows_only_bookings_that_were_made(client):
    assert client.get(f"/api/bookings/{uuid.uuid4()}/").status_code == 404
