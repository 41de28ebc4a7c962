"""The Files API: bytes, folders, lists, ranges, and every way of asking wrongly."""
import threading

import pytest
import requests

FILES, DIRECTORIES = "/api/2.0/fs/files", "/api/2.0/fs/directories"


@pytest.fixture(scope="module")
def volume(ferry):
    ferry.sql("CREATE SCHEMA files")
    ferry.sql("CREATE VOLUME files.v COMMENT 'staging'")
    return f"/Volumes/{ferry.catalog}/files/v"


@pytest.fixture
def folder(volume, request):
    return f"{volume}/{request.node.name}"


def listing(ferry, path, **query):
    return ferry.get(DIRECTORIES + path, params=query)


def test_there_and_back(ferry, folder):
    data = bytes(range(256)) * 5000
    assert ferry.put(f"{folder}/deep/er/a.json.gz", data).status_code == 204
    reply = ferry.call("GET", f"{FILES}{folder}/deep/er/a.json.gz")
    assert reply.status_code == 200 and reply.content == data and "content-encoding" not in reply.headers
    head = ferry.call("HEAD", f"{FILES}{folder}/deep/er/a.json.gz")
    assert head.status_code == 200 and head.headers["content-length"] == str(len(data)) and head.headers["last-modified"].endswith("GMT")
    assert ferry.call("DELETE", f"{FILES}{folder}/deep/er/a.json.gz").status_code == 204
    assert ferry.get(f"{FILES}{folder}/deep/er/a.json.gz", 404)["error_code"] == "NOT_FOUND"
    assert ferry.call("DELETE", f"{FILES}{folder}/deep/er/a.json.gz").status_code == 404


def test_a_file_without_bytes(ferry, folder):
    assert ferry.put(f"{folder}/empty", b"").status_code == 204
    assert ferry.call("GET", f"{FILES}{folder}/empty").content == b""


def test_ranges(ferry, folder):
    ferry.put(f"{folder}/a", b"0123456789")
    for asked, status, got, shown in (("bytes=2-4", 206, b"234", "bytes 2-4/10"), ("bytes=7-", 206, b"789", "bytes 7-9/10"),
                                      ("bytes=-3", 206, b"789", "bytes 7-9/10"), ("bytes=10-", 416, b"", "bytes */10"),
                                      ("bytes=0-99", 200, b"0123456789", None), ("chairs=1", 200, b"0123456789", None)):
        reply = ferry.call("GET", f"{FILES}{folder}/a", headers={"Range": asked})
        assert (reply.status_code, reply.content, reply.headers.get("content-range")) == (status, got, shown), asked


def test_only_if_it_has_not_changed(ferry, folder):
    ferry.put(f"{folder}/a", b"0123456789")
    as_read = ferry.call("HEAD", f"{FILES}{folder}/a").headers["last-modified"]
    for since, status in ((as_read, 206), ("Mon, 01 Jan 2001 00:00:00 GMT", 412), ("no date", 206)):
        for method in ("GET", "HEAD"):
            reply = ferry.call(method, f"{FILES}{folder}/a", headers={"Range": "bytes=2-4", "If-Unmodified-Since": since})
            assert reply.status_code == status, since
    assert ferry.call("GET", f"{FILES}{folder}/a", headers={"If-Unmodified-Since": as_read}).content == b"0123456789"


def test_overwriting(ferry, folder):
    assert ferry.put(f"{folder}/a", b"1", overwrite="false").status_code == 204
    reply = ferry.put(f"{folder}/a", b"2", overwrite="false")
    assert reply.status_code == 409
    assert (reply.json()["error_code"], reply.json()["message"]) == ("ALREADY_EXISTS", "The file being created already exists.")
    for overwrite in ("true", None):  # "if true or unspecified, an existing file will be overwritten"
        assert ferry.put(f"{folder}/a", b"3" + str(overwrite).encode(), overwrite=overwrite).status_code == 204
        assert ferry.call("GET", f"{FILES}{folder}/a").content == b"3" + str(overwrite).encode()
    assert ferry.put(f"{folder}/a", b"4", overwrite="perhaps").status_code == 400


