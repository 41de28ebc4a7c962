"""Statements out of a text: cut at semicolons, though not at those in quotes, comments and scripts (BEGIN … END). Standard library only."""
import re

PIECE = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`|--[^\n]*|/\*.*?\*/|(?P<open>['"`]|/\*)|(?P<end>;)|(?P<word>\w+)|(?P<other>\S)|\s+""", re.S)
INNER = {"IF", "WHILE", "LOOP", "REPEAT", "FOR"}  # END IF ends no block that BEGIN or CASE has begun


def split(text: str) -> tuple[list[str], str]:
    """(statements that a semicolon has ended, what is left)"""
    found, start, script, words, depth = [], 0, False, 0, 0
    last = ""
    for m in PIECE.finditer(text):
        if m["open"]:
            break  # a quote or a comment that goes on
        if m["end"] and not (script and depth > 0):
            found.append(text[start:m.start()])
            start, script, words, depth, last = m.end(), False, 0, 0, ""
        elif m["word"]:
            word, words = m["word"].upper(), words + 1
            script = script or word == "BEGIN" and (words == 1 or words == 2 and last == ":")
            if word in ("BEGIN", "CASE") and last != "END":
                depth += 1
            elif word == "END":
                depth -= 1
            elif word in INNER and last == "END":
                depth += 1
            last = word
        elif m["other"]:
            last = m["other"]
    return [s.strip() for s in found if says_something(s)], text[start:]


def says_something(text: str) -> bool:
    """More than space and comments."""
    return any(not re.match(r"\s|--|/\*", m[0]) for m in PIECE.finditer(text))
