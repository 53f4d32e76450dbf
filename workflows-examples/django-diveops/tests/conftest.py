import datetime
import io

import pytest
from django.core.cache import cache
from django.utils import timezone
from PIL import Image


@pytest.fixture(autouse=True)
def _own_cache_and_media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    cache.clear()


@pytest.fixture
def tomorrow() -> str:
    return (timezone.localdate() + datetime.timedelta(days=1)).isoformat()


@pytest.fixture
def photo() -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "navy").save(file, "PNG")
    file.seek(0)
    file.name = "card.PNG"
    return file