def test_two_at_once_without_overwriting(ferry, folder):
    ends = []
    threads = [threading.Thread(target=lambda i=i: ends.append(requests.put(
        f"{ferry.url}{FILES}{folder}/one?overwrite=false", data=bytes([i]) * 100000, headers={"Authorization": f"Bearer {ferry.token}"}).status_code)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(ends) == [204, 409, 409, 409]


def test_an_upload_that_breaks_off_leaves_nothing(ferry, folder):
    def half():
        yield b"x" * 1000
        raise ConnectionError("gone")

    ferry.call("PUT", DIRECTORIES + folder)
    with pytest.raises(Exception, match="gone|Connection"):
        requests.put(f"{ferry.url}{FILES}{folder}/a", data=half(), headers={"Authorization": f"Bearer {ferry.token}"})
    assert listing(ferry, folder)["contents"] == []


def test_too_large(workspace, ferry, folder):
    workspace.admin.post("/__workspace/options", {"max_file_bytes": 1000})
    try:
        assert ferry.put(f"{folder}/a", b"x" * 1001).status_code == 413
        assert ferry.put(f"{folder}/b", b"x" * 1000).status_code == 204
    finally:
        workspace.admin.post("/__workspace/options", {"max_file_bytes": 5 << 30})


def test_directories(ferry, folder):
    for _ in range(2):
        assert ferry.call("PUT", f"{DIRECTORIES}{folder}/a/b").status_code == 204
    assert ferry.call("HEAD", f"{DIRECTORIES}{folder}/a/b").status_code == 200
    assert ferry.call("HEAD", f"{DIRECTORIES}{folder}/a/none").status_code == 404
    assert ferry.call("DELETE", f"{DIRECTORIES}{folder}/a").status_code == 400
    assert ferry.call("DELETE", f"{DIRECTORIES}{folder}/a/b").status_code == 204
    assert ferry.get(f"{DIRECTORIES}{folder}/a/b", 404)["details"][0]["reason"] == "FILES_API_DIRECTORY_IS_NOT_FOUND"
    root = folder.rsplit("/", 1)[0]
    assert "drop the volume" in ferry.call("DELETE", DIRECTORIES + root).json()["message"]
    assert ferry.call("HEAD", DIRECTORIES + root).status_code == 200
    ferry.put(f"{folder}/file", b"1")
    reply = ferry.call("PUT", f"{DIRECTORIES}{folder}/file")
    assert reply.status_code == 409
    assert reply.json()["message"] == "The given path points to an existing file. This API does not support operations on files."
    assert ferry.put(f"{folder}/file/below", b"1").status_code == 409
    assert ferry.put(folder, b"1").status_code == 409


def test_lists_come_in_pages(ferry, folder):
    for name in ("b", "a", "c", "sub/x"):
        ferry.put(f"{folder}/{name}", name.encode())
    whole = listing(ferry, folder)
    assert [(c["name"], c["is_directory"]) for c in whole["contents"]] == [("a", False), ("b", False), ("c", False), ("sub", True)]
    assert whole["contents"][0]["path"] == f"{folder}/a" and whole["contents"][0]["file_size"] == 1 and "next_page_token" not in whole
    first = listing(ferry, folder, page_size=3)
    rest = listing(ferry, folder, page_size=3, page_token=first["next_page_token"])
    assert [c["name"] for c in first["contents"] + rest["contents"]] == ["a", "b", "c", "sub"] and "next_page_token" not in rest
    assert [c["name"] for c in listing(ferry, folder, page_token="zzz")["contents"]] == []
    assert ferry.get(DIRECTORIES + folder, 400, params={"page_size": "many"})["error_code"] == "INVALID_PARAMETER_VALUE"
    assert ferry.get(f"{DIRECTORIES}{folder}/a", 404)["details"][0]["reason"] == "FILES_API_DIRECTORY_IS_NOT_FOUND"


def test_odd_names(ferry, folder):
    for name, encoded in (("mit leerzeichen", "mit%20leerzeichen"), ("50%", "50%25"), ("Ünï", "%C3%9Cn%C3%AF"), ("a+b&c", "a+b&c")):
        assert ferry.put(f"{folder}/{encoded}", b"1").status_code == 204
        assert name in [c["name"] for c in listing(ferry, folder)["contents"]]


@pytest.mark.parametrize("path", ["/../secret", "/a/../../../b", "//a", "/a//b", "/./a", "/%2e%2e/x", "/a%2f..%2f..%2fb", "/a%00b", "/a%5cb", "/%252e%252e/../x",
                                  "/a/%2e%2e/%2e%2e/%2e%2e/main", "/..%2f..%2f..%2f..%2fobjects.json", "/a%2f%2fb", "/%ff%fe", "/" + "x" * 256,
                                  "/" + "/".join(["y" * 200] * 6)])
def test_tricks_with_paths(ferry, volume, path):
    url = f"{ferry.url}{FILES}{volume}{path}"
    request = requests.Request("PUT", url, data=b"1", headers={"Authorization": f"Bearer {ferry.token}"}).prepare()
    request.url = url  # as it stands: the library would tidy it up
    reply = requests.Session().send(request)
    assert reply.status_code in (400, 404), reply.text
    assert reply.json()["error_code"] in ("INVALID_PARAMETER_VALUE", "NOT_FOUND", "ENDPOINT_NOT_FOUND")


def test_a_way_into_another_volume(ferry, volume):
    """The volume that is named is the one whose privileges count; there is no way on from it."""
    ferry.sql("CREATE VOLUME IF NOT EXISTS files.secret")
    ferry.put(f"/Volumes/{ferry.catalog}/files/secret/x", b"secret")
    for path in (f"{volume}/../secret/x", f"{volume}/%2e%2e/secret/x", f"{volume}/..%2fsecret%2fx", f"{volume}//../secret/x"):
        request = requests.Request("GET", ferry.url + FILES + path, headers={"Authorization": f"Bearer {ferry.token}"}).prepare()
        request.url = ferry.url + FILES + path
        reply = requests.Session().send(request)
        # a web server or library that resolves dots before it routes comes to the other volume by its own name, with its own check
        assert reply.status_code == 400 or ".." in path and reply.content == b"secret", path


@pytest.mark.parametrize(("path", "says"), [("/tmp/x", "unsupported first path component: tmp"), ("/Workspace/x", "component: Workspace"),
                                            ("/Volumes", "must begin with /Volumes"), ("/Volumes/main", "too short")])
def test_paths_outside_volumes(ferry, path, says):
    for api in (FILES, DIRECTORIES):
        reply = ferry.get(api + path, 400)
        assert reply["error_code"] == "INVALID_PARAMETER_VALUE" and says in reply["message"], reply


def test_volumes_that_are_not_there(ferry):
    for volume in ("none.files.v", f"{ferry.catalog}.none.v", f"{ferry.catalog}.files.none"):
        reply = ferry.put("/Volumes/" + volume.replace(".", "/") + "/a", b"1")
        assert reply.status_code == 404
        body = reply.json()
        assert (body["error_code"], body["message"]) == ("NOT_FOUND", f"Volume '{volume}' does not exist.")
        assert body["details"][0]["reason"] == "FILES_API_RESOURCE_NOT_FOUND"
    assert ferry.put("/Volumes/only/two", b"1").status_code == 400


def test_privileges(workspace, admin, ferry, volume):
    other = workspace.other
    ferry.put(f"{volume}/shared", b"1")
    steps = [(None, f"USE CATALOG on Catalog '{ferry.catalog}'"), (f"USE CATALOG ON CATALOG {ferry.catalog}", f"USE SCHEMA on Schema '{ferry.catalog}.files'"),
             ("USE SCHEMA ON SCHEMA files", f"READ VOLUME on Volume '{ferry.catalog}.files.v'")]
    for grant, missing in steps:
        if grant:
            admin.sql(f"GRANT {grant} TO `{other.client_id}`")
        assert other.get(f"{FILES}{volume}/shared", 403) == {"error_code": "PERMISSION_DENIED", "message": f"User does not have {missing}."}
    admin.sql(f"GRANT READ VOLUME ON VOLUME files.v TO `{other.client_id}`")
    assert other.call("GET", f"{FILES}{volume}/shared").content == b"1"
    for reply in (other.put(f"{volume}/mine", b"1"), other.call("DELETE", f"{FILES}{volume}/shared"), other.call("PUT", f"{DIRECTORIES}{volume}/d")):
        assert reply.status_code == 403 and f"WRITE VOLUME on Volume '{ferry.catalog}.files.v'" in reply.json()["message"]
    admin.sql(f"REVOKE READ VOLUME ON VOLUME files.v FROM `{other.client_id}`")
    assert other.call("GET", f"{FILES}{volume}/shared").status_code == 403
