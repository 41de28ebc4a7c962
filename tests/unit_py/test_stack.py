"""The helpers that start and read an end-to-end run, as far as they need no daemon."""

import socket
import stat
import sys
import tomllib

import pytest

from e2e import stack


def test_metrics_are_read_with_their_labels():
    text = '# HELP a b\n# TYPE a counter\na{space="x",reason="a \\"b\\""} 3\na{space="",reason="c"} 0\nplain 2.5\n'
    assert stack.parse_metrics(text) == {"a": [({"space": "x", "reason": 'a \\"b\\"'}, 3.0), ({"space": "", "reason": "c"}, 0.0)],
                                         "plain": [({}, 2.5)]}


def test_the_configuration_is_toml_and_the_secret_is_private(tmp_path):
    ready = {"url": "http://127.0.0.1:1", "http_path": "/sql/1.0/warehouses/w", "catalog": "main", "client_id": "i", "client_secret": "s\"\\"}
    config = stack.write_configuration(tmp_path / "a b", ready, schema="x", every="5m")
    main = tomllib.loads(config.file.read_text())
    space = tomllib.loads((config.folder / "spaces.d" / "shop.toml").read_text())
    assert main["daemon"]["state_directory"] == str(config.state)
    assert space["profiles_sync"] == {"schema": "x", "every": "5m"} and len(space["sources"]) == 3
    secret = config.folder / "client_secret"
    assert space["databricks"]["client_secret"] == {"file": str(secret)}
    assert secret.read_text() == ready["client_secret"] and stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_preferred_port_is_taken_only_if_it_is_free():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        assert stack.free_port(busy) != busy
    assert stack.free_port(busy) == busy


def test_a_process_is_stopped_and_killed(tmp_path):
    one = stack.Process([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path / "log")
    assert one.running
    one.kill()
    assert not one.running and one.child.returncode == -9
    two = stack.Process(["sh", "-c", "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done"], tmp_path / "log2")
    while "up" not in two.tail():
        assert two.running
    assert two.stop() == 7


def test_a_program_that_is_not_there_is_explained(tmp_path):
    with pytest.raises(stack.StackError, match="cannot start /no/such/program"):
        stack.Process(["/no/such/program"], tmp_path / "log")


def test_a_daemon_that_ends_at_once_is_explained(tmp_path):
    ready = {"url": "u", "http_path": "p", "catalog": "c", "client_id": "i", "client_secret": "s"}
    binary = tmp_path / "daemon"
    binary.write_text("#!/bin/sh\necho 'the disk is full' >&2; exit 3\n")
    binary.chmod(0o755)
    daemon = stack.Daemon(binary, stack.write_configuration(tmp_path / "c", ready), tmp_path / "log")
    with pytest.raises(stack.StackError, match="ended with status 3:\n.*the disk is full"):
        daemon.start()
