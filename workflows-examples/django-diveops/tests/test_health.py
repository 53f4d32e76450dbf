import pytest
from django.core.cache import cache
from django.db import OperationalError, connection


@pytest.mark.django_db
def test_tells_release_to_any_host_without_redirect(client, settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.RELEASE = "abc123"
    response = client.get("/health/", headers={"host": "localhost:8000"})
    assert response.status_code == 200
    assert response.headers["X-Release"] == "abc123"
    assert response.json() == {
        "status": "ok",
        "release": "abc123",
        "checks": {"database": "ok", "cache": "ok"},
    }


@pytest.mark.django_db
def test_is_unavailable_without_database(client, monkeypatch):
    def refuse():
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", refuse)
    response = client.get("/health/")
    assert response.status_code == 503
    assert response.json()["checks"] == {"database": "unavailable", "cache": "ok"}


@pytest.mark.django_db
def test_is_unavailable_without_cache(client, monkeypatch):
    def refuse(key):
        raise ConnectionError("connection refused")

    monkeypatch.setattr(cache, "get", refuse)
    response = client.get("/health/")
    assert response.status_code == 503
    assert response.json()["checks"] == {"database": "ok", "cache": "unavailable"}


@pytest.mark.django_db
def test_every_answer_tells_the_release(client, settings):
    settings.RELEASE = "abc123"
    assert client.get("/").headers["X-Release"] == "abc123"
    assert client.get("/no-such-page/").headers["X-Release"] == "abc123"


def test_other_hosts_are_refused(client):
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
