import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from . import service
from .forms import BookingForm
from .models import Booking, DiveSite

REMEMBERED = 20


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    sites = DiveSite.objects.prefetch_related("trips")
    return render(request, "bookings/home.html", {"sites": sites})


@require_http_methods(["GET", "HEAD", "POST"])
def bookings(request: HttpRequest) -> HttpResponse:
    """The form, and what was booked in this session."""
    if request.method == "POST":
        form = BookingForm(request.POST, request.FILES)
        if form.is_valid():
            booking = _book(form)
            if booking:
                _remember(request, booking)
                return redirect(booking_page, key=booking.key)
    else:
        form = BookingForm(initial={"trip": request.GET.get("trip")})
    mine = Booking.objects.select_related("trip__site").filter(key__in=_remembered(request))
    status = 400 if form.errors else 200
    return render(request, "bookings/bookings.html", {"form": form, "mine": mine}, status=status)


@require_safe
def booking_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    booking = get_object_or_404(Booking.objects.select_related("trip__site"), key=key)
    return render(request, "bookings/booking.html", {"booking": booking})


def _book(form: BookingForm) -> Booking | None:
    try:
        return service.book(form.unsaved())[0]
    except service.SoldOut as sold_out:
        form.add_error(None, _("Places left on that day: %(left)s") % {"left": sold_out.left})
    except service.KeyInUse:
        form.add_error(None, _("This form was sent before. Open it again for another booking."))
    return None


def _remembered(request: HttpRequest) -> list[str]:
    return request.session.get("bookings", [])


def _remember(request: HttpRequest, booking: Booking) -> None:
    keys = [key for key in _remembered(request) if key != str(booking.key)]
    request.session["bookings"] = [*keys, str(booking.key)][-REMEMBERED:]
