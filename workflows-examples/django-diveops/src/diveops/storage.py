import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files import File
from django.core.files.storage import FileSystemStorage


class ReleaseStaticFilesStorage(ManifestStaticFilesStorage):
    """
    Hashed static files in a folder that two releases share while one takes over from the other.

    The manifest, which says what each file is called in this release, stays in the image. The files
    go to the volume that nginx serves, where visitors ask for them while collectstatic runs: a file
    is replaced in one step, and none is ever removed (so `collectstatic --clear` has no effect),
    because pages of the release before still name it.
    """

    def __init__(self, *args, **kwargs):
        manifest = FileSystemStorage(location=settings.STATIC_MANIFEST_ROOT)
        super().__init__(*args, manifest_storage=manifest, **kwargs)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def delete(self, name: str) -> None:
        pass

    def _save(self, name: str, content: File) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as part:
            try:
                for chunk in content.chunks():
                    part.write(chunk)
                part.close()
                os.chmod(part.name, 0o644)
                os.replace(part.name, path)
            except BaseException:
                os.unlink(part.name)
                raise
        return name
