"""PRIMARY KEY and FOREIGN KEY: declared, shown, never enforced, as on Databricks. Spark's parser does not know them: they are taken out
of a CREATE TABLE before it reads the text. CHECK constraints are Delta's own; one in a CREATE TABLE becomes the property that holds it."""
from .dialect import Edits, closing, dotted, full_name, kind, name_at, tokenize
from .errors import SqlError, parse_error

TRAITS = {"NOT", "ENFORCED", "NORELY", "RELY", "DEFERRABLE", "INITIALLY", "DEFERRED", "MATCH", "FULL", "ON", "UPDATE", "DELETE", "NO",
          "ACTION", "DISABLE", "NOVALIDATE"}
KEYS = ("PRIMARY KEY", "FOREIGN KEY")


def word(t: list, i: int) -> str:
    return t[i].text.upper() if 0 <= i < len(t) and kind(t[i]) not in ("IDENTIFIER", "STRING") else ""


class Reader:
    """Reads one constraint at token i."""

    def __init__(self, text: str, t: list, call):
        self.text, self.t, self.call = text, t, call

    def names(self, i: int) -> tuple[list[str], int]:
        """(a, b, …) as a list, and the index after it."""
        if i >= len(self.t) or kind(self.t[i]) != "L_PAREN":
            near = self.t[min(i, len(self.t) - 1)]
            raise parse_error(f"'{near.text}'", self.text, near.start)
        end = closing(self.t, i, self.text)
        return [x.text for x in self.t[i + 1:end] if kind(x) != "COMMA" and x.text.upper() != "TIMESERIES"], end + 1

    def one(self, i: int, column: str | None = None) -> tuple[dict | None, int]:
        """The constraint that begins at i, and the index after it; None where there is none."""
        t, start, name = self.t, i, None
        if word(t, i) == "CONSTRAINT":
            name, i = t[i + 1].text, i + 2
        if word(t, i) == "CHECK" and column is None:
            end = closing(t, i + 1, self.text)
            return {"kind": "CHECK", "name": name, "columns": [], "expression": self.text[t[i + 1].end + 1:t[end].start]}, self.traits(end + 1)
        if word(t, i) in ("PRIMARY KEY", "UNIQUE"):
            if word(t, i) == "UNIQUE":
                raise parse_error("'UNIQUE'", self.text, t[i].start)
            columns, i = ([column], i + 1) if column is not None else self.names(i + 1)
            end = self.traits(i)
            return {"kind": "PRIMARY KEY", "name": name, "columns": columns, "rely": "RELY" in [word(t, k) for k in range(i, end)]}, end
        if word(t, i) == "FOREIGN KEY":
            columns, i = ([column], i + 1) if column is not None and kind(t[i + 1]) != "L_PAREN" else self.names(i + 1)
        elif word(t, i) == "REFERENCES" and column is not None:
            columns = [column]
        else:
            return None, start
        if word(t, i) != "REFERENCES":
            raise parse_error(f"'{t[min(i, len(t) - 1)].text}'", self.text, t[min(i, len(t) - 1)].start)
        parent, i = name_at(t, i + 1)
        theirs, i = self.names(i) if i < len(t) and kind(t[i]) == "L_PAREN" else ([], i)
        return {"kind": "FOREIGN KEY", "name": name, "columns": columns, "parent_columns": theirs,
                "parent": list(full_name(parent, self.call.catalog, self.call.schema))}, self.traits(i)

    def traits(self, i: int) -> int:
        while word(self.t, i) in TRAITS and not (word(self.t, i) == "NOT" and word(self.t, i + 1) == "NULL"):
            i += 1
        return i


