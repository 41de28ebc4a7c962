"""Large files: the parts, links and fallbacks of Databricks' own SDK, and what a client of its own making can get wrong."""
import hashlib
import io

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.errors import AlreadyExists, PermissionDenied

FILES, FS = "/api/2.0/fs/files", "/api/2.0/fs"
PART = 1 << 20


@pytest.fixture(scope="module")
def volume(ferry):
    ferry.sql("CREATE SCHEMA uploads")
    ferry.sql("CREATE VOLUME uploads.v")
    return f"/Volumes/{ferry.catalog}/uploads/v"


@pytest.fixture
def style(workspace, request):
    workspace.admin.post("/__workspace/options", {"uploads": request.param})
    yield request.param
    workspace.admin.post("/__workspace/options", {"uploads": "multipart"})


def sdk(workspace, who=None, **settings) -> WorkspaceClient:
    who = who or workspace.lakeferry
    config = Config(host=workspace.url, client_id=who.client_id, client_secret=who.secret, auth_type="oauth-m2m")
    for key, value in settings.items():
        setattr(config, f"files_ext_{key}", value)
    return WorkspaceClient(config=config)


def small(workspace, who=None) -> WorkspaceClient:
    """The SDK as it is, but for the size from which on it sends parts."""
    return sdk(workspace, who, multipart_upload_min_stream_size=PART, parallel_download_min_file_size=PART,
               parallel_download_default_part_size=PART)


