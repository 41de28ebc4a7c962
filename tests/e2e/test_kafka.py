"""Calls from a topic, with a real broker: every call lands once, whatever is killed; failures are said in words.

The calls carry no messageId, so that nothing recognises a double but the offsets. LAKEFERRY_E2E_LONG=1: more of everything.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from kafka.broker import PASSWORD, USER, Broker

from .conftest import LONG, Setup
from .stack import WRITE_KEYS, Config, Daemon
from .test_kill import allow_short_schedules, finish

CALLS = 60_000 if LONG else 4_000
KILLS = 20 if LONG else 3
PARTITIONS = 4
MOST_S = 1_800 if LONG else 600      # a bound, not an expectation


@pytest.fixture(scope="module")
def broker(home: Path) -> Iterator[Broker]:
    one = Broker(home / "kafka").start()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def admin(broker: Broker) -> AdminClient:
    return AdminClient({"bootstrap.servers": broker.address, "log_level": 0})


def make_topic(admin: AdminClient, name: str, partitions: int = PARTITIONS) -> None:
    admin.create_topics([NewTopic(name, partitions, 1)], operation_timeout=60)[name].result(120)


def with_kafka(config: Config, broker: Broker, topic: str, extra: str = "", address: str | None = None) -> Config:
    file = config.folder / "spaces.d" / "shop.toml"
    file.write_text(file.read_text().split("\n[kafka]")[0] + f"""
