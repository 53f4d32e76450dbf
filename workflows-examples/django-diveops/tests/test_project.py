from pathlib import Path

import polib
import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import RequestFactory

from diveops.slow import slow

SPANISH = Path(__file__).parents[1] / "src" / "locale" / "es" / "LC_MESSAGES"


@pytest.mark.django_db
def test_migrations_are_complete():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_translations_are_complete_and_compiled():
    source = polib.pofile(str(SPANISH / "django.po"))
    compiled = polib.mofile(str(SPANISH / "django.mo"))
    assert not source.untranslated_entries()
    assert not source.fuzzy_entries()
    assert {e.msgid: e.msgstr for e in compiled} == {e.msgid: e.msgstr for e in source}


@pytest.mark.django_db
def test_superuser_is_created_once(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", "admin")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "let me dive")
    for _ in range(2):
        call_command("ensure_superuser", verbosity=0)
    assert get_user_model().objects.get().check_password("let me dive")


@pytest.mark.parametrize(("seconds", "slept"), [("0", 0), ("-1", 0), ("99", 5)])
def test_slow_answers_after_five_seconds_at_most(monkeypatch, seconds, slept):
    naps = []
    monkeypatch.setattr("time.sleep", naps.append)
    assert slow(RequestFactory().get("/slow/", {"seconds": seconds})).status_code == 200
    assert naps == [slept]


def test_slow_wants_a_number():
    assert slow(RequestFactory().get("/slow/", {"seconds": "x"})).status_code == 400
