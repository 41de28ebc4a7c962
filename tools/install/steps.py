"""One line a step on the terminal: what it does, how long it took; when it fails, why and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "build" / "log"


class StepFailed(Exception):
    """`str()` says why, `cure` what to do about it, `log` where the whole output is."""

    def __init__(self, why: str, cure: str = "", log: Path | None = None):
        super().__init__(why)
        self.cure, self.log = cure, log


class Steps:
    def __init__(self, total: int, side_by_side: bool = False):
        """side_by_side: steps may run at the same time, in threads; each then has a line for its begin and one for its end."""
        self._total, self._number = total, 0
        self._terminal = sys.stdout.isatty() and not side_by_side
        self.printing = threading.RLock()   # whoever prints more than a line holds it

    @contextmanager
    def step(self, what: str) -> Iterator["Note"]:
        """Prints the line of a step around its work. A StepFailed is shown and passed on."""
        with self.printing:
            self._number += 1
            head = f"[{self._number}/{self._total}] {what}"
            print(f"{head} …", end="" if self._terminal else "\n", flush=True)
        note, began = Note(), time.monotonic()
        try:
            yield note
        except StepFailed as failure:
            with self.printing:
                self._close(f"{head}: FAILED after {time.monotonic() - began:.1f} s")
                explain(failure)
            raise
        text = f" ({note.text})" if note.text else ""
        with self.printing:
            self._close(f"{head}{text}: {time.monotonic() - began:.1f} s")

    def _close(self, text: str) -> None:
        print(f"\r\033[K{text}" if self._terminal else f"  {text}", flush=True)


class Note:
    text = ""   # set inside a step: stands in brackets on its line


def explain(failure: StepFailed) -> None:
    for line in str(failure).strip().splitlines():
        print(f"    {line}")
    if failure.log is not None:
        print(f"    Whole output: {relative(failure.log)}")
    if failure.cure:
        print(f"    What to do: {failure.cure}")


def relative(path: Path) -> str:
    try:
        return str(path.relative_to(ROOT))
    except ValueError:
        return str(path)


def last_lines(path: Path, count: int = 25) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return "(no output)"


def run(command: Sequence[object], log_name: str, cure: str = "", env: dict[str, str] | None = None,
        timeout_s: float | None = None) -> Path:
    """Runs a command with its output in build/log/<log_name>.log; raises StepFailed with the end of that output."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{log_name}.log"
    words = [str(word) for word in command]
    shown = " ".join(relative(Path(word)) if word.startswith("/") else word for word in words)
    with log.open("w") as sink:
        sink.write(f"$ {shown}\n")
        sink.flush()
        try:
            result = subprocess.run(words, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                    env={**os.environ, **(env or {})}, timeout=timeout_s)
        except FileNotFoundError as error:
            raise StepFailed(f"{error.filename} is not there", cure, log) from error
        except subprocess.TimeoutExpired as error:
            raise StepFailed(f"{shown} did not end within {timeout_s:.0f} s:\n{last_lines(log)}", cure, log) from error
    if result.returncode != 0:
        raise StepFailed(f"{shown} ended with status {result.returncode}:\n{last_lines(log)}", cure, log)
    return log