def take(text: str, call) -> tuple[str, list[dict]]:
    """The text of a CREATE TABLE without its constraints, and these."""
    upper = text.upper()
    if "PRIMARY" not in upper and "REFERENCES" not in upper and "CONSTRAINT" not in upper and "CHECK" not in upper:
        return text, []
    t = tokenize(text)
    at = next((i for i in range(min(4, len(t))) if word(t, i) == "TABLE"), None)
    if word(t, 0) != "CREATE" or at is None:
        return text, []
    i = at + 1
    while word(t, i) in ("IF", "NOT", "EXISTS"):
        i += 1
    _, i = name_at(t, i)
    if i >= len(t) or kind(t[i]) != "L_PAREN":
        return text, []
    found, edits = [], Edits(text)
    items = split(t, i + 1, closing(t, i, text))
    kept = [item for item in items if not definition(text, t, call, item, found, edits)]
    for k, (start, end) in enumerate(items):
        if (start, end) not in kept:  # with the comma that parts it from a neighbour
            before = t[start - 1].start if any(o[0] < start for o in kept) else t[start].start
            after = t[end - 1].end + 1 if any(o[0] < start for o in kept) or k + 1 == len(items) else t[end].end + 1
            edits.replace(before, after, "")
    primary = [c for c in found if c["kind"] == "PRIMARY KEY"]
    if len(primary) > 1:
        raise SqlError("[CONSTRAINT_ALREADY_EXISTS] A table has at most one PRIMARY KEY. SQLSTATE: 42710", "42710")
    for start, end in kept:  # the columns of a primary key are NOT NULL without being called so
        words = [word(t, k) for k in range(start, end)]
        if primary and t[start].text.lower() in [c.lower() for c in primary[0]["columns"]] and "NOT" not in words:
            edits.replace(t[end - 1].end + 1, t[end - 1].end + 1, " NOT NULL")
    columns = [t[start].text.lower() for start, _ in kept]
    if unknown := [x for c in found for x in c["columns"] if columns and x.lower() not in columns]:
        raise unresolved(unknown[0], columns)
    checks(text, t, edits, [c for c in found if c["kind"] == "CHECK"])
    return edits.apply(), [c for c in found if c["kind"] in KEYS]


def split(t: list, i: int, end: int) -> list[tuple[int, int]]:
    """Items of a list of columns: commas inside parentheses and types part nothing."""
    items, start, parens, angles = [], i, 0, 0
    for k in range(i, end):
        parens += (kind(t[k]) == "L_PAREN") - (kind(t[k]) == "R_PAREN")
        if parens == 0:
            angles += (kind(t[k]) == "LT") - (kind(t[k]) == "GT")
            if kind(t[k]) == "COMMA" and angles <= 0:
                items.append((start, k))
                start, angles = k + 1, 0
    return [*items, (start, end)]


def definition(text, t, call, item, found: list, edits: Edits) -> bool:
    """True where the item is nothing but a constraint; those of a column are cut out of it."""
    start, end = item
    reader = Reader(text, t, call)
    if word(t, start) in ("CONSTRAINT", "CHECK", *KEYS):
        constraint, _ = reader.one(start)
        if constraint:
            found.append(constraint)
            return True
        near = t[min(start + 2, len(t) - 1)]
        raise parse_error(f"'{near.text}'", text, near.start)
    depth, k = 0, start + 1
    while k < end:
        depth += (kind(t[k]) == "L_PAREN") - (kind(t[k]) == "R_PAREN")
        if depth == 0 and word(t, k) in ("CONSTRAINT", "REFERENCES", *KEYS):
            constraint, after = reader.one(k, t[start].text)
            if constraint:
                found.append(constraint)
                edits.replace(t[k].start, t[after - 1].end + 1, "")
                k = after
                continue
        k += 1
    return False


def checks(text: str, t: list, edits: Edits, found: list):
    if not found:
        return
    given = ", ".join("'delta.constraints.{}' = '{}'".format(
        (c["name"] or f"check_{n}").lower(), c["expression"].strip().replace("\\", "\\\\").replace("'", "\\'")) for n, c in enumerate(found, 1))
    own = next((k for k in range(len(t)) if word(t, k) == "TBLPROPERTIES"), None)
    if own is not None and own + 1 < len(t) and kind(t[own + 1]) == "L_PAREN":
        edits.replace(t[own + 1].end + 1, t[own + 1].end + 1, given + ", ")
    else:
        at = closing(t, next(k for k in range(len(t)) if kind(t[k]) == "L_PAREN"), text)
        edits.replace(t[at].end + 1, t[at].end + 1, f" TBLPROPERTIES ({given})")


# -- ALTER TABLE -----------------------------------------------------------------------------------------------------
def handles(words: list[str], text: str) -> bool:
    if words[:2] != ["ALTER", "TABLE"]:
        return False
    upper = " ".join(text.upper().split())
    return "PRIMARY KEY" in upper or "FOREIGN KEY" in upper or ("DROP CONSTRAINT" in upper)


