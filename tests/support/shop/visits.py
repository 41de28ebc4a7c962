"""What happens in one visit: a list of calls, a function of (person, number of the visit, random generator).

The journeys are written so that identities meet late: anonymous visits come first, logins join them, and an
`app_then_web` person ends as one profile only after a merge of merges.
"""

from __future__ import annotations

import random
from typing import Any, Callable

from .people import Person

WEBSITE, APP, SERVER = "website", "app", "server"

PRODUCTS = (("Harbour mug", 12.5, ["kitchen"]), ("Ferry timetable poster", 24.0, ["wall", "print"]),
            ("Wool blanket", 79.9, ["bedroom", "winter"]), ("Brass lantern", 54.25, ["garden"]),
            ("Sea salt soap", 6.4, []), ("Rope doormat", 31.75, ["hall", "winter"]))
PAGES = (("Home", "/"), ("Kitchen", "/kitchen"), ("Garden", "/garden"), ("Offers", "/offers?week=9"))


class Visit:
    """Collects the calls of one visit; knows who the visitor says to be on the device in hand."""

    def __init__(self, person: Person, number: int, rng: random.Random, company_size: int = 12):
        self.person, self.number, self.rng = person, number, rng
        self.calls: list[tuple[str, dict[str, Any]]] = []   # (source, call)
        self.source, self.anonymous_id, self.user_id = WEBSITE, person.laptop, None
        self.company_size = company_size

    @property
    def email(self) -> str:
        moved = self.person.new_email is not None and self.number >= 3
        return self.person.new_email if moved else self.person.email   # type: ignore[return-value]

    def on(self, source: str, anonymous_id: str | None, user_id: str | int | None = None) -> "Visit":
        self.source, self.anonymous_id, self.user_id = source, anonymous_id, user_id
        return self

    def say(self, call_type: str, **fields: Any) -> None:
        call: dict[str, Any] = {"type": call_type}
        if self.anonymous_id is not None:
            call["anonymousId"] = self.anonymous_id
        if self.user_id is not None:
            call["userId"] = self.user_id
        call.update(fields)
        call["context"] = {**self._context(), **fields.get("context", {})}
        self.calls.append((self.source, call))

    def _context(self) -> dict[str, Any]:
        person = self.person
        if self.source == WEBSITE:
            context: dict[str, Any] = {"ip": f"198.51.100.{person.number % 250}", "locale": f"pt-{person.country}",
                                       "userAgent": "Mozilla/5.0 (X11; Linux x86_64)", "timezone": "Europe/Lisbon",
                                       "page": {"path": "/", "url": "https://shop.example/"}}
            if person.ga_client_id:
                context["integrations"] = {"Google Analytics": {"clientId": person.ga_client_id}}
            return context
        if self.source == APP:
            device: dict[str, Any] = {"id": person.device_id, "type": person.platform, "model": "Pocket 7"}
            if person.advertising_id:
                device |= {"advertisingId": person.advertising_id, "adTrackingEnabled": person.number % 3 != 0}
            return {"app": {"name": "Shop", "version": "4.2.0", "build": "1187"}, "device": device,
                    "os": {"name": person.platform, "version": "17.1"}, "network": {"wifi": True}}
        return {"ip": "192.0.2.10"}

    # -- the pieces that visits are made of ------------------------------------------------------------------

    def browse(self, steps: int) -> None:
        for _ in range(steps):
            name, price, tags = self.rng.choice(PRODUCTS)
            if self.rng.random() < 0.4:
                title, path = self.rng.choice(PAGES)
                page = {"path": path, "title": title, "referrer": "https://search.example/?q=mug"}
                if self.source == APP:
                    self.say("screen", name=title, properties={"variant": self.rng.choice("AB"), "cached": False})
                else:
                    self.say("page", name=title, category="Shop", properties=page)
            else:
                self.say("track", event="Product Viewed",
                         properties={"name": name, "price": price, "currency": "EUR", "tags": tags})

    def cart(self) -> None:
        name, price, tags = self.rng.choice(PRODUCTS)
        self.say("track", event="Cart Viewed", properties={
            "cartId": f"cart-{self.rng.randrange(10**6)}", "value": price,
            "products": [{"name": name, "price": price, "tags": tags, "options": {"colour": "sand", "gift": None}}]})

    def order(self) -> None:
        picks = [self.rng.choice(PRODUCTS) for _ in range(self.rng.randint(1, 3))]
        self.say("track", event="Checkout Started", properties={"step": 1, "coupon": None})
        anonymous, user = self.anonymous_id, self.user_id
        source = self.source
        self.on(SERVER, None, user)
        self.say("track", event="Order Completed", properties={
            "orderId": 9_100_000_000_000_000_000 + self.rng.randrange(10**9), "total": round(sum(p[1] for p in picks), 2),
            "currency": "EUR", "paid": True, "products": [{"name": p[0], "price": p[1]} for p in picks],
            "shipTo": {"city": self.person.city, "country": self.person.country}})
        if self.rng.random() < 0.08:
            self.say("track", event="Order Refunded", properties={"total": picks[0][1], "reason": "damaged"})
        self.on(source, anonymous, user)

    def log_in(self) -> None:
        self.user_id = self.person.user_id
        self.say("identify", traits=self._traits())
        if self.rng.random() < 0.5:
            self.say("track", event="Signed In", properties={"method": self.rng.choice(("password", "link"))})

    def _traits(self) -> dict[str, Any]:
        person, rng = self.person, self.rng
        traits: dict[str, Any] = {
            "email": self.email, "firstName": person.given, "lastName": person.family, "plan": "basic",
            "age": person.age, "loyaltyNumber": person.loyalty_number, "newsletter": person.number % 3 == 0,
            "createdAt": "2024-11-05T09:30:00Z",
            "address": {"city": person.city, "country": person.country, "geo": {"lat": 38.7, "lng": -9.1}},
            "interests": list(rng.choice(PRODUCTS)[2]), "phone": person.phone,
        }
        if self.number >= 2:
            traits["plan"] = rng.choice(("basic", "plus", None))
            if rng.random() < 0.15:
                traits["phone"] = None                        # unset by the customer
            if rng.random() < 0.06:
                traits["age"] = "over thirty"                 # an integer until now
            if rng.random() < 0.05:
                traits["address"] = {"city": person.city, "geo": None}   # the whole object is replaced
            if rng.random() < 0.05:
                traits |= {"favColour": "green", "fav_colour": "blue"}   # one column; the later key wins
            if rng.random() < 0.04:
                traits |= {"id": "crm-77", "prénom": person.given, "😀": "smile", "score": rng.choice((7, 7.5, "high"))}
        return traits


