#!/usr/bin/env python3
"""Writes a week of a small shop as Segment calls (NDJSON), the same for the same seed.

  generate.py --out week.ndjson.gz                    the whole week, for `lakeferry import`
  generate.py --out first.ndjson.gz --api rest.ndjson the first half of the calls for a file, the second half for HTTP
  generate.py --calls 5000000 --people 400000 --out big.ndjson.gz

Besides good calls the week holds duplicates, late calls and malformed ones, as real streams do. A line has the
`writeKey` of its source. The summary (stdout, one JSON object) says how many of what.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import sys
from collections import Counter
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Iterator

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from shop import api_half  # noqa: E402
from shop.week import DEFAULT_START, Item, Settings, compact, count, parse_start, week  # noqa: E402


def file_line(item: Item) -> bytes:
    return item.raw if item.raw is not None else compact(item.call).encode("utf-8", "surrogatepass")


def _open(path: str, stack: ExitStack) -> BinaryIO:
    if path == "-":
        return sys.stdout.buffer
    raw = stack.enter_context(open(path, "wb"))
    if not path.endswith(".gz"):
        return raw
    # No file name and no time in the header: the same seed gives the same bytes.
    packed = stack.enter_context(gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=5, mtime=0))
    return stack.enter_context(io.BufferedWriter(packed, 1 << 20))   # type: ignore[arg-type]


def write(settings: Settings, out: str | None, api: str | None) -> dict[str, Counter]:
    """Writes the files and returns the counts of each half."""
    counts = {"file": Counter(), "api": Counter()}

    def counted(half: str, items: Iterator[Item]) -> Iterator[Item]:
        for item in items:
            count(counts[half], item)
            yield item

    stream = week(settings)
    in_file = settings.calls // 2 if api is not None else settings.calls
    with ExitStack() as stack:
        sink = _open(out, stack) if out is not None else None
        for item in counted("file", islice(stream, in_file)):
            if sink is not None:
                # Exports have empty lines, too; they are nothing to complain about.
                sink.write(file_line(item) + (b"\n" if item.raw is None else b"\n\n"))
        if api is not None:
            target = _open(api, stack)
            for line in api_half.lines(counted("api", stream), settings.write_keys):
                target.write(compact(line).encode("utf-8", "surrogatepass") + b"\n")
    return counts


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", metavar="FILE", help="calls for `lakeferry import`; .gz is compressed, - is stdout")
    parser.add_argument("--api", metavar="FILE", help="write the second half of the week here, for send.py")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=2_000)
    parser.add_argument("--calls", type=int, default=25_000)
    parser.add_argument("--start", default=DEFAULT_START, metavar="YYYY-MM-DD", help="first day of the week (UTC)")
    options = parser.parse_args(arguments)
    if options.out is None and options.api is None:
        parser.error("nothing to write: give --out FILE, --api FILE or both")
    if options.people < 1 or options.calls < 0:
        parser.error("--people must be 1 or more, --calls 0 or more")
    try:
        options.start = parse_start(options.start)
    except ValueError:
        parser.error(f"--start must be a date such as {DEFAULT_START}, not '{options.start}'")
    return options


def main(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    settings = Settings(seed=options.seed, people=options.people, calls=options.calls, start=options.start)
    try:
        counts = write(settings, options.out, options.api)
    except OSError as error:
        print(f"generate.py: cannot write {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    summary = {half: dict(sorted(counter.items())) for half, counter in counts.items() if counter}
    print(json.dumps(summary, indent=1), file=sys.stderr if options.out == "-" or options.api == "-" else sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
