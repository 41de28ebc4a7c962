"""`workspace/setup`: virtual environment, Delta's jars, the catalog plugin. Does only what is missing.

Runs on a bare Python 3.11: standard library only.
"""
import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lakeferry_workspace.places import SOURCE, home, plugin  # noqa: E402

# Only these: the other transitive jars come with pyspark in other versions, and two copies of a class clash.
WANTED_JARS = ("delta-kernel-api-", "delta-kernel-defaults-", "delta-kernel-unitycatalog-", "delta-spark_", "delta-storage-",
               "unitycatalog-client-", "unitycatalog-hadoop-")
APT = {"javac": "openjdk-17-jdk-headless", "jar": "openjdk-17-jdk-headless", "java": "openjdk-17-jre-headless", "mvn": "maven"}


class SetupError(Exception):
    pass


class Setup:
    def __init__(self, quiet: bool):
        self.home, self.quiet = home(), quiet
        self.stamps = self.home / "stamps.json"
        self.done = json.loads(self.stamps.read_text()) if self.stamps.exists() else {}

    def say(self, text):
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def step(self, name: str, inputs: list, outputs: list[Path], work):
        """Runs `work` unless it was done for the same inputs and its outputs are still there."""
        digest = hashlib.sha256("\0".join(map(str, inputs)).encode()).hexdigest()
        if self.done.get(name) == digest and all(p.exists() for p in outputs):
            return
        self.say(f"workspace/setup: {name} …")
        began = time.monotonic()
        work()
        self.done[name] = digest
        self.stamps.write_text(json.dumps(self.done, indent=1))
        self.say(f"workspace/setup: {name}: done in {time.monotonic() - began:.1f} s")

    def command(self, *words, cwd=None):
        words = [str(w) for w in words]
        run = subprocess.run(words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if run.returncode:
            raise SetupError(f"{' '.join(words[:6])} … failed with status {run.returncode}:\n{run.stdout[-3000:]}")

    @property
    def python(self) -> Path:
        return self.home / "venv" / "bin" / "python"

    def make_venv(self):
        shutil.rmtree(self.home / "venv", ignore_errors=True)
        self.command(sys.executable, "-m", "venv", self.home / "venv")

    def pip(self, file: str):
        self.command(self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", SOURCE / file)
        self.installed(file).touch()

    def installed(self, file: str) -> Path:
        """A mark inside the environment: where that was removed, its packages are gone too."""
        return self.home / "venv" / f"installed-{file}"

    def fetch_jars(self):
        work, target = self.home / "maven", self.home / "jars"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        shutil.copy(SOURCE / "pom.xml", work)
        self.command("mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={work / 'all'}", cwd=work)
        target.mkdir(exist_ok=True)
        for old in target.glob("*.jar"):
            old.unlink()
        found = [jar for jar in (work / "all").glob("*.jar") if jar.name.startswith(WANTED_JARS)]
        if len(found) != len(WANTED_JARS):
            raise SetupError(f"Maven brought {len(found)} of the {len(WANTED_JARS)} Delta jars: {sorted(j.name for j in found)}")
        for jar in found:
            shutil.copy(jar, target)
        shutil.rmtree(work)

    def compile_plugin(self):
        (self.home / "classes.jsa").unlink(missing_ok=True)  # it is bound to the jars as they were
        classes, target = self.home / "classes", plugin(self.home)
        shutil.rmtree(classes, ignore_errors=True)
        classes.mkdir()
        target.parent.mkdir(exist_ok=True)
        sources = sorted(str(p) for p in (SOURCE / "java").glob("*.java"))
        self.command("javac", "-nowarn", "-cp", f"{self.pyspark()}/jars/*", "-d", classes, *sources)
        part = target.with_suffix(".part")
        self.command("jar", "cf", part, "-C", classes, ".")
        part.replace(target)
        shutil.rmtree(classes)

    def pyspark(self) -> Path:
        return next((self.home / "venv" / "lib").glob("python3*/site-packages/pyspark"))

    def archive_classes(self):
        self.command(self.python, "-m", "lakeferry_workspace.archive", cwd=SOURCE)

    def run(self, tests: bool, archive: bool):
        self.home.mkdir(parents=True, exist_ok=True)
        pom, java = (SOURCE / "pom.xml").read_text(), [p.read_text() for p in sorted((SOURCE / "java").glob("*.java"))]
        pins, test_pins = (SOURCE / "requirements.txt").read_text(), (SOURCE / "requirements-test.txt").read_text()
        venv = [sys.version, self.home]
        self.step("virtual environment", venv, [self.python], self.make_venv)
        self.step("Python packages", [*venv, pins], [self.installed("requirements.txt")], lambda: self.pip("requirements.txt"))
        if tests:
            self.step("Python packages for tests", [*venv, test_pins], [self.installed("requirements-test.txt")],
                      lambda: self.pip("requirements-test.txt"))
        self.step("Delta's jars", [pom, self.home], [self.home / "jars"], self.fetch_jars)
        made = plugin(self.home)
        self.step(f"catalog plugin {made.stem}", [self.home], [made], self.compile_plugin)
        if archive:
            self.step("class data archive", [*java, pom, pins, self.home], [self.home / "classes.jsa"], self.archive_classes)


def check_machine():
    """Everything that only the administrator can install, told in one line."""
    if sys.version_info < (3, 11):
        raise SetupError(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]} ({sys.executable})")
    missing = sorted({package for tool, package in APT.items() if not shutil.which(tool)})
    try:
        import ensurepip  # noqa: F401  python3-venv is a package of its own on Debian
        import venv  # noqa: F401
    except ImportError:
        missing.append("python3-venv")
    if missing:
        raise SetupError(f"missing on this machine; as root:\n  apt-get install -y --no-install-recommends {' '.join(missing)}")


def main():
    options = argparse.ArgumentParser(prog="workspace/setup", description=__doc__.split("\n")[0])
    options.add_argument("--quiet", action="store_true", help="say nothing unless it fails")
    options.add_argument("--brief", action="store_true", help="say only what is being done, nothing where all is there")
    options.add_argument("--tests", action="store_true", help="also install what the tests use (official clients, pytest)")
    options.add_argument("--archive", action="store_true", help="also write Java's class data archive: a minute of work and 180 MB, which "
                         "take 2 s off every start; worth it where the workspace is started often")
    o = options.parse_args()
    began = time.monotonic()
    try:
        check_machine()
        setup = Setup(o.quiet)
        setup.home.mkdir(parents=True, exist_ok=True)
        with (setup.home / "setup.lock").open("w") as lock:  # two starts at once must not install into each other
            fcntl.flock(lock, fcntl.LOCK_EX)
            Setup(o.quiet).run(o.tests, o.archive)
    except (SetupError, OSError) as error:
        print(f"workspace/setup: {error}", file=sys.stderr)
        return 1
    if not o.brief:
        setup.say(f"workspace/setup: ready in {home()} ({time.monotonic() - began:.1f} s)")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PIP_NO_INPUT", "1")
    sys.exit(main())
