"""The Python environment of the shop sender and of the tests: build/python, from tests/support/requirements.txt."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from steps import ROOT, StepFailed, run

HOME = ROOT / "build" / "python"
PYTHON = HOME / "bin" / "python"
REQUIREMENTS = ROOT / "tests" / "support" / "requirements.txt"


def _wanted() -> str:
    return hashlib.sha256(f"{sys.version}\n{HOME}\n{REQUIREMENTS.read_text()}".encode()).hexdigest()


def ensure_python() -> str:
    """Installs what is missing; says in a word what it did."""
    stamp = HOME / "installed"
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == _wanted():
        return "already there"
    # Debian's interpreter, so that an environment does not hang on a version manager of one user.
    base = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    shutil.rmtree(HOME, ignore_errors=True)
    run([base, "-m", "venv", HOME], "python-venv", "install Debian's python3-venv")
    # Ask twice: package indexes refuse now and then.
    install = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r", REQUIREMENTS]
    cure = "check the network and pip's configuration (pip config list), then start again; finished steps are not repeated"
    try:
        run(install, "python-packages", cure)
    except StepFailed:
        run(install, "python-packages", cure)
    stamp.write_text(_wanted())
    return "installed"
