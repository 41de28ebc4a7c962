"""Where things are. Standard library only: `setup` runs this before anything is installed."""
import os
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
ROOT = SOURCE.parent


def home() -> Path:
    """The folder that `setup` fills: virtual environment, jars, perhaps a class data archive."""
    return Path(os.environ.get("LAKEFERRY_WORKSPACE_HOME") or ROOT / "build" / "workspace").resolve()


def jars(base: Path) -> list[str]:
    return sorted(str(jar) for jar in (base / "jars").glob("*.jar"))
