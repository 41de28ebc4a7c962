"""Who may call: service principals, their secrets, tokens, entitlements and groups."""
import secrets
import uuid
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
    def identities(self) -> set:
        return {self.user_name, EVERYBODY, *self.groups}

    @property
    def may_use_sql(self) -> bool:
        return bool({"databricks-sql-access", "workspace-access"} & set(self.entitlements))


class Principals:
    def __init__(self, options: Options, store: Store, clock: Clock):
        self.clock, self.store, self.seconds = clock, store, options.token_seconds
        self.by_id: dict[str, Principal] = {}
        self.tokens: dict[str, tuple[Principal, float]] = {}
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
        self.tokens[token] = (p, self.clock.now() + self.seconds)
        return token

    def of_token(self, token: str) -> Principal | None:
        found, until = self.tokens.get(token, (None, 0))
        if found and self.clock.now() <= until:
            return found
        return next((p for p in self.by_id.values() if secrets.compare_digest(p.access_token.encode(), token.encode())), None)

    def revoke(self, principal: Principal | None = None) -> int:
        gone = [t for t, (p, _) in self.tokens.items() if principal in (None, p)]
        for t in gone:
            del self.tokens[t]
        return len(gone)
