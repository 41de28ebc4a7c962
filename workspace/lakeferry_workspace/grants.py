"""Who may do what: the table of grants, the check of a statement's needs, and Databricks' words for a refusal."""
from .errors import SqlError, no_catalog
from .objects import VIRTUAL, Objects

KINDS = ("Catalog", "Schema", "Table")  # by the number of name parts
PRIVILEGES = {
    "Catalog": {"ALL PRIVILEGES", "MANAGE", "BROWSE", "USE CATALOG", "USE SCHEMA", "CREATE SCHEMA", "CREATE TABLE", "CREATE VOLUME",
                "CREATE FUNCTION", "CREATE MATERIALIZED VIEW", "CREATE MODEL", "APPLY TAG", "EXECUTE", "REFRESH", "SELECT", "MODIFY",
                "READ VOLUME", "WRITE VOLUME", "EXTERNAL USE SCHEMA"},
    "Schema": {"ALL PRIVILEGES", "MANAGE", "USE SCHEMA", "CREATE TABLE", "CREATE VOLUME", "CREATE FUNCTION", "CREATE MATERIALIZED VIEW",
               "CREATE MODEL", "APPLY TAG", "EXECUTE", "REFRESH", "SELECT", "MODIFY", "READ VOLUME", "WRITE VOLUME", "EXTERNAL USE SCHEMA"},
    "Table": {"ALL PRIVILEGES", "MANAGE", "SELECT", "MODIFY", "APPLY TAG"},
    "Volume": {"ALL PRIVILEGES", "MANAGE", "READ VOLUME", "WRITE VOLUME", "APPLY TAG"},
}
LAKEFERRY = ("USE CATALOG", "USE SCHEMA", "MODIFY", "SELECT", "CREATE SCHEMA", "CREATE TABLE", "CREATE VOLUME", "READ VOLUME", "WRITE VOLUME")


def above(kind: str, name: tuple) -> list[tuple[str, tuple]]:
    """The object and its parents, from the catalog down."""
    return [(KINDS[n - 1], name[:n]) for n in range(1, len(name))] + [(kind, name)]


class Grants:
    def __init__(self, objects: Objects):
        self.objects, self.store = objects, objects.store

    def direct(self, kind: str, name: tuple) -> dict[str, list[str]]:
        """A copy: worker threads change the store meanwhile."""
        return dict(self.store.section("grants").get(Objects.key(kind, name), {}))

    def change(self, kind: str, name: tuple, principal: str, add=(), remove=()):
        with self.store.lock:
            held = self.store.section("grants").setdefault(Objects.key(kind, name), {})
            now = set() if "ALL PRIVILEGES" in remove else (set(held.get(principal, [])) | set(add)) - set(remove)
            held[principal] = sorted(now)
            if not now:
                del held[principal]
            self.store.save()

    def holds(self, who, privilege: str, kind: str, name: tuple) -> bool:
        """By admin role, ownership of the object or of what it is in, or a grant on either."""
        if who.admin:
            return True
        for k, n in above(kind, name):
            if self.objects.about(k, n).get("owner") in who.identities:
                return True
            for identity in who.identities:
                held = self.direct(k, n).get(identity, ())
                if privilege in held or ("ALL PRIVILEGES" in held and privilege != "MANAGE"):
                    return True
        return False

    def sees(self, who, kind: str, name: tuple) -> bool:
        """Lists and information_schema show what one has any privilege on."""
        if who.admin or not self.objects.is_unity(name[0]):
            return True
        if any(self.objects.about(k, n).get("owner") in who.identities for k, n in above(kind, name)):
            return True
        wanted = PRIVILEGES[kind]
        return any(wanted & set(self.direct(k, n).get(identity, ())) for k, n in above(kind, name) for identity in who.identities)

    def missing(self, who, privilege: str, kind: str, name: tuple) -> tuple[str, str, tuple] | None:
        """The first privilege on the way down that the principal lacks. Objects that do not exist are for the engine to report."""
        if not self.objects.is_unity(name[0]) or not self.objects.exists("Catalog", name[:1]):
            return None
        wanted = [("USE CATALOG", "Catalog", name[:1])]
        if len(name) > 1:
            if name[1] == VIRTUAL or not self.objects.exists("Schema", name[:2]):
                privilege = None
            elif len(name) > 2 or privilege != "MANAGE":
                wanted.append(("USE SCHEMA", "Schema", name[:2]))
            if len(name) > 2 and not self.objects.exists(kind, name):
                privilege = None
        if privilege:
            wanted.append((privilege, kind, name))
        return next(((p, k, n) for p, k, n in wanted if not self.holds(who, p, k, n)), None)

    def check(self, who, needs):
        for privilege, kind, name in needs:
            if not self.objects.exists("Catalog", name[:1]):
                raise no_catalog(name[0])
            if lack := self.missing(who, privilege, kind, name):
                raise refusal(*lack)

    def effective(self, kind: str, name: tuple, principal: str | None = None) -> list[dict]:
        """Direct and inherited grants by principal, as effective-permissions shows them."""
        found: dict[str, list] = {}
        for k, n in above(kind, name):
            for who, privileges in self.direct(k, n).items():
                if principal in (None, who):
                    for p in privileges:
                        entry = {"privilege": p.replace(" ", "_")}
                        if (k, n) != (kind, name):
                            entry |= {"inherited_from_type": k.upper(), "inherited_from_name": ".".join(n)}
                        found.setdefault(who, []).append(entry)
        return [{"principal": w, "privileges": p} for w, p in sorted(found.items())]


def sentence(privilege: str, kind: str, name: tuple) -> str:
    return f"User does not have {privilege} on {kind} '{'.'.join(name)}'."


def refusal(privilege: str, kind: str, name: tuple) -> SqlError:
    if privilege == "CREATE SCHEMA":  # seen without class and with a SQLSTATE of its own
        return SqlError(f"PERMISSION_DENIED: {sentence(privilege, kind, name)} (SQLSTATE: HY000)", "HY000")
    return SqlError(f"[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\n{sentence(privilege, kind, name)} SQLSTATE: 42501", "42501")
