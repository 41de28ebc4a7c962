"""Names of columns and event tables."""

from __future__ import annotations

import hashlib
import re

_PLAIN = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_WORDS = re.compile(r"[A-Z0-9]*[a-z0-9]*")
MOST = 128

RESERVED_COLUMNS = set("""id user_id anonymous_id previous_id group_id event event_text received_at sent_at timestamp
original_timestamp uuid_ts loaded_at segment_id canonical_segment_id event_source_id merged_to seq etl_ts triggering_event_id
triggering_event_name triggering_event_type triggering_event_source_id triggering_event_source_name
triggering_event_source_slug""".split())
RESERVED_TABLES = set("""id_graph_updates external_id_mapping_updates profile_traits_updates id_graph profile_merges
external_id_mapping user_identifiers profile_traits user_traits identifies tracks pages screens groups aliases users
accounts""".split())


def _sha(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


def segment(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    name = "_".join(word.lower() for word in _WORDS.findall(text) if word)
    return name or "u_" + _sha(text)[:8]


def _cut(name: str) -> str:
    return name if len(name) <= MOST else f"{name[:119]}_{_sha(name)[:8]}"


def column(path: list[str]) -> str:
    """Of a trait or a property."""
    name = "_".join(segment(part) for part in path)
    return _cut("_" + name if name in RESERVED_COLUMNS or name.startswith("context_") else name)


def context_column(path: list[str]) -> str:
    return _cut("_".join(["context", *(segment(part) for part in path)]))


def event_table(event: str) -> str:
    name = _cut(segment(event))
    return "_" + name if name in RESERVED_TABLES else name


def identifier_hash(kind: str, value: str) -> str:
    return _sha(kind + value)