def content(size: int) -> bytes:
    return (hashlib.sha256(str(size).encode()).digest() * (size // 32 + 1))[:size]


def calls(workspace, since: int) -> list:
    """Method, path and query-free kind of every call since, by lakeferry or by link."""
    found = workspace.admin.get("/__workspace/ledger", params={"since": since})["calls"]
    return [(c["method"], c["path"].split("/presigned/")[0] or "/presigned", c["status"]) for c in found]


def last(workspace) -> int:
    return max((c["seq"] for c in workspace.admin.get("/__workspace/ledger")["calls"]), default=0)


def test_as_it_comes_from_fifty_mebibytes_on(workspace, volume):
    data, before = content(51 << 20), last(workspace)
    client = sdk(workspace)
    client.files.upload(f"{volume}/default", io.BytesIO(data), overwrite=False)
    assert ("PUT", "/presigned", 200) in calls(workspace, before) and ("PUT", f"{FILES}{volume}/default", 204) not in calls(workspace, before)
    assert client.files.get_metadata(f"{volume}/default").content_length == len(data)
    assert client.files.download(f"{volume}/default").contents.read() == data
    with pytest.raises(AlreadyExists):
        client.files.upload(f"{volume}/default", io.BytesIO(data), overwrite=False)


@pytest.mark.parametrize("style", ["multipart", "resumable", "refused"], indirect=True)
@pytest.mark.parametrize("parallel", [True, False])
def test_every_way_that_a_cloud_takes(workspace, volume, tmp_path, style, parallel):
    client, name, data = small(workspace), f"{volume}/{style}-{parallel}", content(3 * PART + 17)
    before = last(workspace)
    client.files.upload(name, io.BytesIO(data), overwrite=True, part_size=PART, use_parallel=parallel)
    by_link = ("PUT", "/presigned", 200) in calls(workspace, before)
    assert by_link == (style != "refused") and client.files.download(name).contents.read() == data
    (tmp_path / "source").write_bytes(data[::-1])
    client.files.upload_from(name, str(tmp_path / "source"), overwrite=True, part_size=PART, use_parallel=parallel)
    client.files.download_to(name, str(tmp_path / "copy"), use_parallel=parallel)
    assert (tmp_path / "copy").read_bytes() == data[::-1]
    assert [e.name for e in client.files.list_directory_contents(volume)].count(f"{style}-{parallel}") == 1


@pytest.mark.parametrize("style", ["multipart", "resumable"], indirect=True)
def test_a_stream_of_unknown_length(workspace, volume, style):
    class Stream(io.RawIOBase):
        def __init__(self, data):
            self.source = io.BytesIO(data)

        def readable(self):
            return True

        def read(self, size=-1):
            return self.source.read(size)

    data = content(2 * PART + 5)
    small(workspace).files.upload(f"{volume}/stream-{style}", Stream(data), overwrite=True, part_size=PART)
    assert small(workspace).files.download(f"{volume}/stream-{style}").contents.read() == data


def test_links_that_expire_are_had_anew(workspace, volume):
    fault = workspace.fault(kind="expire_link", method="PUT", times=2)
    data = content(3 * PART)
    small(workspace).files.upload(f"{volume}/expired", io.BytesIO(data), overwrite=True, part_size=PART, use_parallel=False)
    assert workspace.hits(fault) == 2 and small(workspace).files.download(f"{volume}/expired").contents.read() == data


def test_a_first_part_that_is_refused_goes_in_one_piece(workspace, volume):
    fault = workspace.fault(kind="status", call="link", method="PUT", status=403, body="<Error><Code>Firewall</Code></Error>")
    data, before = content(2 * PART), last(workspace)
    small(workspace).files.upload(f"{volume}/fallback", io.BytesIO(data), overwrite=True, part_size=PART)
    assert workspace.hits(fault) == 1 and ("PUT", f"{FILES}{volume}/fallback", 204) in calls(workspace, before)
    assert ("DELETE", "/presigned", 200) in calls(workspace, before)  # what had come was given up


def test_downloads_that_break_off_go_on(workspace, volume):
    client, data = small(workspace), content(3 * PART)
    client.files.upload(f"{volume}/cut", io.BytesIO(data), overwrite=True, part_size=PART)
    fault = workspace.fault(kind="drop", call="link", method="GET", after=True, bytes=PART + 5)
    assert client.files.download(f"{volume}/cut").contents.read() == data and workspace.hits(fault) == 1


def test_without_the_right_to_write(workspace, volume):
    with pytest.raises(PermissionDenied, match="does not have USE CATALOG"):
        small(workspace, workspace.other).files.upload(f"{volume}/foreign", io.BytesIO(content(PART)), part_size=PART)


class TestByHand:
    """What the SDK does right, done wrong."""

    @pytest.fixture
    def begun(self, ferry, volume, request):
        name = f"{volume}/{request.node.name}"
        reply = ferry.call("POST", f"{FILES}{name}?action=initiate-upload&overwrite=false").json()
        return name, {"path": name, "session_token": reply["multipart_upload"]["session_token"]}

    def links(self, ferry, about, **more):
        return ferry.post(FS + "/create-upload-part-urls", about | {"start_part_number": 1, "count": 2} | more)["upload_part_urls"]

    def complete(self, ferry, name, about, parts, status=200):
        query = {"action": "complete-upload", "upload_type": "multipart", "session_token": about["session_token"]}
        reply = ferry.call("POST", FILES + name, params=query, json={"parts": parts})
        assert reply.status_code == status, reply.text
        return reply.json()

    def test_parts_in_any_order_and_twice(self, ferry, begun):
        name, about = begun
        links = self.links(ferry, about)
        etags = {}
        for part, data in ((2, b"world"), (1, b"never seen"), (1, b"hello ")):
            reply = requests.put(links[part - 1]["url"], data=data)
            etags[part] = reply.headers["etag"]
        assert ferry.call("HEAD", FILES + name).status_code == 404  # nothing is there before the end
        self.complete(ferry, name, about, [{"part_number": n, "etag": etags[n]} for n in (1, 2)])
        assert ferry.call("GET", FILES + name).content == b"hello world"
        self.complete(ferry, name, about, [{"part_number": 1, "etag": etags[1]}], 404)  # the session is over

    @pytest.mark.parametrize("parts", [None, [], [5], [{"part_number": 1, "etag": "wrong"}], [{"part_number": 9, "etag": "x"}],
                                       [{"part_number": 2, "etag": "x"}, {"part_number": 1, "etag": "x"}], [{"etag": "x"}], "x"])
    def test_lists_of_parts_that_are_wrong(self, ferry, begun, parts):
        name, about = begun
        requests.put(self.links(ferry, about)[0]["url"], data=b"1")
        assert self.complete(ferry, name, about, parts, 400)["error_code"] == "INVALID_PARAMETER_VALUE"

    @pytest.mark.parametrize("more", [{"count": 0}, {"count": "x"}, {"start_part_number": -1}, {"count": 10_001}])
    def test_links_that_nobody_gets(self, ferry, begun, more):
        assert ferry.post(FS + "/create-upload-part-urls", begun[1] | {"start_part_number": 1, "count": 1} | more, 400)["message"]

    def test_sessions_of_others(self, workspace, ferry, begun):
        for caller, about in ((workspace.admin, begun[1]), (ferry, begun[1] | {"session_token": "none"}), (ferry, begun[1] | {"session_token": 5}),
                              (ferry, begun[1] | {"path": begun[0] + "x"})):
            reply = caller.post(FS + "/create-upload-part-urls", about | {"start_part_number": 1, "count": 1}, 404)
            assert reply["details"][0]["reason"] == "FILES_API_UPLOAD_SESSION_NOT_FOUND"

    def test_links_refuse_credentials_and_other_methods(self, workspace, ferry, begun):
        link = self.links(ferry, begun[1])[0]["url"]
        reply = requests.put(link, data=b"1", headers={"Authorization": f"Bearer {ferry.token}"})
        assert reply.status_code == 400 and "Only one auth mechanism allowed" in reply.text
        assert requests.get(link).status_code == 405
        assert requests.put(link.rsplit("/", 1)[0] + "/forged", data=b"1").status_code == 403
        workspace.advance(901)
        reply = requests.put(link, data=b"1")
        assert reply.status_code == 403 and "<Message>Request has expired</Message>" in reply.text

    def test_a_part_beyond_the_limit(self, workspace, ferry, begun):
        workspace.admin.post("/__workspace/options", {"max_file_bytes": 1000})
        try:
            assert requests.put(self.links(ferry, begun[1])[0]["url"], data=b"x" * 1001).status_code == 413
        finally:
            workspace.admin.post("/__workspace/options", {"max_file_bytes": 5 << 30})

    def test_somebody_was_faster(self, ferry, begun):
        name, about = begun
        etag = requests.put(self.links(ferry, about)[0]["url"], data=b"late").headers["etag"]
        ferry.put(name, b"first")
        reply = self.complete(ferry, name, about, [{"part_number": 1, "etag": etag}], 409)
        assert reply["message"] == "The file being created already exists."
        assert ferry.call("GET", FILES + name).content == b"first"

    def test_actions_that_there_are_not(self, ferry, volume):
        assert "initiate-upload" in ferry.call("POST", f"{FILES}{volume}/x?action=begin").json()["message"]
        assert ferry.call("POST", f"{FILES}{volume}?action=initiate-upload").status_code == 409
        reply = ferry.call("POST", f"{FS}/create-download-url?path={volume}/none")
        assert reply.status_code == 404 and reply.json()["details"][0]["reason"] == "FILES_API_FILE_NOT_FOUND"
        assert ferry.call("POST", f"{FS}/create-download-url?path=/tmp/x").status_code == 400

    def test_resumable_parts_in_order(self, workspace, ferry, volume):
        workspace.admin.post("/__workspace/options", {"uploads": "resumable"})
        try:
            name = f"{volume}/resumed"
            token = ferry.call("POST", f"{FILES}{name}?action=initiate-upload").json()["resumable_upload"]["session_token"]
            link = ferry.post(FS + "/create-resumable-upload-url", {"path": name, "session_token": token})["resumable_upload_url"]["url"]

            def send(span, data=b""):
                reply = requests.put(link, data=data, headers={"Content-Range": f"bytes {span}"})
                return reply.status_code, reply.headers.get("range")

            assert send("*/*") == (308, None) and send("0-4/*", b"01234") == (308, "bytes=0-4")
            assert send("*/*") == (308, "bytes=0-4")
            assert [send(*x)[0] for x in (("9-10/*", b"xx"), ("5-9/*", b"short"[:2]), ("five", b""))] == [400, 400, 400]
            assert send("5-9/10", b"56789")[0] == 200
            assert ferry.call("GET", FILES + name).content == b"0123456789"
        finally:
            workspace.admin.post("/__workspace/options", {"uploads": "multipart"})
