"""The table of a fictional bicycle hire, generated from a seed."""

import csv
import datetime as dt
import io
import random

ROWS = 5000
NAMES = ("day", "city", "bicycle", "kilometres", "minutes", "price", "rating")
CITIES = {"Lyon": 9, "Nantes": 6, "Lille": 5, "Rennes": 3, "Annecy": 1}
BICYCLES = {"city": 6, "electric": 5, "cargo": 1}
FIRST_DAY = dt.date(2026, 3, 1)
SPEED = {"city": 14, "electric": 19, "cargo": 12}  #: kilometres an hour


def draw_rides(seed: int, rows: int = ROWS) -> bytes:
    """Return a CSV table; a seed always gives the same bytes."""
    chance = random.Random(seed)  # noqa: S311  generated data, no secret
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(NAMES)
    for _ in range(rows):
        kind = _weighted_choice(chance, BICYCLES)
        kilometres = round(chance.lognormvariate(1.4, 0.6), 1)
        minutes = max(1, round(kilometres / SPEED[kind] * 60 * chance.uniform(0.8, 1.5)))
        price = round(1 + minutes * (0.22 if kind == "electric" else 0.12), 2)
        rating = chance.choice([3, 4, 4, 5, 5, 5, 2, 1]) if chance.random() < 0.7 else ""
        day = FIRST_DAY + dt.timedelta(days=chance.randrange(240))
        table.writerow([day, _weighted_choice(chance, CITIES), kind, kilometres, minutes, price, rating])
    return text.getvalue().encode()


def _weighted_choice(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]
