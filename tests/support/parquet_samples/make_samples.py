"""Writes the Parquet files of this folder, with a writer that has nothing to do with ours (pyarrow)."""
# Usage: python make_samples.py [folder]; needs pyarrow. The files are kept, so that tests need no pyarrow.

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema([
    pa.field("id", pa.string(), nullable=False),
    pa.field("name", pa.string()),
    pa.field("seq", pa.int64()),
    pa.field("at", pa.timestamp("us", tz="UTC")),
    pa.field("price", pa.float64()),
    pa.field("paid", pa.bool_()),
    pa.field("nothing", pa.string()),
])
START = datetime(2026, 1, 31, 23, 59, 59, 123456, timezone.utc)


def rows(count: int) -> pa.Table:
    """Row i, as the tests compute it again."""
    def some(every: int, value):
        return [None if i % every == every - 1 else value(i) for i in range(count)]

    return pa.table({
        "id": [f"id-{i}" for i in range(count)],
        "name": some(3, lambda i: ["", "Zoë", "a\nb\"c", "日本"][i % 4]),
        "seq": some(5, lambda i: 9_007_199_254_740_993 - 1_000 * i * i),
        "at": some(4, lambda i: START + timedelta(microseconds=i)),
        "price": some(6, lambda i: i / 4 - 1),
        "paid": some(7, lambda i: i % 2 == 0),
        "nothing": [None] * count,
    }, schema=SCHEMA)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    common = {"store_schema": False, "data_page_version": "1.0"}
    # Dictionaries, two row groups, the last of one row.
    pq.write_table(rows(21), folder / "dictionary_zstd.parquet", compression="zstd", row_group_size=20, **common)
    # Plain values, checksums, gzip.
    pq.write_table(rows(30), folder / "plain_gzip.parquet", compression="gzip", use_dictionary=False,
                   write_page_checksum=True, **common)
    # Dictionaries and no codec; several pages a column.
    pq.write_table(rows(40), folder / "pages_uncompressed.parquet", compression="none", write_batch_size=8,
                   data_page_size=16, **common)
    # What the reader refuses.
    pq.write_table(rows(3), folder / "refused_snappy.parquet", compression="snappy", **common)
    pq.write_table(rows(3), folder / "refused_v2.parquet", compression="none", store_schema=False,
                   data_page_version="2.0")


main()
