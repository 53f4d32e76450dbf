"""What happens when somebody books, whether by the form or by the API."""

import logging

from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from .models import Booking, Trip

log = logging.getLogger(__name__)


class SoldOut(Exception):
    def __init__(self, left: int):
        super().__init__(left)
        self.left = left


class KeyInUse(Exception):
    """The key belongs to another booking."""


def book(booking: Booking) -> tuple[Booking, bool]:
    """
    Saves a booking unless its key was used before: then that booking is returned, and False.
    However often a request is repeated, seats are taken once.
    """
    try:
        with transaction.atomic():
            # Bookings for a trip go one after the other; no_key lets rows go on referring to it.
            trip = Trip.objects.select_for_update(no_key=True).get(pk=booking.trip_id)
            earlier = _booked(booking)
            if earlier:
                return earlier, False
            _require_seats(trip, booking)
            booking.save(force_insert=True)
    except IntegrityError as error:
        # At the same time with another trip.
        raise KeyInUse from error
    _confirm(booking)
    return booking, True


def _booked(booking: Booking) -> Booking | None:
    earlier = Booking.objects.select_related("trip__site").filter(key=booking.key).first()
    if earlier and any(
        getattr(earlier, field) != getattr(booking, field)
        for field in ("trip_id", "date", "diver_name", "email", "divers")
    ):
        raise KeyInUse
    return earlier


def _require_seats(trip: Trip, booking: Booking) -> None:
    if trip.seats is None:
        return
    taken = trip.bookings.filter(date=booking.date).aggregate(sum=Sum("divers"))["sum"] or 0
    if taken + booking.divers > trip.seats:
        raise SoldOut(max(trip.seats - taken, 0))


def _confirm(booking: Booking) -> None:
    subject = _("Your dive at %(site)s") % {"site": booking.trip.site}
    body = _("See you on %(date)s at %(time)s. Divers: %(divers)s.") % {
        "date": booking.date.isoformat(),
        "time": f"{booking.trip.departs:%H:%M}",
        "divers": booking.divers,
    }
    try:
        send_mail(subject, body, None, [booking.email])
    except OSError:
        # The booking stands; the page shows it, too.
        log.exception("no confirmation for booking %s", booking.key)
