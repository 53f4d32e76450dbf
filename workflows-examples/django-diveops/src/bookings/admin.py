from django.contrib import admin

from .models import Booking, DiveSite, Trip


@admin.register(DiveSite)
class DiveSiteAdmin(admin.ModelAdmin):
    list_display = ["name", "depth_m"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Trip)
class TripAdmin(admin.ModelAdmin):
    list_display = ["site", "departs", "price_usd", "seats"]
    list_select_related = ["site"]


@admin.register(Booking)
class BookingAdmin(admin.ModelAdmin):
    list_display = ["date", "trip", "diver_name", "divers", "created_at"]
    list_filter = ["trip", "date"]
    list_select_related = ["trip__site"]
    search_fields = ["diver_name", "email"]
    readonly_fields = ["key", "created_at"]
