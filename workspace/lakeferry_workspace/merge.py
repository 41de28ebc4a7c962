"""MERGE as Databricks reads it and Spark does not: clauses in any order, and stars that leave columns out."""
import re

from .dialect import Edits, closing, full_name, kind, name_at, quoted, tokenize
from .errors import SqlError, unsupported

HINT = re.compile(r"\bBY\s+SOURCE\b.*\bWHEN\b|\bNOT\s+MATCHED\b.*\bWHEN\s+MATCHED\b|\*\s*EXCEPT\b", re.I | re.S)


def rewrite(world, call, text: str) -> str:
    if not HINT.search(text) or not re.search(r"\bMERGE\b", text, re.I):
        return text
    t = tokenize(text)
    words = [x.text.upper() if kind(x) not in ("IDENTIFIER", "STRING") else "" for x in t]
    if "MERGE" not in words or "INTO" not in words:
        return text
    text = in_order(text, t, words)
    t = tokenize(text)
    words, edits = [x.text.upper() if kind(x) not in ("IDENTIFIER", "STRING") else "" for x in t], Edits(text)
    for i in range(1, len(t) - 1):
        if kind(t[i]) == "STAR" and words[i + 1] == "EXCEPT" and words[i - 1] in ("SET", "INSERT"):
            if "EVOLUTION" in words:
                raise unsupported("MERGE WITH SCHEMA EVOLUTION and * EXCEPT: write the columns out")
            end = closing(t, i + 2, text)
            left_out = [x.text.lower() for x in t[i + 3:end] if kind(x) != "COMMA"]
            edits.replace(t[i].start, t[end].end + 1, written_out(world, call, t, words, left_out, words[i - 1]))
    return edits.apply()


def in_order(text: str, t: list, words: list) -> str:
    """MATCHED, then NOT MATCHED, then NOT MATCHED BY SOURCE: the order among clauses of one kind decides, that of the kinds does not."""
    found, depth = [], 0
    for i in range(len(t)):
        depth += (kind(t[i]) == "L_PAREN") - (kind(t[i]) == "R_PAREN") + (words[i] == "CASE") - (words[i] == "END")
        if depth == 0 and words[i] == "WHEN" and "MATCHED" in words[i + 1:i + 3]:
            found.append((0 if words[i + 1] == "MATCHED" else 2 if words[i + 3:i + 5] == ["BY", "SOURCE"] else 1, t[i].start))
    if [k for k, _ in found] == sorted(k for k, _ in found):
        return text
    end = t[-1].start if kind(t[-1]) == "SEMICOLON" else len(text)
    ends = [start for _, start in found[1:]] + [end]
    clauses = sorted(((k, text[start:stop].strip()) for (k, start), stop in zip(found, ends)), key=lambda c: c[0])
    return text[:found[0][1]] + "\n".join(c for _, c in clauses)


def written_out(world, call, t: list, words: list, left_out: list, verb: str) -> str:
    target = full_name(name_at(t, words.index("INTO") + 1)[0], call.catalog, call.schema)
    columns = [f["name"] for f in world.objects.columns(target)]
    if unknown := [c for c in left_out if c not in [x.lower() for x in columns]]:
        raise SqlError(f"[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A column with name `{unknown[0]}` cannot be resolved. SQLSTATE: 42703", "42703")
    source = quoted(alias(t, words))
    kept = [quoted(c) for c in columns if c.lower() not in left_out]
    if verb == "SET":
        return ", ".join(f"{c} = {source}.{c}" for c in kept)
    return f"({', '.join(kept)}) VALUES ({', '.join(f'{source}.{c}' for c in kept)})"


def alias(t: list, words: list) -> str:
    """By what name the source's columns are called."""
    i = words.index("USING") + 1
    name = None
    if kind(t[i]) == "L_PAREN":
        after = closing(t, i) + 1
    else:
        parts, after = name_at(t, i)
        name = parts[-1]
    if words[after] == "AS":
        after += 1
    if words[after] != "ON" and kind(t[after]) in ("VAR", "IDENTIFIER"):
        name = t[after].text
    if name is None:
        raise unsupported("* EXCEPT in a MERGE whose source has no name")
    return name
