"""Cuts a result into chunks and encodes them, in the worker thread: the event loop never does it."""
import csv
import io
import json
import re

import pyarrow as pa

from .errors import SqlError

CHUNK_ROWS = 10_000
INLINE_LIMIT = 25 << 20


class Chunk:
    def __init__(self, index: int, offset: int, rows, data: bytes, inline: bool):
        self.about = {"chunk_index": index, "row_offset": offset, "row_count": len(rows), "byte_count": len(data)}
        self.rows, self.data = (rows, None) if inline else (None, data)


def encode(rows, columns: list, form: str) -> bytes:
    if form == "ARROW_STREAM":
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as out:
            out.write_table(rows)
        return sink.getvalue().to_pybytes()
    if form == "CSV":
        text = io.StringIO()
        out = csv.writer(text, lineterminator="\n")
        out.writerow([c["name"] for c in columns])
        out.writerows([["null" if v is None else v for v in row] for row in rows])
        return text.getvalue().encode()
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode()


def as_table(columns: list, rows: list):
    """Rows that no Spark query made (GRANT, COPY INTO, counts), for a client that wants Arrow."""
    arrays = [pa.array([int(r[i]) if c["type_name"] == "LONG" and r[i] is not None else r[i] for r in rows],
                       pa.int64() if c["type_name"] == "LONG" else pa.string()) for i, c in enumerate(columns)]
    return pa.table(arrays, names=[c["name"] for c in columns]) if columns else []


def cut(columns: list, rows, truncated: bool, form: str, inline: bool, byte_limit: int | None) -> tuple[list[Chunk], bool]:
    if form == "ARROW_STREAM" and isinstance(rows, list):
        rows = as_table(columns, rows)
    if byte_limit is not None and isinstance(rows, list):
        total = 0
        for n, row in enumerate(rows):
            total += sum(len(v.encode()) for v in row if v is not None)
            if total > byte_limit:
                rows, truncated = rows[:n], True
                break
    chunks, size = [], 0
    for offset in range(0, len(rows), CHUNK_ROWS):
        part = rows[offset:offset + CHUNK_ROWS] if isinstance(rows, list) else rows.slice(offset, CHUNK_ROWS)
        chunks.append(Chunk(len(chunks), offset, part, encode(part, columns, form), inline))
        size += chunks[-1].about["byte_count"]
        if inline and size > INLINE_LIMIT:
            raise SqlError(f"Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size of at most "
                           f"{INLINE_LIMIT} bytes. Please execute the statement with disposition=EXTERNAL_LINKS if you want to download "
                           "the full result.")
    return chunks, truncated


def seconds(text, default: str) -> int:
    """'0s' or '5s' to '50s'; anything else is None."""
    m = re.fullmatch(r"(\d{1,3})s", text if isinstance(text, str) else default if text is None else "")
    return int(m[1]) if m and (int(m[1]) == 0 or 5 <= int(m[1]) <= 50) else -1
