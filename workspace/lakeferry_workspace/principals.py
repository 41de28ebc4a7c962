"""Who may call: service principals, their secrets, tokens, entitlements and groups."""
import secrets
import uuid
import zlib
from dataclasses import dataclass, field

from .clock import Clock
from .options import Options, PrincipalOptions
from .store import Store

EVERYBODY = "account users"


@dataclass
class Principal:
    name: str
    user_name: str  # the application id: what a grant names and what SCIM answers as userName
    client_secret: str
    access_token: str
    admin: bool = False
    entitlements: list = field(default_factory=list)
    groups: list = field(default_factory=list)

    @property
    def id(self) -> str:
        """The number that SCIM and the query history know the principal by; the same in every run."""
        return str(10**15 + zlib.crc32(self.user_name.encode()) * 10**5)

    @property
    def identities(self) -> set:
        return {self.user_name, EVERYBODY, *self.groups}

    @property
    def may_use_sql(self) -> bool:
        return bool({"databricks-sql-access", "workspace-access"} & set(self.entitlements))


class Principals:
    def __init__(self, options: Options, store: Store, clock: Clock):
        self.clock, self.store, self.options = clock, store, options
        self.by_id: dict[str, Principal] = {}
        self.tokens: dict[str, tuple[Principal, float]] = {}
        self.revoked: set[str] = set()  # access tokens that were taken away
        configured = list(options.principals)
        for name, admin in (("lakeferry", False), ("admin", True)):
            if name not in [p.name for p in configured]:
                configured.append(PrincipalOptions(name=name, admin=admin))
        for p in configured:
            self.add(p)

    def add(self, p: PrincipalOptions) -> Principal:
        """Secrets that nobody configured are random, and kept so that a restart does not change them."""
        with self.store.lock:
            kept = self.store.section("secrets").setdefault(p.name, {})
            kept.setdefault("client_secret", "dose" + secrets.token_hex(16))
            kept.setdefault("access_token", "dapi" + secrets.token_hex(16))
            self.store.save()
        made = Principal(p.name, p.client_id or str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{p.name}.principals.lakeferry.local")),
                         p.client_secret or kept["client_secret"], p.access_token or kept["access_token"],
                         p.admin, list(p.entitlements), list(p.groups))
        self.by_id[made.user_name] = made
        return made

    def named(self, name: str) -> Principal | None:
        """By application id or by display name."""
        return self.by_id.get(name) or next((p for p in self.by_id.values() if p.name == name), None)

    def known(self) -> set:
        return {i for p in self.by_id.values() for i in p.identities}

    def login(self, client_id: str, secret: str) -> Principal | None:
        p = self.by_id.get(client_id)
        return p if p and secrets.compare_digest(p.client_secret.encode(), secret.encode()) else None

    def issue(self, p: Principal) -> str:
        token = "eyJ" + secrets.token_urlsafe(48)
        self.tokens = {t: v for t, v in self.tokens.items() if v[1] > self.clock.now()}
        self.tokens[token] = (p, self.clock.now() + self.options.token_seconds)
        return token

    def of_token(self, token: str) -> Principal | None:
        """OAuth tokens and legacy access tokens alike; none that has expired or was revoked."""
        found, until = self.tokens.get(token, (None, 0))
        if found:
            return found if self.clock.now() <= until else None
        known = self.access_token(token)
        if known:
            until = known["expiry_time"]
            return self.by_id.get(known["owner"]) if until == -1 or self.clock.millis() <= until else None
        if token in self.revoked:
            return None
        return next((p for p in self.by_id.values() if secrets.compare_digest(p.access_token.encode(), token.encode())), None)

    def revoke(self, principal: Principal | None = None) -> int:
        """The OAuth tokens of one, or of all."""
        gone = [t for t, (p, _) in self.tokens.items() if principal in (None, p)]
        for t in gone:
            del self.tokens[t]
        return len(gone)

    # -- legacy access tokens ---------------------------------------------------------------------------------------
    def access_tokens(self) -> dict[str, dict]:
        """Those that were made by the token API, by their text: id, owner, times in ms (-1: never), comment."""
        return self.store.section("tokens")

    def access_token(self, token: str) -> dict | None:
        return self.access_tokens().get(token)

    def make_access_token(self, owner: Principal, seconds: float | None, comment: str) -> tuple[str, dict]:
        token, now = "dapi" + secrets.token_hex(16), self.clock.millis()
        with self.store.lock:
            self.access_tokens()[token] = info = {
                "token_id": secrets.token_hex(32), "owner": owner.user_name, "creation_time": now, "comment": comment,
                "expiry_time": -1 if seconds is None else now + int(seconds * 1000)}
            self.store.save()
        return token, info

    def revoke_access_token(self, token: str) -> int:
        """By its text: one of the token API is removed, a configured one is refused until it is configured anew."""
        if self.access_token(token):
            with self.store.lock:
                del self.access_tokens()[token]
                self.store.save()
            return 1
        known = any(p.access_token == token for p in self.by_id.values()) and token not in self.revoked
        if known:
            self.revoked.add(token)
        return int(known)

    def revoke_access_tokens(self, principal: Principal | None) -> int:
        mine = [t for t, info in self.access_tokens().items() if principal is None or info["owner"] == principal.user_name]
        mine += [p.access_token for p in self.by_id.values() if principal in (None, p)]
        return sum(self.revoke_access_token(t) for t in mine)
