"""Cities and merchant categories of the simulated world."""

from __future__ import annotations

import math
from typing import NamedTuple

EARTH_RADIUS_KM = 6371.0


class City(NamedTuple):
    """A place with its centre in degrees, its standard offset from UTC and its currency."""

    name: str
    country: str
    latitude: float
    longitude: float
    utc_offset_min: int
    currency: str
    weight: float


CITIES: tuple[City, ...] = (
    City("Berlin", "DE", 52.520, 13.405, 60, "EUR", 3.7),
    City("Hamburg", "DE", 53.551, 9.994, 60, "EUR", 1.9),
    City("Munich", "DE", 48.137, 11.575, 60, "EUR", 1.5),
    City("Cologne", "DE", 50.938, 6.960, 60, "EUR", 1.1),
    City("Paris", "FR", 48.857, 2.352, 60, "EUR", 4.0),
    City("Lyon", "FR", 45.764, 4.836, 60, "EUR", 1.0),
    City("Marseille", "FR", 43.296, 5.370, 60, "EUR", 0.9),
    City("Madrid", "ES", 40.417, -3.704, 60, "EUR", 3.2),
    City("Barcelona", "ES", 41.385, 2.173, 60, "EUR", 1.6),
    City("Lisbon", "PT", 38.722, -9.139, 0, "EUR", 0.9),
    City("Rome", "IT", 41.903, 12.496, 60, "EUR", 2.5),
    City("Milan", "IT", 45.464, 9.190, 60, "EUR", 1.4),
    City("Vienna", "AT", 48.208, 16.374, 60, "EUR", 1.8),
    City("Amsterdam", "NL", 52.368, 4.904, 60, "EUR", 1.2),
    City("Brussels", "BE", 50.850, 4.352, 60, "EUR", 1.1),
    City("London", "GB", 51.507, -0.128, 0, "GBP", 6.0),
    City("Manchester", "GB", 53.481, -2.243, 0, "GBP", 1.3),
    City("Dublin", "IE", 53.350, -6.260, 0, "EUR", 0.9),
    City("Warsaw", "PL", 52.230, 21.012, 60, "PLN", 1.6),
    City("Stockholm", "SE", 59.329, 18.069, 60, "SEK", 1.0),
    City("New York", "US", 40.713, -74.006, -300, "USD", 5.0),
    City("Chicago", "US", 41.878, -87.630, -360, "USD", 2.2),
    City("Los Angeles", "US", 34.052, -118.244, -480, "USD", 3.2),
    City("Toronto", "CA", 43.653, -79.383, -300, "CAD", 2.0),
    City("Sao Paulo", "BR", -23.551, -46.633, -180, "BRL", 2.0),
    City("Istanbul", "TR", 41.008, 28.978, 180, "TRY", 1.0),
    City("Dubai", "AE", 25.205, 55.271, 240, "AED", 0.6),
    City("Lagos", "NG", 6.524, 3.379, 60, "NGN", 0.4),
    City("Mumbai", "IN", 19.076, 72.878, 330, "INR", 1.0),
    City("Singapore", "SG", 1.352, 103.820, 480, "SGD", 0.8),
    City("Tokyo", "JP", 35.676, 139.650, 540, "JPY", 1.5),
    City("Sydney", "AU", -33.869, 151.209, 600, "AUD", 1.2),
)

MINOR_PER_EURO_CENT: dict[str, float] = {
    "EUR": 1.0, "GBP": 0.86, "PLN": 4.3, "SEK": 11.3, "USD": 1.08, "CAD": 1.5, "BRL": 5.9,
    "TRY": 35.0, "AED": 4.0, "NGN": 1700.0, "INR": 91.0, "SGD": 1.45, "JPY": 1.62, "AUD": 1.65,
}  # fmt: skip
"""Minor units for one euro cent, at fixed rates (the yen has no minor unit, hence 1.62)."""


class Category(NamedTuple):
    """A merchant category: what people pay there (euro cents, log-normal) and where."""

    mcc: str
    median_cents: int
    sigma: float
    place: str
    share: float


CATEGORIES: tuple[Category, ...] = (
    Category("5411", 2800, 0.7, "store", 0.26),
    Category("5812", 3200, 0.6, "store", 0.12),
    Category("5814", 1100, 0.5, "store", 0.12),
    Category("5912", 1700, 0.6, "store", 0.06),
    Category("5651", 5200, 0.7, "store", 0.06),
    Category("5732", 14000, 0.9, "store", 0.03),
    Category("5944", 22000, 0.8, "store", 0.01),
    Category("7011", 13000, 0.6, "store", 0.02),
    Category("5542", 5500, 0.4, "fuel", 0.05),
    Category("4111", 290, 0.3, "small", 0.06),
    Category("5499", 220, 0.4, "small", 0.04),
    Category("6011", 9000, 0.6, "atm", 0.04),
    Category("5999", 4200, 0.9, "online", 0.07),
    Category("5311", 5600, 0.8, "online", 0.05),
    Category("5818", 550, 0.6, "online", 0.05),
    Category("4722", 21000, 0.8, "online", 0.02),
    Category("5947", 6000, 0.7, "online", 0.02),
    Category("4899", 1300, 0.3, "subscription", 0.03),
    Category("6051", 9000, 0.7, "cash_like", 0.002),
    Category("4829", 12000, 0.7, "cash_like", 0.002),
    Category("7995", 3000, 0.9, "cash_like", 0.002),
    Category("9311", 60000, 0.8, "authority", 0.001),
)


def distance_km(a_lat: float, a_lon: float, b_lat: float, b_lon: float) -> float:
    """Great-circle distance of two points in degrees (haversine)."""
    lat_a, lat_b = math.radians(a_lat), math.radians(b_lat)
    half_lat = (lat_b - lat_a) / 2
    half_lon = math.radians(b_lon - a_lon) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(chord))


def minor(cents: float, currency: str) -> int:
    """Euro cents in minor units of `currency`, at least 1."""
    return max(1, round(cents * MINOR_PER_EURO_CENT[currency]))
