"""send.py against a server that keeps what it gets: nothing lost, nothing reordered, failures noticed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("segment.analytics", reason="PyPI segment-analytics-python is not installed")

from shop import generate, send                       # noqa: E402
from shop.capture import Capture                      # noqa: E402
from shop.week import Settings                        # noqa: E402

SCRIPT = Path(send.__file__)


@pytest.fixture(scope="module")
def api_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("shop") / "api.ndjson"
    generate.write(Settings(calls=1600, people=150), None, str(path))
    return path


def lines_of(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def answering(path):
    """The answers that the file's raw lines ask for, and 200 for all else."""
    raws = iter([line["raw"] for line in lines_of(path) if "raw" in line])

    def answer(request):
        if "analytics-python" in request.headers.get("User-Agent", ""):
            return 200, {"success": True}
        expect = next(raws)["expect"]
        if "rejected" in expect:
            return 200, {"rejected": [{"index": int(index), "code": reason} for index, reason in expect["rejected"].items()]}
        return expect["status"][0], {"success": False, "code": expect["reason"], "message": "why"}
    return answer


def test_everything_arrives_in_order_and_once(api_file):
    with Capture(answer=answering(api_file)) as capture:
        report = send.send(str(api_file), capture.url)
    assert report.failures == []
    arrived = []
    for request in capture.requests:
        if "analytics-python" in request.headers.get("User-Agent", ""):
            assert request.path == "/v1/batch"
            arrived += [call["messageId"] for call in json.loads(request.body)["batch"]]
        else:
            arrived.append(request.path)
    assert arrived == [line["raw"]["path"] if "raw" in line else line["messageId"] for line in lines_of(api_file)]


def test_calls_travel_in_batches_with_the_key_of_their_source_and_the_app_compresses(api_file):
    with Capture(answer=answering(api_file)) as capture:
        send.send(str(api_file), capture.url)
    batches = [request for request in capture.requests if "analytics-python" in request.headers.get("User-Agent", "")]
    sizes = [len(json.loads(request.body)["batch"]) for request in batches]
    # How full they are depends on how long the library's thread waits for a core.
    assert max(sizes) <= send.BATCH and len(sizes) < sum(sizes)
    keys = {json.loads(request.body)["writeKey"]: request.headers.get("Content-Encoding") for request in batches}
    assert keys == {"shop-website-write-key": None, "shop-app-write-key": "gzip", "shop-server-write-key": None}


def test_fields_survive_the_library(api_file):
    with Capture(answer=answering(api_file)) as capture:
        send.send(str(api_file), capture.url)
    sent = {line["messageId"]: line for line in lines_of(api_file) if "raw" not in line}
    seen = set()
    for request in capture.requests:
        if "analytics-python" not in request.headers.get("User-Agent", ""):
            continue
        for call in json.loads(request.body)["batch"]:
            original = sent[call["messageId"]]
            seen.add(original["type"])
            for key in ("type", "traits", "properties", "event", "name", "category", "groupId", "previousId"):
                if key in original:
                    assert call[key] == original[key]
            for key in ("userId", "anonymousId"):
                assert call.get(key) == (None if original.get(key) is None else str(original[key]))
            assert {**call["context"], "library": None} == {**original["context"], "library": None}
            assert call["timestamp"].replace("+00:00", "Z") == original["timestamp"]
    assert seen >= {"identify", "track", "page", "screen", "group"}


def test_a_refused_upload_fails_loudly(api_file):
    def answer(request):
        return (401, {"code": "unknown_source", "message": "no such key"})
    with Capture(answer=answer) as capture:
        result = subprocess.run([sys.executable, str(SCRIPT), str(api_file), "--host", capture.url],
                                capture_output=True, text=True, timeout=120)
    assert result.returncode == 1
    assert "upload of" in result.stderr and "401" in result.stderr


def test_a_wrong_answer_to_a_malformed_body_fails_loudly(api_file):
    with Capture() as capture:                          # accepts everything
        report = send.send(str(api_file), capture.url)
    assert any("expected 400" in failure for failure in report.failures)
    assert any("expected {" in failure for failure in report.failures)


def test_no_server_fails_loudly(api_file, monkeypatch):
    with Capture() as capture:
        url = capture.url
    report = send.Report()
    raw = send.RawSender(url, report)
    raw.send({"path": "/v1/track", "write_key": "k", "body": "{}", "expect": {"status": [400], "reason": "bad_request"}})
    assert report.failures and "connection failed twice" in report.failures[0]


def test_missing_and_foreign_files_are_explained(tmp_path):
    result = subprocess.run([sys.executable, str(SCRIPT), "nothing.ndjson", "--host", "http://127.0.0.1:1"], cwd=tmp_path,
                            capture_output=True, text=True)
    assert result.returncode == 1 and "nothing.ndjson does not exist" in result.stderr
    (tmp_path / "text").write_text("hello\n")
    result = subprocess.run([sys.executable, str(SCRIPT), "text", "--host", "http://127.0.0.1:1"], cwd=tmp_path,
                            capture_output=True, text=True)
    assert result.returncode == 1 and "line 1: not JSON" in result.stderr


@pytest.mark.parametrize("expect, status, answer, problem", (
    ({"status": [400], "reason": "bad_request"}, 400, b'{"code":"bad_request","message":"cut off"}', None),
    ({"status": [400], "reason": "bad_request"}, 400, b'{"code":"bad_request"}', "does not say"),
    ({"status": [400], "reason": "bad_request"}, 200, b"{}", "answered 200"),
    ({"status": [400], "reason": "bad_request"}, 400, b"oops", "no JSON body"),
    ({"status": [400], "reason": "bad_request"}, 400, b"[]", "not an object"),
    ({"status": [400], "reason": "id_required"}, 400, b'{"code":"bad_request","message":"m"}', "does not say"),
    ({"status": [200], "rejected": {"0": "id_required"}}, 200, b'{"rejected":[{"index":0,"code":"id_required"}]}', None),
    ({"status": [200], "rejected": {"0": "id_required"}}, 200, b'{"rejected":[]}', "expected {'0'"),
))
def test_judge(expect, status, answer, problem):
    verdict = send.judge(expect, status, answer)
    assert verdict is None if problem is None else problem in verdict
