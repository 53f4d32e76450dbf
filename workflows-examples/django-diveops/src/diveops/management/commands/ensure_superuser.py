import os

from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, call_command
from django.db import DatabaseError


class Command(BaseCommand):
    help = "Creates the superuser of DJANGO_SUPERUSER_USERNAME, _EMAIL and _PASSWORD, once."

    def handle(self, *args, **options):
        User = get_user_model()
        name = os.environ["DJANGO_SUPERUSER_USERNAME"]
        try:
            exists = User.objects.filter(**{User.USERNAME_FIELD: name}).exists()
        except DatabaseError:
            # The server starts all the same, so that migrations can be run in it.
            self.stderr.write("superuser not created: the database is not migrated yet")
            return
        if not exists:
            os.environ.setdefault("DJANGO_SUPERUSER_EMAIL", "")
            call_command("createsuperuser", interactive=False)
