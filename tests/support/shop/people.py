"""Who visits the shop. A person is a pure function of (seed, number): nothing is kept in memory."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass

GIVEN = ("Ada Amir Bo Carla Chidi Dana Elif Emre Finn Greta Hana Ivo Jae Jonas Kaia Lena Luca Mei Mira Nadia "
         "Nils Olga Otto Paz Priya Quinn Rafael Rosa Sami Sofia Tariq Tess Uma Vera Wen Yara Zoe Zoltán Łucja Åsa").split()
FAMILY = ("Abe Adeyemi Berg Castro Dvořák Eriksen Fischer Gallo Haddad Ito Jansen Kaya Kim Lindqvist Moreau Nagy "
          "Novak O'Neill Okafor Papadakis Quispe Rossi Sato Silva Tanaka Ueda Varga Weiß Yilmaz Zhang").split()
CITIES = (("Lisbon", "PT"), ("Graz", "AT"), ("Utrecht", "NL"), ("Malmö", "SE"), ("Leeds", "GB"), ("Lyon", "FR"))

# What a person does over the week, and how many of a hundred people do it. visits.py holds the scripts.
JOURNEYS = (
    ("window_shopper", 14),   # never says who they are
    ("website_login", 22),    # anonymous first, logs in on the second visit
    ("app_then_web", 18),     # three anonymous profiles that end as one: merges of merges
    ("newsletter", 12),       # known by e-mail alone, then by user id
    ("business", 8),          # belongs to a company
    ("old_system", 6),        # known under an id of the old shop system, joined by alias
    ("shared_tablet", 8),     # two people log in on one device
    ("app_only", 12),
)


def stable_random(seed: int, *parts: object) -> random.Random:
    """A generator of its own for each purpose, so that adding one draw does not move all the others."""
    return random.Random("/".join(map(str, (seed, *parts))))


def stable_uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


@dataclass(frozen=True)
class Person:
    number: int
    journey: str
    given: str
    family: str
    user_id: str | int       # some sources send integers; they mean the same user as their digits
    email: str
    new_email: str | None    # takes the place of `email` from the fourth visit on
    city: str
    country: str
    phone: str
    laptop: str              # anonymousId of the website in the first browser
    second_browser: str
    phone_app: str           # anonymousId of the app
    tablet: str              # shared by two neighbouring numbers
    platform: str            # ios | android
    device_id: str
    advertising_id: str | None
    ga_client_id: str | None
    company: int | None
    age: int
    loyalty_number: int      # above 2^53: a double would change it


def _journey(rng: random.Random) -> str:
    draw = rng.uniform(0, sum(share for _, share in JOURNEYS))
    for name, share in JOURNEYS:
        draw -= share
        if draw <= 0:
            return name
    return JOURNEYS[-1][0]


def person(seed: int, number: int) -> Person:
    # Neighbours (2n, 2n+1) draw their journey from one generator: both share the tablet or neither does.
    pair = stable_random(seed, "pair", number // 2)
    journey = _journey(pair)
    tablet = stable_uuid(pair)
    if journey != "shared_tablet" and number % 2:
        journey = _journey(pair)
        if journey == "shared_tablet":
            journey = "website_login"
    rng = stable_random(seed, "person", number)
    given, family = rng.choice(GIVEN), rng.choice(FAMILY)
    city, country = rng.choice(CITIES)
    ascii_name = "".join(c for c in f"{given}.{family}".lower() if c.isascii() and (c.isalnum() or c == "."))
    numeric = rng.random() < 0.1
    platform = rng.choice(("ios", "android"))
    return Person(
        number=number, journey=journey, given=given, family=family,
        user_id=500_000_000 + number if numeric else f"u{number:07d}",
        email=f"{ascii_name}.{number}@mail.example",
        new_email=f"{ascii_name}.{number}@work.example" if rng.random() < 0.15 else None,
        city=city, country=country, phone=f"+3512{number:08d}",
        laptop=stable_uuid(rng), second_browser=stable_uuid(rng), phone_app=stable_uuid(rng), tablet=tablet,
        platform=platform, device_id=stable_uuid(rng).upper() if platform == "ios" else stable_uuid(rng).replace("-", "")[:16],
        advertising_id=stable_uuid(rng) if rng.random() < 0.4 else None,
        ga_client_id=f"{rng.randrange(10**9)}.{rng.randrange(10**9)}" if rng.random() < 0.3 else None,
        company=rng.randrange(40) if journey == "business" else None,
        age=rng.randint(17, 88), loyalty_number=9_007_199_254_740_993 + number * 2,
    )
