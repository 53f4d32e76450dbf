import datetime
import uuid

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .models import Booking, Trip

LARGEST_PHOTO = 5 * 1024 * 1024
PHOTO_SUFFIXES = {"JPEG": (".jpg", ".jpeg"), "PNG": (".png",), "WEBP": (".webp",)}
BOOKABLE_DAYS = 365


class BookingForm(forms.ModelForm):
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    trip = forms.ModelChoiceField(
        Trip.objects.select_related("site"), to_field_name="slug", label=_("Trip")
    )

    class Meta:
        model = Booking
        fields = ["trip", "date", "diver_name", "email", "divers", "certification"]
        widgets = {"date": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}

    def clean_date(self) -> datetime.date:
        date = self.cleaned_data["date"]
        today = timezone.localdate()
        if not today < date <= today + datetime.timedelta(days=BOOKABLE_DAYS):
            raise forms.ValidationError(_("Choose a day from tomorrow on, within a year."))
        return date

    def clean_certification(self):
        photo = self.cleaned_data["certification"]
        if not photo:
            return photo
        # What it is named decides how nginx serves it, so the name must say what it is.
        suffixes = PHOTO_SUFFIXES.get(photo.image.format, ())
        if photo.size > LARGEST_PHOTO or not photo.name.lower().endswith(suffixes):
            raise forms.ValidationError(_("Choose a JPEG, PNG or WebP image of at most 5 MB."))
        return photo

    def unsaved(self) -> Booking:
        booking = self.save(commit=False)
        booking.key = self.cleaned_data["key"]
        return booking
