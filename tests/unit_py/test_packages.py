"""packages.txt must hold a package for whatever CMake looks for, and packages.sh must say what it does."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / "tools" / "install" / "packages.txt"
# What CMake asks for -> Debian package. A new find_package() needs a line here, and its package in packages.txt.
PROVIDED_BY = {
    "Boost": "libboost1.81-dev", "OpenSSL": "libssl-dev", "Threads": None, "ZLIB": "zlib1g-dev", "spdlog": "libspdlog-dev",
    "tomlplusplus": "libtomlplusplus-dev", "CLI11": "libcli11-dev", "date": "libhowardhinnant-date-dev", "GTest": "libgtest-dev",
    "rocksdb": "librocksdb-dev", "rdkafka": "librdkafka-dev", "deflate": "libdeflate-dev", "zstd": "libzstd-dev",
}


def names(who):
    script = f'. tools/install/packages.sh; package_names {who} tools/install/packages.txt'
    return subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def test_every_library_that_cmake_looks_for_is_installed():
    files = [ROOT / "CMakeLists.txt", *(ROOT / "cmake").glob("*.cmake")]
    text = "\n".join(file.read_text() for file in files)
    asked = set(re.findall(r"find_package\((\w+)", text)) | set(re.findall(r"find_library\(\w+ (\w+)", text))
    assert asked - PROVIDED_BY.keys() == set(), "say which Debian package provides it, here and in packages.txt"
    assert {PROVIDED_BY[name] for name in asked} - {None} <= set(names("test"))


def test_try_needs_no_test_packages():
    assert set(names("try")) < set(names("test"))
    assert "libgtest-dev" not in names("try")


@pytest.fixture
def machine(tmp_path):
    """A folder of commands that stand in for a machine's package tools, and a copy of the script."""
    tools = tmp_path / "tools" / "install"
    tools.mkdir(parents=True)
    for name in ("packages.sh", "packages.txt"):
        (tools / name).write_text((ROOT / "tools" / "install" / name).read_text())
    commands = tmp_path / "bin"
    commands.mkdir()

    def command(name, body):
        (commands / name).write_text(f"#!/bin/bash\n{body}\n")
        (commands / name).chmod(0o755)

    def run():
        return subprocess.run(["bash", "-c", ". tools/install/packages.sh; install_packages try"], cwd=tmp_path, text=True,
                              capture_output=True, env={"PATH": f"{commands}:{tmp_path / 'base'}"})

    base = tmp_path / "base"      # ordinary tools, without the real dpkg, apt and sudo
    base.mkdir()
    for name in ("bash", "dirname", "tr", "fold", "mkdir", "tail", "env", "sed"):
        (base / name).symlink_to(Path("/usr/bin") / name)
    return command, run


def test_nothing_missing(machine):
    command, run = machine
    command("dpkg-query", "echo -n installed")
    command("apt-get", "exit 1")
    result = run()
    assert result.returncode == 0 and "nothing is missing" in result.stdout


def test_root_installs_what_is_missing(machine):
    command, run = machine
    command("dpkg-query", '[ "${@: -1}" = cmake ] || echo -n installed')
    command("apt-get", 'echo "$@" >>apt.log')
    command("id", "echo 0")
    result = run()
    assert result.returncode == 0 and "installing 1 that are missing" in result.stdout and "\n  cmake" in result.stdout


def test_no_root_and_no_sudo_is_told_what_to_run(machine):
    command, run = machine
    command("dpkg-query", '[ "${@: -1}" = cmake ] || echo -n installed')
    command("apt-get", "exit 1")
    command("id", "echo 1000")
    result = run()
    assert result.returncode == 1
    assert "apt-get install -y --no-install-recommends cmake" in result.stderr


def test_sudo_is_used_where_it_is(machine):
    command, run = machine
    command("dpkg-query", '[ "${@: -1}" = cmake ] || echo -n installed')
    command("apt-get", "exit 0")
    command("id", "echo 1000")
    command("sudo", 'echo "sudo $*" >>sudo.log; [ "$1" = -v ] || exec "$@"')
    result = run()
    assert result.returncode == 0 and "with sudo" in result.stdout


def test_a_failed_update_is_explained(machine):
    command, run = machine
    command("dpkg-query", "true")
    command("apt-get", 'echo "Temporary failure resolving"; exit 100')
    command("id", "echo 0")
    result = run()
    assert result.returncode == 1
    assert "Temporary failure resolving" in result.stderr and "Is the network up" in result.stderr


def test_another_system_is_told_the_packages(machine):
    _, run = machine
    result = run()
    assert result.returncode == 1 and "made for Debian 12" in result.stderr and "librocksdb-dev" in result.stderr
