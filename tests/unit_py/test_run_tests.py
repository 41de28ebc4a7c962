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
