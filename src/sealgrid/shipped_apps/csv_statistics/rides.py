"""Draws the table of a fictional bicycle hire from a seed."""

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
    """Return a CSV table, the same one for a seed."""
    chance = random.Random(seed)  # noqa: S311  a drawing, no secret
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(NAMES)
    table.writerows(_ride(chance) for _ in range(rows))
    return written.getvalue().encode()


def _ride(chance: random.Random) -> list[object]:
    kind = _one(chance, BICYCLES)
    kilometres = round(chance.lognormvariate(1.4, 0.6), 1)
    minutes = max(1, round(kilometres / SPEED[kind] * 60 * chance.uniform(0.8, 1.5)))
    price = round(1 + minutes * (0.22 if kind == "electric" else 0.12), 2)
    rating = chance.choice([3, 4, 4, 5, 5, 5, 2, 1]) if chance.random() < 0.7 else ""
    day = FIRST_DAY + dt.timedelta(days=chance.randrange(240))
    return [day, _one(chance, CITIES), kind, kilometres, minutes, price, rating]


def _one(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]
