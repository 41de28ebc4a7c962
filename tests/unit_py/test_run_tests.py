"""The counting behind ./test's last line."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "install"))

import run_tests                     # noqa: E402
from steps import StepFailed         # noqa: E402

CTEST = """<?xml version="1.0"?><testsuite name="x" tests="4" failures="1" disabled="1" skipped="1">
<testcase name="a.one" classname="a.one" status="run"/><testcase name="a.two" classname="a.two" status="fail"><failure message=""/></testcase>
<testcase name="a.three" classname="a.three" status="disabled"/><testcase name="a.four" status="notrun"><skipped message="x"/></testcase>
</testsuite>"""
PYTEST = """<?xml version="1.0"?><testsuites><testsuite name="pytest" tests="3" errors="1" failures="0" skipped="1">
<testcase classname="t.m" name="ok"/><testcase classname="t.m" name="broken"><error message="fixture"/></testcase>
<testcase classname="t.m" name="left_out"><skipped message="why"/></testcase></testsuite></testsuites>"""


@pytest.mark.parametrize("text, expected", ((CTEST, (1, 1, 2)), (PYTEST, (1, 1, 1)), ("<testsuite/>", (0, 0, 0)), ("<oops", (0, 1, 0))))
def test_counts(tmp_path, text, expected):
    (tmp_path / "r.xml").write_text(text)
    tally = run_tests.read_junit(tmp_path / "r.xml")
    assert (tally.passed, tally.failed, tally.skipped) == expected


def test_a_missing_result_file_is_a_failure(tmp_path):
    assert run_tests.read_junit(tmp_path / "none.xml").failed == 1


def test_a_runner_that_died_is_a_failure_even_if_its_cases_passed(tmp_path):
    (tmp_path / "r.xml").write_text('<testsuite><testcase name="a"/></testsuite>')
    tally = run_tests.finish("dev", tmp_path / "r.xml", tmp_path / "log", StepFailed("ctest ended with status 139:\nmore"))
    assert (tally.passed, tally.failed, tally.names) == (1, 1, ["dev: ctest ended with status 139:"])


def test_a_suite_without_tests_is_a_failure(tmp_path):
    (tmp_path / "r.xml").write_text("<testsuite/>")
    assert run_tests.finish("e2e", tmp_path / "r.xml", tmp_path / "log", None).failed == 1


@pytest.mark.parametrize("tally, line, status", (
    (run_tests.Tally(3, 0), "3 passed, 0 failed", 0), (run_tests.Tally(3, 1, 0, ["x"]), "3 passed, 1 failed", 1),
    (run_tests.Tally(2, 0, 1), "2 passed, 0 failed, 1 skipped", 0), (run_tests.Tally(0, 0), "0 passed, 0 failed", 1)))
def test_the_last_line_stands_alone(capsys, tally, line, status):
    assert run_tests.close(tally, 1.0) == status
    assert capsys.readouterr().out.splitlines()[-1] == line


def test_compilers_and_spark_run_side_by_side_and_the_binary_comes_first():
    names = [[name for name, _, _ in lane] for lane in run_tests.lanes(["tsan", "statements", "python", "workspace", "e2e", "asan"])]
    assert names == [["release", "asan", "statements", "python"], ["workspace", "e2e", "tsan"]]
    assert [[name for name, _, _ in lane] for lane in run_tests.lanes(["e2e"])] == [["release"], ["e2e"]]
    assert [[name for name, _, _ in lane] for lane in run_tests.lanes(["asan"])] == [["asan"]]
    assert [[name for name, _, _ in lane] for lane in run_tests.lanes(["tsan"])] == [["tsan"]]


def test_end_to_end_tests_fail_when_their_binary_was_not_built(monkeypatch):
    release = run_tests.Release()

    def broken(*_):
        raise StepFailed("ninja ended with status 1")
    monkeypatch.setattr(run_tests, "build", broken)
    with pytest.raises(StepFailed, match="ninja"):
        release.build()
    with pytest.raises(StepFailed, match="release binary was not built"):
        release.wait()


def test_a_lane_goes_on_after_a_suite_that_could_not_be_run(capsys):
    def broken():
        raise StepFailed("no compiler", "install one")
    steps = run_tests.Steps(2, side_by_side=True)
    total = run_tests.run_lane([("asan", "C++ tests", broken), ("tsan", "Threads", lambda: run_tests.Tally(passed=3))], steps)
    assert (total.passed, total.failed, total.names) == (3, 1, ["asan: could not be run"])
    out = capsys.readouterr().out
    assert "[1/2] C++ tests: FAILED" in out and "What to do: install one" in out and "[2/2] Threads (3 passed, 0 failed)" in out


def test_a_failure_is_shown_with_what_the_test_printed(tmp_path, capsys):
    lines = "\n".join(f"line {n}" for n in range(200))
    (tmp_path / "r.xml").write_text(f"""<testsuite><testcase classname="A" name="ctest" status="fail"><failure message=""/>
        <system-out>{lines}</system-out></testcase>
        <testcase classname="B" name="pytest"><failure message="no">assert 1 == 2</failure></testcase></testsuite>""")
    run_tests.show_failures("none", run_tests.read_junit(tmp_path / "r.xml"))
    shown = capsys.readouterr().out
    assert "    | line 0\n" in shown and "    | line 199\n" in shown and "100 lines left out" in shown and "line 100\n" not in shown
    assert "FAILED B.pytest" in shown and "    | assert 1 == 2" in shown
