"""What must survive a restart beside the data itself: owners, comments, volumes, grants, principals' secrets. One JSON file."""
import json
import os
import threading
from pathlib import Path


class Store:
    SECTIONS = ("objects", "grants", "secrets", "tokens")

    def __init__(self, path: Path):
        self.path, self.lock = path, threading.RLock()
        self.fresh = not path.exists()
        try:
            self.data = {} if self.fresh else json.loads(path.read_text())
        except ValueError as error:
            raise ValueError(f"{path} is not readable: {error}. Start with --fresh, or remove the folder.") from None
        for section in self.SECTIONS:
            self.data.setdefault(section, {})

    def section(self, name: str) -> dict:
        return self.data[name]

    def save(self):
        with self.lock:
            part = self.path.with_suffix(".part")
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as out:
                json.dump(self.data, out, indent=1, sort_keys=True)
            part.replace(self.path)