# ---- journeys -------------------------------------------------------------------------------------------------

def _logged_in(visit: Visit) -> None:
    """Any visit after the ones with a story of their own."""
    person, rng = visit.person, visit.rng
    if person.journey in ("app_only", "app_then_web") and rng.random() < 0.6:
        visit.on(APP, person.phone_app, person.user_id)
    else:
        visit.on(WEBSITE, person.laptop, person.user_id)
    if rng.random() < 0.3:
        visit.log_in()
    visit.browse(rng.randint(1, 2))
    if rng.random() < 0.5:
        visit.order()
    if rng.random() < 0.1:
        visit.on(SERVER, None, person.user_id)
        visit.say("track", event="Email Opened", properties={"campaign": "spring"}, context={
            "traits": {"email": visit.email},
            "externalIds": [{"id": f"LC-{person.number}", "type": "loyalty_card", "collection": "users", "encoding": "none"},
                            {"id": "x", "type": "Not A Type", "collection": "users", "encoding": "none"}]})


def _window_shopper(visit: Visit) -> None:
    # Some browsers hand out the same "id" to everybody; such values must not join people.
    shared = visit.rng.random() < 0.04
    visit.on(WEBSITE, "00000000-0000-0000-0000-000000000000" if shared else visit.person.laptop).browse(3)


