"""Where things are. Standard library only: `setup` runs this before anything is installed."""
import hashlib
import os
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
ROOT = SOURCE.parent


def home() -> Path:
    """The folder that `setup` fills: virtual environment, jars, perhaps a class data archive."""
    return Path(os.environ.get("LAKEFERRY_WORKSPACE_HOME") or ROOT / "build" / "workspace").resolve()


def plugin(base: Path) -> Path:
    """The catalog plugin, by what it was made from: several checkouts may share one folder."""
    sources = [*sorted((SOURCE / "java").glob("*.java")), SOURCE / "pom.xml", SOURCE / "requirements.txt"]
    return base / "plugins" / f"{hashlib.sha256(b'|'.join(p.read_bytes() for p in sources)).hexdigest()[:16]}.jar"


def jars(base: Path) -> list[str]:
    return [*sorted(str(jar) for jar in (base / "jars").glob("[du]*.jar")), str(plugin(base))]
