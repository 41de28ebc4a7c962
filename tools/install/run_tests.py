"""The part of ./test that comes after the Debian packages: builds, runs every suite, adds up the results."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import threading
import time
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

sys.path.insert(0, str(Path(__file__).resolve().parent))

from python_env import PYTHON, ensure_python  # noqa: E402
from steps import LOGS, ROOT, StepFailed, Steps, last_lines, relative, run  # noqa: E402

RESULTS = ROOT / "build" / "results"
# What runs outside the event loop, on more than one thread: offload pool, log, store, resolution of a batch.
TSAN_TARGETS = ("unit_rt", "unit_obs", "unit_store", "unit_identity")
HELP = """Builds Lakeferry and runs every test. Debian packages that are missing are installed (as root, or with sudo); all else
stays below build/ in this folder. The last line is "N passed, N failed"; the exit status is 0 if none failed."""


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    names: list[str] = field(default_factory=list)   # of the failed ones
    said: dict[str, str] = field(default_factory=dict)   # what failed ones printed, by name

    def add(self, other: "Tally") -> None:
        self.passed, self.failed, self.skipped = self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        self.names += other.names
        self.said |= other.said

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def read_junit(path: Path) -> Tally:
    """Counts test cases in a JUnit file of ctest or pytest. A missing or broken file counts as one failure."""
    tally = Tally()
    try:
        cases = list(xml.parse(path).iter("testcase"))
    except (OSError, xml.ParseError) as error:
        return Tally(failed=1, names=[f"{path.stem}: no result file ({error})"])
    for case in cases:
        name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            tally.failed += 1
            tally.names.append(name)
            tally.said[name] = output_of(case)
        elif case.find("skipped") is not None or case.get("status") in ("disabled", "notrun"):
            tally.skipped += 1
        else:
            tally.passed += 1
    return tally


def output_of(case: xml.Element) -> str:
    """What a test printed: ctest has it in system-out, pytest in the text of the failure."""
    texts = [part.text for kind in ("failure", "error", "system-out") for part in case.iter(kind)]
    return "\n".join(text.strip() for text in texts if text and text.strip())


def finish(name: str, path: Path, log: Path, ended: StepFailed | None) -> Tally:
    """Counts a suite. A runner that failed without a failed case (a crash, nothing collected) is a failure, too."""
    tally = read_junit(path)
    if tally.failed == 0 and ended is not None:
        tally.add(Tally(failed=1, names=[f"{name}: {str(ended).splitlines()[0]}"]))
    elif tally.passed + tally.failed == 0:
        tally.add(Tally(failed=1, names=[f"{name}: no test was run; see {relative(log)}"]))
    return tally


def attempt(command: list[object], log_name: str, env: dict[str, str] | None = None, timeout_s: float = 3600) -> StepFailed | None:
    try:
        run(command, log_name, env=env, timeout_s=timeout_s)
    except StepFailed as failure:
        return failure
    return None


# ---- suites -----------------------------------------------------------------------------------------------------

def build(preset: str, targets: tuple[str, ...] = ()) -> None:
    run(["cmake", "--preset", preset, "-DBUILD_TESTING=ON"], f"configure-{preset}", f"if packages changed, remove build/{preset} and start again")
    chosen = ["--target", *targets] if targets else []
    run(["cmake", "--build", f"build/{preset}", "--parallel", "2", *chosen], f"build-{preset}", "read the first error in that output")


def existing(preset: str, targets: tuple[str, ...]) -> tuple[str, ...]:
    """Of some targets, those that the build knows."""
    known = run(["ninja", "-C", f"build/{preset}", "-t", "targets", "all"], f"targets-{preset}").read_text()
    return tuple(name for name in targets if f"\n{name}:" in known)


def cpp(preset: str, targets: tuple[str, ...] = ()) -> Tally:
    if targets:
        run(["cmake", "--preset", preset, "-DBUILD_TESTING=ON"], f"configure-{preset}")
        targets = existing(preset, targets)
    build(preset, targets)
    if not targets:
        shutil.rmtree(ROOT / "build" / preset / "statements", ignore_errors=True)  # what the daemon sends in tests: written anew
    result = RESULTS / f"{preset}.xml"
    # Tests of executables that were not built on purpose show up under this name.
    exclude = ["--exclude-regex", "_NOT_BUILT$|_replay$"] if targets else []
    sanitizers = {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1", "UBSAN_OPTIONS": "print_stacktrace=1",
                  "TSAN_OPTIONS": "second_deadlock_stack=1", "ASAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-19",
                  "TSAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-19"}
    ended = attempt(["ctest", "--test-dir", f"build/{preset}", "-j2", "--output-on-failure", "--no-tests=error", "--output-junit", result,
                     *exclude], f"test-{preset}", sanitizers)
    return finish(preset, result, LOGS / f"test-{preset}.log", ended)


def python_units() -> Tally:
    return pytest("python", ["tests/unit_py"])


def pytest(name: str, arguments: list[object], env: dict[str, str] | None = None) -> Tally:
    result = RESULTS / f"{name}.xml"
    ended = attempt([PYTHON, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-q", f"--junitxml={result}", *arguments],
                    f"test-{name}", env)
    return finish(name, result, LOGS / f"test-{name}.log", ended)


EVERY_STATEMENT = "tests/workspace/conformance/test_every_statement.py"


def workspace() -> Tally:
    result = RESULTS / "workspace.xml"
    ended = attempt([ROOT / "workspace" / "test", "-q", f"--junitxml={result}", f"--ignore={EVERY_STATEMENT}"], "test-workspace")
    return finish("workspace", result, LOGS / "test-workspace.log", ended)


def statements() -> Tally:
    """After the C++ tests, which gather them."""
    result = RESULTS / "statements.xml"
    ended = attempt([ROOT / "workspace" / "test", "-q", f"--junitxml={result}", EVERY_STATEMENT], "test-statements")
    return finish("statements", result, LOGS / "test-statements.log", ended)


class Release:
    """The binary that ./try and an installation use: what is measured and killed end to end is what runs there."""

    binary = ROOT / "build" / "release" / "lakeferry"

    def __init__(self) -> None:
        self._ended, self._built = threading.Event(), False

    def build(self) -> Tally:
        try:
            build("release", ("lakeferry",))
            self._built = True
        finally:
            self._ended.set()
        return Tally()

    def wait(self) -> Path:
        self._ended.wait()
        if not self._built:
            raise StepFailed("the release binary was not built", "see that step")
        return self.binary


RELEASE = Release()


def end_to_end() -> Tally:
    return pytest("e2e", ["tests/e2e"], {"LAKEFERRY_BINARY": str(RELEASE.wait())})


SUITES: dict[str, tuple[str, Callable[[], Tally]]] = {
    "python": ("Python tests: shop data, sender, reports", python_units),
    "workspace": ("The local workspace against Databricks' contract", workspace),
    "e2e": ("End to end: shop week on the local workspace, kill -9", end_to_end),
    "asan": ("C++ tests, unit and simulated, warnings as errors, under AddressSanitizer and UndefinedBehaviorSanitizer", lambda: cpp("asan")),
    "statements": ("Every statement that the daemon sends, on the local workspace and for a parser of Databricks' SQL", statements),
    "tsan": ("C++ tests of threaded code under ThreadSanitizer", lambda: cpp("tsan", TSAN_TARGETS)),
}
# By name only: the same tests as asan without sanitizers, quicker while one works on something.
ON_REQUEST: dict[str, tuple[str, Callable[[], Tally]]] = {
    "dev": ("C++ tests: build with warnings as errors, unit and simulated", lambda: cpp("dev")),
}


# Not a suite of its own: what end-to-end tests need first.
BINARY = ("Release binary", RELEASE.build)


def lanes(chosen: list[str]) -> list[list[tuple[str, str, Callable[[], Tally]]]]:
    """What runs beside what: compilers fill the cores while Spark waits for itself. Within a lane one after the other. The second
    lane compiles for ThreadSanitizer at its end; `statements` needs what the first lane's tests gathered."""
    all_suites = SUITES | ON_REQUEST
    first, second = (("asan", "dev", "statements", "python"), ("workspace", "e2e", "tsan"))
    compiled, others = ([(name, *all_suites[name]) for name in names if name in chosen] for names in (first, second))
    if "e2e" in chosen:
        compiled.insert(0, ("release", *BINARY))
    return [lane for lane in (compiled, others) if lane]