def _website_login(visit: Visit) -> None:
    visit.on(WEBSITE, visit.person.laptop).browse(2)
    if visit.number == 1:
        visit.log_in()
        visit.cart()


def _app_then_web(visit: Visit) -> None:
    person = visit.person
    if visit.number == 0:                                    # first profile: the app
        visit.on(APP, person.phone_app).browse(2)
    elif visit.number == 1:                                  # second and third: two browsers, one gives an e-mail
        visit.on(WEBSITE, person.laptop).browse(1)
        visit.on(WEBSITE, person.second_browser)
        visit.say("identify", traits={"email": person.email, "newsletter": True})
    elif visit.number == 2:                                  # the login joins the two browsers …
        visit.on(WEBSITE, person.laptop).log_in()
        visit.browse(1)
    else:                                                    # … and then the app joins all three
        visit.on(APP, person.phone_app).log_in()


def _newsletter(visit: Visit) -> None:
    person = visit.person
    if visit.number == 0:
        visit.on(WEBSITE, person.second_browser)
        visit.say("identify", traits={"email": person.email, "newsletter": True, "source": "footer"})
        visit.browse(1)
    elif visit.number == 1:
        visit.on(SERVER, f"mail-{person.number}")
        visit.say("track", event="Email Opened", properties={"campaign": "welcome", "subject": "Olá!"},
                  context={"traits": {"email": person.email}})
        visit.on(WEBSITE, person.laptop).browse(2)
    else:
        visit.on(WEBSITE, person.laptop).log_in()
        visit.order()


def _business(visit: Visit) -> None:
    person = visit.person
    if visit.number == 0:
        visit.on(WEBSITE, person.laptop).browse(2)
        return
    visit.on(WEBSITE, person.laptop).log_in()
    visit.say("group", groupId=f"org-{person.company}", traits={
        "name": f"Company {person.company}", "employees": (person.company or 0) * 3 + 4, "email": "office@company.example",
        "address": {"city": person.city}, "plan": "team"})
    visit.browse(1)


def _old_system(visit: Visit) -> None:
    person = visit.person
    if visit.number == 0:
        visit.on(SERVER, f"legacy-{person.number}")
        visit.say("track", event="Order Refunded", properties={"total": 5.0, "reason": "old order"})
        visit.on(WEBSITE, person.laptop).browse(1)
    elif visit.number == 1 + person.number % 2:
        visit.on(SERVER, None, person.user_id).say("alias", previousId=f"legacy-{person.number}")
        visit.on(WEBSITE, person.laptop).log_in()
    else:
        _logged_in(visit)


def _shared_tablet(visit: Visit) -> None:
    visit.on(WEBSITE, visit.person.tablet).browse(1)
    if visit.number % 2:
        visit.log_in()                                       # the same anonymousId, another user than the neighbour's
        visit.cart()


def _app_only(visit: Visit) -> None:
    visit.on(APP, visit.person.phone_app).browse(2)
    if visit.number == 1:
        visit.log_in()


JOURNEY_SCRIPTS: dict[str, tuple[Callable[[Visit], None], int]] = {   # script, visits until the person is just a customer
    "window_shopper": (_window_shopper, 10**9), "website_login": (_website_login, 2), "app_then_web": (_app_then_web, 4),
    "newsletter": (_newsletter, 3), "business": (_business, 3), "old_system": (_old_system, 3),
    "shared_tablet": (_shared_tablet, 10**9), "app_only": (_app_only, 2),
}


def visit_calls(person: Person, number: int, rng: random.Random) -> list[tuple[str, dict[str, Any]]]:
    visit = Visit(person, number, rng)
    script, lasts = JOURNEY_SCRIPTS[person.journey]
    (script if number < lasts else _logged_in)(visit)
    return visit.calls
