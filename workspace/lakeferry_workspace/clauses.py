"""Clauses that Spark's parser lacks and that mean the same in other words: CLUSTER BY AUTO, t@v1, v:a.b, COMMENT ON COLUMN."""
import re

from .dialect import Edits, dotted, is_string, kind, literal, name_at, quoted, tokenize
from .errors import parse_error

AUTO = "clusterByAuto"  # the property by which Databricks shows it
PATH = "__ws_path"  # a function of the session extension: it looks at the type of what it reads
HINT = re.compile(r"\bAUTO\b|@\s*v\d|[\w`)\]]:(?![:/])|\bCOMMENT\s+ON\s+COLUMN\b", re.I)


def rewrite(text: str) -> str:
    if not HINT.search(text):
        return text
    t = tokenize(text)
    edits = Edits(text)
    comment_on_column(text, t, edits)
    for i, token in enumerate(t):
        if kind(token) == "CLUSTER_BY" and i + 1 < len(t) and t[i + 1].text.upper() == "AUTO" and kind(t[i + 1]) != "IDENTIFIER":
            cluster_by_auto(text, t, i, edits)
        elif kind(token) == "PARAMETER" and i + 1 < len(t) and re.fullmatch(r"v\d+", t[i + 1].text, re.I) and i and \
                kind(t[i - 1]) in ("VAR", "IDENTIFIER"):
            edits.replace(token.start, t[i + 1].end + 1, f" VERSION AS OF {t[i + 1].text[1:]}")
    variant_paths(text, t, edits)
    return edits.apply()


def comment_on_column(text: str, t: list, edits: Edits):
    if [x.text.upper() for x in t[:3]] != ["COMMENT", "ON", "COLUMN"]:
        return
    parts, i = name_at(t, 3)
    if len(parts) < 2 or i + 1 >= len(t) or t[i].text.upper() != "IS":
        raise parse_error(f"'{t[min(i, len(t) - 1)].text}'", text, t[min(i, len(t) - 1)].start)
    said = text[t[i + 1].start:t[i + 1].end + 1] if is_string(t[i + 1]) else "''"
    edits.replace(t[0].start, t[i + 1].end + 1, f"ALTER TABLE {dotted(parts[:-1])} ALTER COLUMN {quoted(parts[-1])} COMMENT {said}")


def cluster_by_auto(text: str, t: list, i: int, edits: Edits):
    """A property, in the clause of its own or in the one that the statement has."""
    given = f"'{AUTO}' = 'true'"
    if t[0].text.upper() == "ALTER":
        edits.replace(t[i].start, t[i + 1].end + 1, f"SET TBLPROPERTIES ({given})")
        return
    own = next((k for k, x in enumerate(t) if x.text.upper() == "TBLPROPERTIES" and kind(x) != "IDENTIFIER"), None)
    if own is None or own + 1 >= len(t) or kind(t[own + 1]) != "L_PAREN":
        edits.replace(t[i].start, t[i + 1].end + 1, f"TBLPROPERTIES ({given})")
    else:
        edits.replace(t[i].start, t[i + 1].end + 1, "")
        edits.replace(t[own + 1].end + 1, t[own + 1].end + 1, f"{given}, ")


def variant_paths(text: str, t: list, edits: Edits):
    """e:a.b[0]  =>  __ws_path(e, '$.a.b[0]')"""
    for i in range(1, len(t) - 1):
        if kind(t[i]) != "COLON" or not re.match(r"[\w`)\]'\"]", text[t[i].start - 1]):
            continue
        if is_type_field(t, i):
            continue
        begin = operand(t, i - 1)
        path, end = path_at(text, t, i + 1)
        if path:
            edits.replace(t[begin].start, t[begin].start, f"{PATH}(")
            edits.replace(t[i].start, t[end - 1].end + 1, ", '" + path.replace("\\", "\\\\").replace("'", "\\'") + "')")


def is_type_field(t: list, i: int) -> bool:
    """STRUCT<a: INT>: the colon of a type, and the one of a label in a script."""
    depth = 0
    for k in range(i - 1, -1, -1):
        if kind(t[k]) in ("R_PAREN", "L_PAREN", "SEMICOLON"):
            break
        depth += (kind(t[k]) == "LT") - (kind(t[k]) == "GT")
        if depth > 0:
            return k > 0 and t[k - 1].text.upper() == "STRUCT"
    return i + 1 < len(t) and t[i + 1].text.upper() in ("BEGIN", "WHILE", "LOOP", "REPEAT", "FOR")


def operand(t: list, i: int) -> int:
    """The token at which the expression that ends with token i begins: a name, a call, an element."""
    while True:
        if kind(t[i]) in ("R_PAREN", "R_BRACKET"):
            close, open_ = (kind(t[i]), kind(t[i]).replace("R_", "L_"))
            depth = 0
            while i >= 0:
                depth += (kind(t[i]) == close) - (kind(t[i]) == open_)
                if depth == 0:
                    break
                i -= 1
            if i and (close == "R_BRACKET" or re.fullmatch(r"\w+", t[i - 1].text) and t[i - 1].end + 1 == t[i].start):
                i -= 1
                continue
        if i >= 2 and kind(t[i - 1]) == "DOT":
            i -= 2
            continue
        return max(i, 0)


def path_at(text: str, t: list, i: int) -> tuple[str, int]:
    """A path in JSON's form, and the index after it."""
    path, wanted = "$", True
    while i < len(t):
        if wanted and (re.fullmatch(r"[A-Za-z_]\w*", t[i].text) or kind(t[i]) == "IDENTIFIER"):
            path += f".{t[i].text}" if re.fullmatch(r"\w+", t[i].text) else f"['{t[i].text}']"
            wanted, i = False, i + 1
        elif kind(t[i]) == "L_BRACKET" and i + 2 < len(t):
            end = closing_bracket(t, i)
            inner = t[i + 1]
            path += f"['{literal(text, inner)}']" if is_string(inner) else f"[{inner.text}]"
            wanted, i = False, end + 1
        elif not wanted and kind(t[i]) == "DOT" and i + 1 < len(t):
            wanted, i = True, i + 1
        else:
            break
    return ("" if path == "$" else path), i


def closing_bracket(t: list, i: int) -> int:
    return next((k for k in range(i, len(t)) if kind(t[k]) == "R_BRACKET"), len(t) - 1)