def install(chosen: list[str]) -> None:
    ensure_python()
    if {"workspace", "e2e", "statements"}.isdisjoint(chosen):
        return
    run([ROOT / "workspace" / "setup", "--tests"], "workspace-setup",
        "if a download failed, check the network and start again; finished parts are not repeated")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./test", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"run only these: {', '.join(SUITES)} (all of them, if none is named), {', '.join(ON_REQUEST)}")
    options = parser.parse_args()
    suites = SUITES | ON_REQUEST
    unknown = [name for name in options.suites if name not in suites]
    if unknown:
        parser.error(f"there is no suite '{unknown[0]}'; the suites are {', '.join(suites)}")
    os.chdir(ROOT)
    chosen = options.suites or list(SUITES)
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    total, began = Tally(), time.monotonic()
    side_by_side = lanes(chosen)
    steps = Steps(sum(map(len, side_by_side)) + 1, side_by_side=len(side_by_side) > 1)
    try:
        with steps.step("Install Python packages, Delta's jars"):
            install(chosen)
    except StepFailed:
        total.add(Tally(failed=1, names=["installation"]))
        side_by_side = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for tally in pool.map(lambda lane: run_lane(lane, steps), side_by_side):
            total.add(tally)
    return close(total, time.monotonic() - began)


def run_lane(lane: list[tuple[str, str, Callable[[], Tally]]], steps: Steps) -> Tally:
    total = Tally()
    for name, what, suite in lane:
        tally = Tally(failed=1, names=[f"{name}: could not be run"])
        try:
            with steps.step(what) as note:
                tally = suite()
                note.text = str(tally) if tally != Tally() else ""
        except StepFailed:
            pass                      # shown by the step; counted as one failure
        with steps.printing:
            show_failures(name, tally)
        total.add(tally)
    return total


def show_failures(name: str, tally: Tally) -> None:
    """With what the failed tests printed; with the end of the runner's log where they printed nothing (a crash, say)."""
    for failed in tally.names:
        print(f"    FAILED {failed}")
    shown = {failed: tally.said[failed] for failed in tally.names if tally.said.get(failed)}
    log = LOGS / f"test-{name}.log"
    if not shown and tally.names and log.exists():
        shown = {f"the end of {relative(log)}": last_lines(log, 40)}
    for what, text in list(shown.items())[:5]:
        print(f"    From {what}:")
        print("\n".join(f"    | {line[:400]}" for line in both_ends(text.splitlines(), 50)), flush=True)


def both_ends(lines: list[str], count: int) -> list[str]:
    """The first expectation that failed stands at the begin of a test's output, the cause of a crash at its end."""
    left_out = len(lines) - 2 * count
    return lines if left_out <= 0 else [*lines[:count], f"… {left_out} lines left out …", *lines[-count:]]


def close(total: Tally, seconds: float) -> int:
    if total.names:
        print(f"\nFailed, in {seconds:.0f} s:")
        for failed in total.names:
            print(f"  {failed}")
    else:
        print(f"\nEverything passed, in {seconds:.0f} s.")
    print(total, flush=True)
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
