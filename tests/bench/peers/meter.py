"""What a contender costs: wall time, CPU seconds and memory of its processes, CPU seconds of the workspace, and the workspace's own
account of statements, bytes and busy seconds."""

from __future__ import annotations

import json
import os
import resource
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.workspace_statements import cpu_seconds, tree
from e2e.stack import Workspace

SAMPLE_S = 0.5


@dataclass
class Figures:
    wall_s: float = 0
    cpu_s: float = 0                 # of the contender's processes
    peak_mib: float = 0              # of the contender's processes together, without who sends calls
    peak_with_sender_mib: float = 0
    statements: int = 0
    bytes: int = 0                   # bodies of requests to the workspace and of its answers
    busy_s: float = 0                # seconds in which the warehouse had a statement to execute
    workspace_cpu_s: float = 0

    def __str__(self) -> str:
        return json.dumps(asdict(self))


def memory_mib(pids: list[int]) -> float:
    """Proportional: what several processes share is counted once."""
    total = 0
    for pid in pids:
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total / 1024


class Account:
    """The workspace's ledger of one principal: what a contender sent, and what its warehouse did."""

    def __init__(self, workspace: Workspace, principal: str):
        self.workspace, self.principal = workspace, principal

    def read(self) -> tuple[int, int, float]:
        """(statements, bytes, busy seconds) so far."""
        ledger = self.workspace.control("GET", "ledger?limit=1")
        statements = total = 0
        for sums in ledger["totals"]:
            # Presigned links carry no credentials: who follows them has no name in the ledger.
            if sums["principal"] in (self.principal, None):
                statements += sums["calls"] if sums["call"] == "submit" else 0
                total += sums["bytes_in"] + sums["bytes_out"]
        return statements, total, sum(one["busy_seconds"] for one in ledger["warehouses"].values())


class Meter:
    """Measures what happens inside a `with`: all processes that this one starts there and waits for, the workspace not among them."""

    def __init__(self, account: Account):
        assert account.workspace.process is not None
        self.account, self.workspace = account, account.workspace.process.child.pid
        self.figures, self._over = Figures(), threading.Event()
        self.sender = 0                                       # process id of who sends calls over HTTP; 0: nobody

    def __enter__(self) -> "Meter":
        self._before = (self.account.read(), cpu_seconds(tree(self.workspace)), self._own_cpu(), time.monotonic())
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def __exit__(self, *_: Any) -> None:
        (statements, total, busy), workspace, own, began = self._before
        if not self.figures.wall_s:
            self.committed()
        self._over.set()
        self._watcher.join()
        now = self.account.read()
        self.figures.statements, self.figures.bytes = now[0] - statements, now[1] - total
        self.figures.busy_s = now[2] - busy
        self.figures.cpu_s = self._own_cpu() - own
        self.figures.workspace_cpu_s = cpu_seconds(tree(self.workspace)) - workspace

    def committed(self) -> None:
        """The last row is in its table: the clock stops, the processes may still end in order."""
        self.figures.wall_s = time.monotonic() - self._before[3]

    @staticmethod
    def _own_cpu() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_S):
            every = tree(os.getpid())
            theirs = {os.getpid(), *tree(self.workspace)}      # looked at later: what it has forked meanwhile is no contender's
            mine = [pid for pid in every if pid not in theirs]
            sender = memory_mib([self.sender]) if self.sender in mine else 0
            together = memory_mib(mine)
            self.figures.peak_mib = max(self.figures.peak_mib, together - sender)
            self.figures.peak_with_sender_mib = max(self.figures.peak_with_sender_mib, together)

