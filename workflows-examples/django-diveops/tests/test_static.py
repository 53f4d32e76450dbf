import json

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command

HASHING = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "diveops.storage.ReleaseStaticFilesStorage"},
}


@pytest.fixture
def collect(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path / "staticfiles"
    settings.STATIC_MANIFEST_ROOT = tmp_path / "manifest"
    settings.STORAGES = HASHING

    def run() -> dict[str, str]:
        call_command("collectstatic", interactive=False, verbosity=0)
        manifest = json.loads((tmp_path / "manifest" / "staticfiles.json").read_text())
        return manifest["paths"]

    return run


def test_keeps_the_manifest_out_of_the_volume(collect, settings):
    paths = collect()
    hashed = settings.STATIC_ROOT / paths["diveops/site.css"]
    assert not (settings.STATIC_ROOT / "staticfiles.json").exists()
    assert paths["diveops/diver.svg"].removeprefix("diveops/") in hashed.read_text()
    assert hashed.stat().st_mode & 0o777 == 0o644
    assert staticfiles_storage.url("diveops/site.css") == f"/static/{paths['diveops/site.css']}"


def test_collecting_again_replaces_in_one_step_and_removes_nothing(collect, settings, monkeypatch):
    hashed = settings.STATIC_ROOT / collect()["diveops/site.css"]
    before = hashed.stat()
    of_release_before = settings.STATIC_ROOT / "diveops" / "site.0123456789ab.css"
    of_release_before.write_text("body {}")
    removed = []
    monkeypatch.setattr("django.core.files.storage.filesystem.os.remove", removed.append)
    monkeypatch.setattr("django.core.files.storage.filesystem.os.rmdir", removed.append)
    collect()
    assert not [path for path in removed if str(path).startswith(str(settings.STATIC_ROOT))]
    # Another file under the same name, not the same file written again.
    assert hashed.stat().st_ino != before.st_ino
    assert hashed.stat().st_size == before.st_size
    assert of_release_before.exists()
    assert not list(settings.STATIC_ROOT.rglob(".*"))
