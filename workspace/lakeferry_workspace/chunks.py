"""Cuts a result into chunks and encodes them, in the worker thread: the event loop never does it."""
import csv
import io
import json
import re
from dataclasses import dataclass

import pyarrow as pa

from .errors import SqlError

INLINE_LIMIT = 25 << 20


@dataclass(frozen=True)
class Shape:
    """How a result is to be handed out."""
    disposition: str = "INLINE"
    form: str = "JSON_ARRAY"
    byte_limit: int | None = None
    chunk_rows: int = 10_000
    compressed: bool = False


class Chunk:
    def __init__(self, index: int, offset: int, rows, data: bytes, inline: bool):
        self.about = {"chunk_index": index, "row_offset": offset, "row_count": len(rows), "byte_count": len(data)}
        self.rows, self.data = (rows, None) if inline else (None, data)


def encode(rows, columns: list, form: str, first: bool) -> bytes:
    if form == "ARROW_STREAM":
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as out:
            out.write_table(rows)
        return sink.getvalue().to_pybytes()
    if form == "CSV":
        text = io.StringIO()
        out = csv.writer(text, lineterminator="\n")
        if first:  # only the first chunk has the names
            out.writerow([c["name"] for c in columns])
        out.writerows([["null" if v is None else v for v in row] for row in rows])
        return text.getvalue().encode()
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode()


ARROW = {"LONG": (pa.int64(), int), "INT": (pa.int32(), int), "SHORT": (pa.int16(), int), "BOOLEAN": (pa.bool_(), lambda v: str(v).lower() == "true")}


def as_table(columns: list, rows: list):
    """Rows of texts that no Spark query made (GRANT, COPY INTO, counts, lists), for a client that wants Arrow."""
    arrays = []
    for i, c in enumerate(columns):
        kind, read = ARROW.get(c["type_name"], (pa.string(), str))
        arrays.append(pa.array([None if r[i] is None else read(r[i]) for r in rows], kind))
    return pa.table(arrays, names=[c["name"] for c in columns]) if columns else []


class TooLarge(SqlError):
    def __init__(self):
        super().__init__(f"Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size of at most "
                         f"{INLINE_LIMIT} bytes. Please execute the statement with disposition=EXTERNAL_LINKS if you want to download "
                         "the full result.")


def within(rows, limit: int):
    """The first rows, as many as have no more than `limit` bytes together."""
    if isinstance(rows, list):
        total = 0
        for n, row in enumerate(rows):
            total += sum(len(v.encode()) for v in row if v is not None)
            if total > limit:
                return rows[:n]
        return rows
    low, high = 0, rows.num_rows  # of an Arrow table, by halving
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if rows.slice(0, middle).nbytes <= limit else (low, middle - 1)
    return rows.slice(0, low)


def cut(columns: list, rows, truncated: bool, shape: Shape) -> tuple[list[Chunk], bool]:
    if shape.form == "ARROW_STREAM" and isinstance(rows, list):
        rows = as_table(columns, rows)
    if shape.byte_limit is not None:
        kept = within(rows, shape.byte_limit)
        rows, truncated = kept, truncated or len(kept) < len(rows)
    chunks, size, inline = [], 0, shape.disposition == "INLINE"
    for offset in range(0, len(rows), shape.chunk_rows):
        part = rows[offset:offset + shape.chunk_rows] if isinstance(rows, list) else rows.slice(offset, shape.chunk_rows)
        data = encode(part, columns, shape.form, not chunks)
        size += len(data)
        if inline and size > INLINE_LIMIT:
            raise TooLarge
        chunks.append(Chunk(len(chunks), offset, part, data, inline))
        if shape.compressed:
            chunks[-1].data = pa.compress(data, codec="lz4", asbytes=True)  # the frame format
    return chunks, truncated


def seconds(text, default: str) -> int:
    """'0s' or '5s' to '50s'; anything else is None."""
    m = re.fullmatch(r"(\d{1,3})s", text if isinstance(text, str) else default if text is None else "")
    return int(m[1]) if m and (int(m[1]) == 0 or 5 <= int(m[1]) <= 50) else -1
