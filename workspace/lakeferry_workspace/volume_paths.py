"""Paths of the form /Volumes/<catalog>/<schema>/<volume>/…: which volume, which local file. Nothing leads out of a volume."""
import re
from dataclasses import dataclass
from pathlib import Path


LONGEST = 1024  # bytes of a path, as the keys of object stores


class BadPath(ValueError):
    pass


def valid_name(name: str) -> bool:
    """Of a volume, as Unity Catalog's names are: a folder of that name leads nowhere else."""
    return 0 < len(name) <= 255 and not re.search(r"[\x00-\x20\x7f./\\]", name)


@dataclass(frozen=True)
class VolumePath:
    volume: tuple  # (catalog, schema, volume) in lower case
    rest: tuple  # the segments below it

    @property
    def text(self) -> str:
        return "/" + "/".join(("Volumes", *self.volume, *self.rest))

    def local(self, root: Path) -> Path:
        return root.joinpath(*self.volume, *self.rest)

    def child(self, name: str) -> "VolumePath":
        return parse(f"{self.text}/{name}")


def parse(path: str) -> VolumePath:
    """Refuses what object stores refuse or what would be another file here: '..', '.', empty segments, NUL."""
    plain = path.removeprefix("dbfs:")
    if not plain.startswith("/Volumes/"):
        raise BadPath(f"The path '{path}' is not a volume path: it must begin with /Volumes/<catalog>/<schema>/<volume>.")
    parts = plain.removeprefix("/Volumes/").removesuffix("/").split("/")
    if len(parts) < 3:
        raise BadPath(f"The path '{path}' is too short: it must begin with /Volumes/<catalog>/<schema>/<volume>.")
    try:
        length = len(plain.encode())
    except UnicodeEncodeError:
        raise BadPath(f"The path {ascii(path)} is not valid UTF-8.") from None
    if length > LONGEST:
        raise BadPath(f"The path is too long: {length} bytes, at most {LONGEST} are allowed.")
    for part in parts:
        if part in ("", ".", "..") or "\0" in part or "\\" in part or len(part.encode()) > 255:
            raise BadPath(f"The path '{path}' has the invalid segment '{part}'.")
    return VolumePath(tuple(p.lower() for p in parts[:3]), tuple(parts[3:]))
