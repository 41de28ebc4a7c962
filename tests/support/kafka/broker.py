"""A real Kafka broker (one node, KRaft) on a loopback port, for tests.

The jars come from Maven Central once, into build/kafka (LAKEFERRY_KAFKA_JARS names another folder). Standard library only.
Besides the plain listener there is one with SASL/PLAIN, whose one user is USER with PASSWORD.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
USER, PASSWORD = "ferry", "ferry-secret-1"
START_S = 180      # a bound, not an expectation: the machine may be busy


class BrokerError(Exception):
    pass


def jars() -> Path:
    """The folder with the jars; fetched if it is not there, by one process at a time."""
    home = Path(os.environ.get("LAKEFERRY_KAFKA_JARS", ROOT / "build" / "kafka"))
    home.mkdir(parents=True, exist_ok=True)
    pom = (HERE / "pom.xml").read_bytes()
    target = home / hashlib.sha256(pom).hexdigest()[:16]
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            return target
        work = home / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        (work / "pom.xml").write_bytes(pom)
        run = subprocess.run(["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={work / 'jars'}"], cwd=work,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if run.returncode != 0:
            raise BrokerError(f"Maven could not fetch the broker's jars:\n{run.stdout[-2000:]}")
        (work / "jars").replace(target)
        shutil.rmtree(work)
    return target


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """start() returns when clients are served; stop() and kill() keep the data, a later start() goes on with them."""

    def __init__(self, folder: Path):
        self.folder, self.log = folder, folder / "broker.log"
        self.port, self.sasl_port, controller = _free_port(), _free_port(), _free_port()
        self.address, self.sasl_address = f"127.0.0.1:{self.port}", f"127.0.0.1:{self.sasl_port}"
        self._classes = f"{jars()}/*"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = folder / "server.properties"
        self._settings.write_text(f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{self.port},SASL_PLAINTEXT://127.0.0.1:{self.sasl_port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{self.port},SASL_PLAINTEXT://127.0.0.1:{self.sasl_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
 user_{USER}="{PASSWORD}";
log.dirs={folder / 'data'}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.check.interval.ms=1000
""")
        self._run("kafka.tools.StorageTool", "format", "-t", "bGFrZWZlcnJ5LXRlc3Rz", "-c", self._settings)

    def _java(self, memory: str) -> list[str]:
        return ["java", f"-Xmx{memory}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp", self._classes]

    def _run(self, *words: object) -> None:
        done = subprocess.run([*self._java("256m"), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise BrokerError(f"{words[0]} failed:\n{done.stdout[-2000:]}")

    def start(self) -> "Broker":
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([*self._java("512m"), "kafka.Kafka", str(self._settings)], stdout=log, stderr=log,
                                             stdin=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + START_S
        while True:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise BrokerError("the broker did not start:\n" + "\n".join(self.log.read_text(errors="replace").splitlines()[-20:]))
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.1)

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)