def run(world, call):
    """None where the statement is about a CHECK constraint after all, which is Delta's."""
    text = call.text.rstrip().rstrip(";")
    t = tokenize(text)
    parts, i = name_at(t, 2)
    name = full_name(parts, call.catalog, call.schema)
    held = world.objects.about("Table", name).get("constraints", [])
    if word(t, i) == "ADD":
        constraint, _ = Reader(text, t, call).one(i + 1)
        if not constraint or constraint["kind"] not in KEYS:
            return None
        world.grants.check(call.who, [("MANAGE", "Table", name)])
        declare(world, call, name, [*held, constraint], nullable=False)
        return [], []
    if word(t, i) != "DROP":
        return None
    flag = any(word(t, k) == "EXISTS" for k in range(i, len(t)))
    wanted = word(t, i + 1)
    if wanted == "CONSTRAINT":
        asked = t[-1].text if word(t, len(t) - 1) not in ("CASCADE", "RESTRICT") else t[-2].text
        gone = [c for c in held if c["name"].lower() == asked.lower()]
        if not gone:
            return None
    else:
        gone = [c for c in held if c["kind"] == wanted and (wanted == "PRIMARY KEY" or c["columns"] == Reader(text, t, call).names(
            next((k for k in range(i, len(t)) if kind(t[k]) == "L_PAREN"), len(t)))[0])]
    world.grants.check(call.who, [("MANAGE", "Table", name)])
    if not gone and not flag:
        raise SqlError(f"[CONSTRAINT_DOES_NOT_EXIST] Cannot drop {wanted} of {dotted(name)}: there is none. SQLSTATE: 42704", "42704")
    world.objects.describe("Table", name, constraints=[c for c in held if c not in gone])
    return [], []


def unresolved(column: str, known) -> SqlError:
    return SqlError(f"[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column with name `{column}` cannot be resolved. Did you mean one of the "
                    f"following? [{', '.join(f'`{f}`' for f in known)}]. SQLSTATE: 42703", "42703")


def in_unity(world, name: tuple):
    if not world.objects.is_unity(name[0]):
        raise SqlError("[UC_COMMAND_NOT_SUPPORTED.WITHOUT_RECOMMENDATION] The command(s): PRIMARY KEY and FOREIGN KEY are not supported "
                       "outside Unity Catalog. SQLSTATE: 0AKUC", "0AKUC")


def foreseen(world, call, names: list, constraints: list):
    """Before the named table is made: what would refuse its keys afterwards."""
    for c in constraints:
        for name in names:
            in_unity(world, name)
        if c["kind"] == "FOREIGN KEY":
            match_parent(world, call, c)


def declare(world, call, name: tuple, constraints: list, nullable: bool = True):
    """Keeps the keys of a table, after checking that they could be true."""
    if not constraints:
        return
    in_unity(world, name)
    fields = {f["name"].lower(): f for f in world.objects.columns(name)}
    seen = set()
    for c in constraints:
        c["name"] = c["name"] or (f"{name[2]}_pk" if c["kind"] == "PRIMARY KEY" else f"{name[2]}_{c['parent'][2]}_fk")
        if c["name"].lower() in seen or (c["kind"] == "PRIMARY KEY" and "PRIMARY KEY" in seen):
            raise SqlError(f"[CONSTRAINT_ALREADY_EXISTS] {dotted(name)} has a constraint `{c['name']}` or a primary key already. "
                           "SQLSTATE: 42710", "42710")
        seen |= {c["name"].lower(), c["kind"] if c["kind"] == "PRIMARY KEY" else ""}
        for column in c["columns"]:
            if column.lower() not in fields:
                raise unresolved(column, fields)
            if c["kind"] == "PRIMARY KEY" and not nullable and fields[column.lower()]["nullable"]:
                raise SqlError(f"[CANNOT_CREATE_PRIMARY_KEY] Cannot create the primary key `{c['name']}` because its child column(s) `{column}` "
                               "is nullable. Please change the column nullability and retry. SQLSTATE: 42831", "42831")
        if c["kind"] == "FOREIGN KEY":
            match_parent(world, call, c)
    world.objects.describe("Table", name, constraints=constraints)


def match_parent(world, call, c: dict):
    parent = tuple(c["parent"])
    world.grants.check(call.who, [("SELECT", "Table", parent)])
    if not world.objects.exists("Table", parent):
        raise SqlError(f"[TABLE_OR_VIEW_NOT_FOUND] The table or view {dotted(parent)} cannot be found. SQLSTATE: 42P01", "42P01")
    key = next((k["columns"] for k in world.objects.about("Table", parent).get("constraints", []) if k["kind"] == "PRIMARY KEY"), [])
    c["parent_columns"] = c["parent_columns"] or key
    if [x.lower() for x in c["parent_columns"]] != [x.lower() for x in key] or len(key) != len(c["columns"]):
        raise SqlError(f"[FOREIGN_KEY_MISMATCH] Foreign key parent columns {', '.join(c['parent_columns'])} do not match primary key child "
                       f"columns {', '.join(c['columns'])}. SQLSTATE: 42830", "42830")
