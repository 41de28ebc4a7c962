"""The baseline on dlt, unmodified: its Databricks destination with files in a volume, which is its way without a bucket.

Set up as its documentation advises for speed: pages and not single rows, Parquet, normalization in as many processes as there are
cores, files small enough to share that work. The connector speaks Databricks' Statement Execution API (`use_sea`).
Repeated calls are dropped while reading: cheaper than a `merge`, though it knows repeats within one run only.

    with_dlt.py SPACE=FILE …       in the environment: WORKSPACE_HOST, WORKSPACE_PORT, WORKSPACE_TOKEN, WORKSPACE_PATH, WORKSPACE_CATALOG
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from itertools import islice
from pathlib import Path
from typing import Any, Iterator

import dlt
from rows import arrived, rows_of

PAGE = 5_000
os.environ |= {"NORMALIZE__WORKERS": str(os.cpu_count()), "NORMALIZE__DATA_WRITER__FILE_MAX_BYTES": str(64 << 20),
               "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": "50000", "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}


@dlt.resource(name="calls", write_disposition="append", max_table_nesting=0)
def calls(file: str) -> Iterator[Any]:
    seen: set[str] = set()
    with open(file, encoding="utf-8") as lines:
        while page := list(islice(lines, PAGE)):
            tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for call in map(json.loads, page):
                if call["messageId"] not in seen:
                    seen.add(call["messageId"])
                    for table, row in rows_of(call, arrived(call)):
                        tables[table].append(row)
            for table, rows in tables.items():
                yield dlt.mark.with_table_name(rows, table)


def main() -> None:
    settings = os.environ
    destination = dlt.destinations.databricks(credentials={
        "server_hostname": settings["WORKSPACE_HOST"], "http_path": settings["WORKSPACE_PATH"], "catalog": settings["WORKSPACE_CATALOG"],
        "access_token": settings["WORKSPACE_TOKEN"],
        "connection_parameters": {"_port": int(settings["WORKSPACE_PORT"]), "use_sea": True, "enable_telemetry": False}})
    for one in sys.argv[1:]:
        space, file = one.split("=", 1)
        pipeline = dlt.pipeline(f"calls_of_{space}", destination=destination, dataset_name=space,
                                pipelines_dir=str(Path(settings["WORK"]) / "pipelines"))
        pipeline.run(calls(file), loader_file_format="parquet").raise_on_failed_jobs()


if __name__ == "__main__":
    main()