[kafka]
brokers = ["{address or broker.address}"]
topic = "{topic}"
source = "server"
{extra}
""")
    return config


def kafka_of(daemon: Daemon) -> dict[str, Any]:
    return daemon.status()["spaces"][0]["kafka"]


def wait_for(daemon: Daemon, what: str, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def look() -> bool:
        seen.update(kafka_of(daemon))
        return done(seen)
    daemon.wait(what, look, MOST_S)
    return seen


def call(n: int) -> dict[str, Any]:
    return {"type": "track", "event": "Counted", "userId": f"u{n % 97}", "properties": {"n": n}}


class Sender(threading.Thread):
    """Produces calls 0 to `calls` in all the forms that a message may have, and messages that must be refused."""

    def __init__(self, broker: Broker, topic: str, calls: int, seed: int, pause_s: float = 0.0, gate: threading.Event | None = None):
        """gate: the second half is sent when it is set."""
        self._gate = gate
        super().__init__(daemon=True)
        self._topic, self._calls, self._pause_s, self._rng = topic, calls, pause_s, random.Random(seed)
        self._producer = Producer({"bootstrap.servers": broker.address, "enable.idempotence": True, "linger.ms": 5,
                                   "message.timeout.ms": 0, "log_level": 0})
        self.refused, self.failed = 0, []

    def _send(self, value: bytes | None, key: str | None = None) -> None:
        while True:
            try:
                self._producer.produce(self._topic, value, headers={"writeKey": key} if key else None,
                                       partition=self._rng.randrange(PARTITIONS), on_delivery=self._delivered)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)

    def _delivered(self, error: Any, _message: Any) -> None:
        if error is not None:
            self.failed.append(str(error))

    def run(self) -> None:
        n = 0
        while n < self._calls:
            if self._gate is not None and n >= self._calls // 2:
                self._gate.wait(MOST_S)
            some = [call(i) for i in range(n, min(n + self._rng.randint(1, 8), self._calls))]
            form = self._rng.randrange(5)
            if form == 0:
                self._send(json.dumps(some).encode(), WRITE_KEYS["app"])
            elif form == 1:
                self._send(json.dumps({"writeKey": WRITE_KEYS["website"], "batch": some, "context": {"ip": "10.0.0.1"}}).encode())
            else:
                some = some[:1]
                self._send(json.dumps(some[0]).encode(), None if form == 2 else WRITE_KEYS["website"])
            n += len(some)
            if self._rng.random() < 0.02:
                self._send(self._rng.choice([b"no JSON", b"[{]", None, b"[]", b'{"type":"track"}']))
                self.refused += 1
            if self._pause_s:
                time.sleep(self._pause_s)
        while self._producer.flush(10):
            pass


def landed(setup: Setup, schema: str) -> Counter[int]:
    rows = setup.workspace.sql(f"SELECT n, count(*) AS times FROM `{setup.workspace.ready['catalog']}`.`{schema}`.`counted` GROUP BY n")
    return Counter({int(row["n"]): int(row["times"]) for row in rows})


def wait_until_read(daemon: Daemon, broker: Broker, topic: str, group: str) -> None:
    """Until the group has committed the end of every partition: what it committed is on disk."""
    partitions = [TopicPartition(topic, n) for n in range(PARTITIONS)]
    looker = Consumer({"bootstrap.servers": broker.address, "group.id": group, "log_level": 0})

    def at_end() -> bool:
        ends = [looker.get_watermark_offsets(one, timeout=30)[1] for one in partitions]
        told = [one.offset for one in looker.committed(partitions, timeout=30)]
        return all(here == end or end == 0 for here, end in zip(told, ends))
    try:
        daemon.wait("the topic to be read to its end", at_end, MOST_S)
    finally:
        looker.close()


def test_every_call_lands_once_whatever_is_killed(setup: Setup, broker: Broker, admin: AdminClient) -> None:
    make_topic(admin, "killed")
    config = setup.configure("kafka_killed", every="3s")
    allow_short_schedules(config)
    daemon = setup.daemon(with_kafka(config, broker, "killed"))
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    sender = Sender(broker, "killed", CALLS, seed, pause_s=0.002)
    sender.start()
    for kill in range(KILLS):
        time.sleep(rng.uniform(0.3, 2.5))
        daemon.kill()
        if kill == KILLS // 2:       # the broker as well, by force
            broker.kill()
            broker.start()
        daemon.start()
    sender.join(MOST_S)
    assert not sender.is_alive() and not sender.failed, sender.failed[:3]
    wait_until_read(daemon, broker, "killed", "lakeferry-shop")
    finish(daemon, time.monotonic() + MOST_S)
    assert daemon.stop() == 0, daemon.process.tail()
    found = landed(setup, config.schema)
    doubled = {n: times for n, times in found.items() if times != 1}
    missing = set(range(CALLS)) - set(found)
    assert (len(missing), doubled) == (0, {}), f"seed {seed}: {sorted(missing)[:10]}"


def test_refusals_name_topic_partition_and_offset(setup: Setup, broker: Broker, admin: AdminClient) -> None:
    make_topic(admin, "refusing", 1)
    daemon = setup.daemon(with_kafka(setup.configure("kafka_refusing"), broker, "refusing"))
    producer = Producer({"bootstrap.servers": broker.address})
    for value in (json.dumps(call(0)), "no JSON", json.dumps([call(1), {"type": "track", "userId": "u"}, call(2)])):
        producer.produce("refusing", value.encode())
    producer.produce("refusing", json.dumps(call(3)).encode(), headers={"writeKey": "nobody-has-this"})
    assert producer.flush(60) == 0
    seen = wait_for(daemon, "four messages", lambda k: k["messages"] == 4)
    assert (seen["calls"], seen["refused"]) == (3, 3)
    said = daemon.command("refused", "shop").stdout
    assert "topic refusing, partition 0, offset 1" in said
    assert "topic refusing, partition 0, offset 2, item 1" in said
    assert "offset 3" in said and "no source has this write key" in said


def test_two_daemons_of_one_group_double_and_lose_nothing(setup: Setup, broker: Broker, admin: AdminClient) -> None:
    make_topic(admin, "shared")
    group = 'group = "both"'
    first = setup.daemon(with_kafka(setup.configure("kafka_first"), broker, "shared", group))
    both_read = threading.Event()
    sender = Sender(broker, "shared", CALLS // 2, 11, pause_s=0.002, gate=both_read)
    sender.start()
    wait_for(first, "all partitions on one daemon", lambda k: k["partitions"] == PARTITIONS and k["messages"] > 100)
    second = setup.daemon(with_kafka(setup.configure("kafka_second"), broker, "shared", group))
    wait_for(second, "partitions on the second daemon", lambda k: k["partitions"] == PARTITIONS // 2)
    said = wait_for(first, "the first daemon to notice", lambda k: k["partitions"] == PARTITIONS // 2 and k["notice"] != "")
    assert "profiles are resolved for each store apart" in said["notice"]
    both_read.set()
    first.kill()                     # comes back as the same member: no rebalance, and its own store says where it stood
    first.start()
    sender.join(MOST_S)
    assert not sender.is_alive() and not sender.failed
    wait_until_read(first, broker, "shared", "both")
    for daemon in (first, second):
        finish(daemon, time.monotonic() + MOST_S)
    found = landed(setup, "kafka_first") + landed(setup, "kafka_second")
    assert found == Counter(range(CALLS // 2))


def test_an_unknown_topic_is_said_and_taken_up_when_it_is_there(setup: Setup, broker: Broker, admin: AdminClient) -> None:
    daemon = setup.daemon(with_kafka(setup.configure("kafka_later"), broker, "later"))
    seen = wait_for(daemon, "the missing topic to be noticed", lambda k: k["error_id"] == "kafka.no_topic")
    assert 'no topic "later"' in seen["error"] and "create it" in seen["error"]
    assert daemon.status()["spaces"][0]["state"] == "degraded"
    make_topic(admin, "later")
    wait_for(daemon, "the new topic", lambda k: k["error_id"] == "" and k["partitions"] == PARTITIONS)
    # And away again, to come back with less than was read.
    Sender(broker, "later", 50, 1).run()
    wait_for(daemon, "its messages", lambda k: k["calls"] == 50)
    admin.delete_topics(["later"], operation_timeout=60)["later"].result(120)
    wait_for(daemon, "the deletion to be noticed", lambda k: k["error_id"] == "kafka.no_topic" or k["partitions"] == 0)
    make_topic(admin, "later")
    Sender(broker, "later", 10, 1).run()
    seen = wait_for(daemon, "the messages of the second topic", lambda k: k["calls"] == 60)
    assert "made anew" in seen["notice"]


def test_messages_that_retention_took_are_counted_and_said(setup: Setup, broker: Broker, admin: AdminClient) -> None:
    make_topic(admin, "short", 1)
    daemon = setup.daemon(with_kafka(setup.configure("kafka_short"), broker, "short"))
    producer = Producer({"bootstrap.servers": broker.address})

    def send(first: int, last: int) -> None:
        for n in range(first, last):
            producer.produce("short", json.dumps(call(n)).encode())
        assert producer.flush(60) == 0
    send(0, 10)
    wait_for(daemon, "ten calls", lambda k: k["calls"] == 10)
    assert daemon.stop() == 0
    send(10, 30)
    admin.delete_records([TopicPartition("short", 0, 25)])[TopicPartition("short", 0, 25)].result(60)
    daemon.start()
    seen = wait_for(daemon, "what is left", lambda k: k["calls"] == 5)
    assert seen["lost"] == 15
    assert "offsets 10 to 24 of partition 0 of topic short" in seen["notice"] and "retention.ms" in seen["notice"]
    assert "event=kafka.messages_lost" in daemon.log.read_text() or "kafka.messages_lost" in daemon.log.read_text()


def test_a_wrong_password_is_said_and_a_mended_one_is_taken_up(setup: Setup, broker: Broker, admin: AdminClient) -> None:
    make_topic(admin, "secured", 1)
    config = setup.configure("kafka_secured")
    password = config.folder / "kafka_password"
    password.touch(mode=0o600)
    password.write_text("wrong-and-never-shown")
    sasl = f'security = "sasl_plaintext"\nmechanism = "PLAIN"\nusername = "{USER}"\npassword = {{ file = "{password}" }}'
    daemon = setup.daemon(with_kafka(config, broker, "secured", sasl, broker.sasl_address))
    seen = wait_for(daemon, "the refusal", lambda k: k["error_id"] == "kafka.authentication")
    assert f'user "{USER}"' in seen["error"]
    password.write_text(PASSWORD)
    Sender(broker, "secured", 0, 1).run()
    wait_for(daemon, "the mended password", lambda k: k["error_id"] == "" and k["partitions"] == 1)
    log = daemon.log.read_text()
    assert "wrong-and-never-shown" not in log and PASSWORD not in log


def test_a_reload_changes_the_topic_and_a_dead_cluster_stops_nobody(setup: Setup, broker: Broker, admin: AdminClient) -> None:
    make_topic(admin, "before", 1)
    make_topic(admin, "after", 1)
    config = with_kafka(setup.configure("kafka_reload"), broker, "before")
    daemon = setup.daemon(config)
    wait_for(daemon, "the first topic", lambda k: k["partitions"] == 1)
    with_kafka(config, broker, "after")
    daemon.command("reload")
    wait_for(daemon, "the second topic", lambda k: k["topic"] == "after" and k["partitions"] == 1)
    with_kafka(config, broker, "after", address="127.0.0.1:1")
    daemon.command("reload")
    seen = wait_for(daemon, "the dead address to be noticed", lambda k: k["error_id"] == "kafka.unreachable")
    assert "127.0.0.1:1" in seen["error"]
    assert daemon.stop() == 0, "a cluster that is away must not hold up the end"
