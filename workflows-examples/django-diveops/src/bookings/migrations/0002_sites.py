"""The sites and trips that a new installation starts with."""

import datetime

from django.db import migrations

SITES = [
    {
        "slug": "house-reef",
        "name": "House Reef",
        "depth_m": 9,
        "description_en": "From the beach into warm, shallow water: rays, turtles, a first dive.",
        "description_es": "Desde la playa, aguas cálidas y poco profundas: rayas y tortugas.",
    },
    {
        "slug": "palancar",
        "name": "Palancar",
        "depth_m": 24,
        "description_en": "Coral towers and tunnels in the drift off Cozumel.",
        "description_es": "Torres y túneles de coral a la deriva frente a Cozumel.",
    },
    {
        "slug": "dos-ojos",
        "name": "Cenote Dos Ojos",
        "depth_m": 10,
        "description_en": "Fresh water as clear as air, columns of stone, light from above.",
        "description_es": "Agua dulce clara como el aire, columnas de piedra y luz desde arriba.",
    },
]
TRIPS = [
    ("house-reef", "house-reef-morning", datetime.time(9), 35, None),
    ("palancar", "palancar-morning", datetime.time(8), 110, 12),
    ("palancar", "palancar-afternoon", datetime.time(14), 95, 12),
    ("dos-ojos", "dos-ojos-morning", datetime.time(10), 150, 8),
]


def add_sites(apps, schema_editor):
    DiveSite = apps.get_model("bookings", "DiveSite")
    Trip = apps.get_model("bookings", "Trip")
    sites = {site["slug"]: DiveSite.objects.create(**site) for site in SITES}
    for site, slug, departs, price_usd, seats in TRIPS:
        Trip.objects.create(
            site=sites[site], slug=slug, departs=departs, price_usd=price_usd, seats=seats
        )


class Migration(migrations.Migration):
    dependencies = [("bookings", "0001_initial")]

    operations = [migrations.RunPython(add_sites, migrations.RunPython.noop)]
