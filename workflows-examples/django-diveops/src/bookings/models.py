import uuid
from pathlib import PurePath

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class DiveSite(models.Model):
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    description_en = models.TextField()
    description_es = models.TextField()
    depth_m = models.PositiveSmallIntegerField(help_text="Deepest point of the dive.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def description(self) -> str:
        return self.description_es if get_language() == "es" else self.description_en


class Trip(models.Model):
    """A boat, or a walk from the beach, that leaves for a site at the same time each day."""

    slug = models.SlugField(unique=True)
    site = models.ForeignKey(DiveSite, on_delete=models.CASCADE, related_name="trips")
    departs = models.TimeField()
    price_usd = models.DecimalField(max_digits=6, decimal_places=2)
    seats = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="On each day; empty when there is no limit."
    )

    class Meta:
        ordering = ["site__name", "departs"]

    def __str__(self) -> str:
        return f"{self.site}, {self.departs:%H:%M}"


def certification_path(booking: "Booking", filename: str) -> str:
    """A name that cannot be guessed: whatever is in media can be read by who knows its name."""
    return f"certifications/{uuid.uuid4().hex}{PurePath(filename).suffix.lower()}"


class Booking(models.Model):
    # Chosen by who books: the same key again is the same booking, not a second one.
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    trip = models.ForeignKey(
        Trip, on_delete=models.PROTECT, related_name="bookings", verbose_name=_("Trip")
    )
    date = models.DateField(_("Date"))
    diver_name = models.CharField(_("Your name"), max_length=120)
    email = models.EmailField(_("E-mail"))
    divers = models.PositiveSmallIntegerField(
        _("Divers"), default=1, validators=[MinValueValidator(1), MaxValueValidator(12)]
    )
    certification = models.ImageField(
        _("Photo of your certification"), upload_to=certification_path, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["trip", "date"], name="booking_trip_date")]
        constraints = [
            models.CheckConstraint(condition=models.Q(divers__gte=1), name="booking_has_divers")
        ]

    def __str__(self) -> str:
        return f"{self.diver_name}, {self.trip}, {self.date}"
