"""Which workspaces run on this machine: each leaves a note while it does, so that the command lines find it.

Standard library only. A note holds the state folder and the process, no secret."""

import json
import os
from pathlib import Path

from .places import home


def notes() -> Path:
    return home() / "running"


def announce(state: Path):
    """Only a convenience: where the folder cannot be written, the commands want --state."""
    try:
        notes().mkdir(exist_ok=True)
        part = notes() / f".{os.getpid()}"
        part.write_text(json.dumps({"pid": os.getpid(), "state": str(state)}))
        part.replace(notes() / f"{os.getpid()}.json")
    except OSError:
        pass


def withdraw():
    try:
        (notes() / f"{os.getpid()}.json").unlink(missing_ok=True)
    except OSError:
        pass


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True


def states() -> list[Path]:
    """The state folders of those that run. What a killed one left behind is cleared away."""
    found = []
    for file in sorted(notes().glob("[0-9]*.json")):
        try:
            note = json.loads(file.read_text())
            about = Path(note["state"]) / "workspace.json"
            if alive(note["pid"]) and json.loads(about.read_text())["pid"] == note["pid"]:
                found.append(Path(note["state"]))
                continue
        except (OSError, ValueError, KeyError, TypeError):
            pass
        file.unlink(missing_ok=True)
    return found
