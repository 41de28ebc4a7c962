"""The calls that every contender gets: a seeded stream of Segment-style calls for each space, with what real input has.

The same arguments give the same calls, on every machine. 95 of 100 are `track` calls of 15 events, the rest `identify`;
one of 100 calls comes a second time with the same messageId, as a client sends it that did not read the answer.
"""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Iterator

SPACES = ("north", "south", "east", "west", "centre")
IDENTIFY, AGAIN = 0.05, 0.01           # chances per call
CALLS_PER_PERSON = 50
START = datetime(2026, 1, 5, tzinfo=timezone.utc)
CITIES = ("Lisbon", "Zürich", "Kraków", "Oslo", "Lyon", "Gent", "Turku", "Bergamo")
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
          "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_2) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15",
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0")
# No price is whole: 8.0 and 8 are one number with two spellings, and a list of products is compared as text.
PRODUCTS = tuple((f"sku-{n:04}", f"Product {n}, {kind}", kind, round(4.49 + n * 0.35, 2))
                 for n, kind in enumerate(("shoes", "coats", "bags", "hats") * 50))

Properties = dict[str, Any]


def _product(rng: random.Random) -> Properties:
    sku, name, category, price = rng.choice(PRODUCTS)
    return {"product_id": sku, "name": name, "category": category, "price": price, "currency": "EUR", "quantity": rng.randint(1, 5)}


def _order(rng: random.Random) -> Properties:
    items = [_product(rng) for _ in range(rng.randint(1, 3))]
    total = round(sum(item["price"] * item["quantity"] for item in items), 2)
    return {"order_id": f"o-{rng.getrandbits(48):012x}", "total": total, "tax": round(total * 0.19, 2), "currency": "EUR",
            "coupon": rng.choice(("", "SPRING", "WELCOME")), "express": rng.random() < 0.2, "products": items}


# The 15 events, how often each comes, and what it carries.
EVENTS: dict[str, tuple[int, Callable[[random.Random], Properties]]] = {
    "Product Viewed": (22, lambda rng: _product(rng) | {"position": rng.randint(1, 40)}),
    "Product List Viewed": (14, lambda rng: {"list_id": f"l-{rng.randint(1, 30)}", "category": rng.choice(PRODUCTS)[2], "items": rng.randint(4, 48)}),
    "Product Clicked": (10, lambda rng: _product(rng) | {"from_list": f"l-{rng.randint(1, 30)}"}),
    "Products Searched": (9, lambda rng: {"query": rng.choice(PRODUCTS)[1], "results": rng.randint(0, 300), "corrected": rng.random() < 0.1}),
    "Product Added": (8, lambda rng: _product(rng) | {"cart_id": f"c-{rng.getrandbits(40):010x}"}),
    "Cart Viewed": (6, lambda rng: {"cart_id": f"c-{rng.getrandbits(40):010x}", "products": [_product(rng)]}),
    "Product Removed": (3, lambda rng: _product(rng) | {"reason": rng.choice(("price", "size", "other"))}),
    "Checkout Started": (5, _order),
    "Payment Info Entered": (4, lambda rng: {"method": rng.choice(("card", "transfer", "invoice")), "saved": rng.random() < 0.5}),
    "Order Completed": (4, _order),
    "Order Refunded": (1, lambda rng: {"order_id": f"o-{rng.getrandbits(48):012x}", "total": round(rng.uniform(5, 400), 2)}),
    "Coupon Applied": (2, lambda rng: {"coupon": rng.choice(("SPRING", "WELCOME")), "discount": rng.randint(1, 50)}),
    "Review Written": (2, lambda rng: {"product_id": rng.choice(PRODUCTS)[0], "stars": rng.randint(1, 5), "text": "Fits well, „très bien“."}),
    "Email Opened": (6, lambda rng: {"campaign": {"name": rng.choice(("spring", "welcome")), "wave": rng.randint(1, 9)}}),
    "Signed In": (4, lambda rng: {"method": rng.choice(("password", "link", "passkey"))}),
}


def _context(rng: random.Random, city: str) -> dict[str, Any]:
    path = f"/{rng.choice(PRODUCTS)[2]}/{rng.randint(1, 999)}"
    return {"ip": f"203.0.113.{rng.randint(1, 254)}", "locale": "de-DE", "timezone": "Europe/Berlin", "userAgent": rng.choice(AGENTS),
            "page": {"path": path, "url": f"https://shop.example{path}", "title": "Shop", "referrer": "https://search.example/"},
            "library": {"name": "analytics.js", "version": "4.1.2"}, "location": {"city": city}}


def _traits(rng: random.Random, space: str, person: int) -> dict[str, Any]:
    return {"email": f"p{person}@{space}.mail.example", "firstName": f"Given {person}", "plan": rng.choice(("basic", "plus")),
            "age": 18 + person % 70, "newsletter": person % 3 == 0}


def distinct_calls(seed: int, space: str, count: int) -> Iterator[dict[str, Any]]:
    """The calls of a space in the order in which they happen, each once."""
    rng = random.Random(f"{seed}/{space}")
    names, weights = list(EVENTS), [weight for weight, _ in EVENTS.values()]
    people = max(1, count // CALLS_PER_PERSON)
    events = rng.choices(names, weights, k=count)
    at = START
    for n, event in enumerate(events):
        at += timedelta(milliseconds=rng.randint(1, 400))
        person = rng.randrange(people)
        call: dict[str, Any] = {"type": "track", "event": event, "userId": f"{space}-{person}", "anonymousId": f"{space}-browser-{person:08}",
                                "messageId": f"ajs-{rng.getrandbits(128):032x}", "timestamp": at.isoformat(timespec="milliseconds")[:-6] + "Z",
                                "context": _context(rng, CITIES[person % len(CITIES)])}
        if rng.random() < IDENTIFY:
            call["type"] = "identify"
            del call["event"]
            call["traits"] = _traits(rng, space, person)
        else:
            call["properties"] = EVENTS[event][1](rng)
        yield call


def write(seed: int, space: str, count: int, file: Path) -> int:
    """`count` calls, one a line, repeats among them; the number of distinct ones."""
    rng = random.Random(f"{seed}/{space}/again")
    again = sum(rng.random() < AGAIN for _ in range(count))
    distinct = count - again
    repeated = set(rng.sample(range(distinct), again))
    waiting: list[tuple[int, str]] = []       # (after which call, line), sorted: a repeat comes at most 2,000 calls later
    with file.open("w", encoding="utf-8") as out:
        for n, call in enumerate(distinct_calls(seed, space, distinct)):
            line = json.dumps(call, ensure_ascii=False, separators=(",", ":")) + "\n"
            out.write(line)
            if n in repeated:
                waiting.append((n + rng.randint(1, 2000), line))
                waiting.sort(key=lambda one: one[0], reverse=True)
            while waiting and waiting[-1][0] <= n:
                out.write(waiting.pop()[1])
        out.writelines(line for _, line in reversed(waiting))
    return distinct
