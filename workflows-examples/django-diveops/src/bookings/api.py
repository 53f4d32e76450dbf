"""
The API for partners that sell trips. nginx lets each address ask ten times a second.

A booking is made with a key of the caller's own in the header Idempotency-Key: who gets no answer
sends the same request again. 201 says that it was made by this request, 200 that it was there.
"""

import json
import uuid

from django.core.cache import cache
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import get_language
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from . import service
from .forms import BookingForm
from .models import Booking, Trip

TRIPS_CACHED_S = 30


@require_safe
def trips(request: HttpRequest) -> JsonResponse:
    found = cache.get_or_set(f"api-trips-{get_language()}", _trips, TRIPS_CACHED_S)
    return JsonResponse({"trips": found})


# Callers have no cookies that somebody else could use.
@csrf_exempt
@require_POST
def bookings(request: HttpRequest) -> JsonResponse:
    try:
        data = json.loads(request.body)
        key = uuid.UUID(request.headers.get("Idempotency-Key", ""))
    except ValueError:
        return _refusal(400, "expected a JSON body and a UUID in the header Idempotency-Key")
    if not isinstance(data, dict):
        return _refusal(400, "expected a JSON object")
    form = BookingForm({"divers": 1, **data, "key": key})
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    try:
        booking, made = service.book(form.unsaved())
    except service.SoldOut as sold_out:
        return _refusal(409, f"places left on that day: {sold_out.left}")
    except service.KeyInUse:
        return _refusal(409, "this Idempotency-Key belongs to another booking")
    return JsonResponse(_as_json(booking), status=201 if made else 200)


@require_safe
def booking(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    found = get_object_or_404(Booking.objects.select_related("trip"), key=key)
    return JsonResponse(_as_json(found))


def _trips() -> list[dict]:
    return [
        {
            "trip": trip.slug,
            "site": trip.site.name,
            "description": trip.site.description,
            "departs": f"{trip.departs:%H:%M}",
            "price_usd": str(trip.price_usd),
            "seats": trip.seats,
        }
        for trip in Trip.objects.select_related("site")
    ]


def _as_json(booking: Booking) -> dict:
    return {
        "key": str(booking.key),
        "trip": booking.trip.slug,
        "date": booking.date.isoformat(),
        "divers": booking.divers,
    }


def _refusal(status: int, reason: str) -> JsonResponse:
    return JsonResponse({"error": reason}, status=status)
