"""Spark and Delta behind the workspace: one JVM, a fresh session per statement."""
import json
import logging
import os
import re
import secrets
import subprocess
from contextlib import contextmanager
from pathlib import Path

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors.exceptions.base import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.classic.dataframe import DataFrame
from pyspark.sql.types import StructType

from .errors import SqlError, unsupported
from .parameters import unnumbered
from .results import column, variants_as_text

logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # else every SQL error is printed as JSON
PLUGIN = "lakeferry.workspace.WorkspaceCatalog"
SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension,lakeferry.workspace.WorkspaceExtensions",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.sources.default": "delta",  # CREATE TABLE without USING is Delta, as on Databricks
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.legacy.timeParserPolicy": "EXCEPTION",  # Databricks' default
    "spark.sql.scripting.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.default.parallelism": "1",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.ui.explainMode": "simple",  # each query's plan is written out for a page that nobody opens
    "spark.sql.ui.retainedExecutions": "1",
    "spark.ui.retainedJobs": "1",
    "spark.ui.retainedStages": "1",
    "spark.ui.retainedTasks": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.merge.repartitionBeforeWrite.enabled": "false",
    "spark.databricks.delta.merge.materializeSource": "none",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    # The memory of COPY INTO is in the commits: Delta must not clean them away.
    "spark.databricks.delta.properties.defaults.enableExpiredLogCleanup": "false",
}
# Compiling a program for every plan costs more than it brings, until there is something to read.
COMPILE_FROM = 2 << 20
# C1 alone would cap the code cache at 48 MB. Without a size to begin with, metaspace grows by full collections.
JVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:MetaspaceSize=256m"
YOUNG = 320 << 20  # what a MERGE leaves behind fits in, so that little of it is copied
LOG = """rootLogger.level = error
rootLogger.appenderRef.f.ref = f
appender.f.type = File
appender.f.name = f
appender.f.fileName = {file}
appender.f.layout.type = PatternLayout
appender.f.layout.pattern = %d %p %c: %m%n
"""  # without an appender of its own Spark falls back to its default console profile


def young(memory: str) -> str:
    """Java's option for a heap limit of '1500m' or '2g'; a small heap is left to Java's own division."""
    size = int(memory[:-1]) << {"m": 20, "g": 30}[memory[-1].lower()]
    return f"-Xmn{min(YOUNG, size // 4)}" if size >= 1 << 30 else ""


class Engine:
    def __init__(self, state: Path, home: Path, jars: list[str], memory: str = "2g", jvm: str = ""):
        self.state = state.resolve()
        log = self.state / "log4j2.properties"
        log.write_text(LOG.format(file=self.state / "spark.log"))
        conf = home / "conf"
        conf.mkdir(exist_ok=True)  # empty and always the same: the class data archive is bound to the class path
        os.environ["SPARK_CONF_DIR"] = str(conf)
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ["LC_ALL"] = "C.UTF-8"  # else Java cannot open a file whose name is not ASCII
        archive = home / "classes.jsa"
        if archive.exists() and "ArchiveClassesAtExit" not in jvm:
            jvm += f" -XX:SharedArchiveFile={archive} -Xlog:cds=off -Xlog:cds+dynamic=off -Xshare:auto"
        builder = SparkSession.builder.master("local[2]")
        for key, value in (SETTINGS | {
            "spark.driver.memory": memory,
            "spark.driver.extraClassPath": ":".join(jars),
            "spark.driver.extraJavaOptions": f"{JVM} {young(memory)} {jvm} "
                                             f"-Dlog4j2.configurationFile={log} -Djava.io.tmpdir={self.scratch}",
            "spark.sql.warehouse.dir": str(self.state / "warehouse"),
            "spark.local.dir": str(self.scratch),
        }).items():
            builder = builder.config(key, value)
        self.catalogs: set[str] = set()
        self.spark = builder.getOrCreate()
        self.tools = self.spark._jvm.lakeferry.workspace.SessionTools
        self.reader = self.spark._jvm.lakeferry.workspace.PlanReader
        self.execution = self.spark._jvm.lakeferry.workspace.Execution

    @property
    def scratch(self) -> Path:
        folder = self.state / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    # -- catalogs ----------------------------------------------------------------------------------------------------
    def restore_schema(self, name: str, folder: Path, comment: str):
        self.tools.restoreSchema(self.spark._jsparkSession, name, folder.as_uri(), comment or "")

    def restore_table(self, schema: str, folder: Path):
        self.tools.restoreTable(self.spark._jsparkSession, schema, folder.name, folder.as_uri())

    def restore_view(self, schema: str, name: str, described: str):
        self.tools.restoreView(self.spark._jsparkSession, schema, name, described)

    def describe_view(self, schema: str, name: str) -> str:
        return self.tools.describeView(self.spark._jsparkSession, schema, name)

    # -- statements --------------------------------------------------------------------------------------------------
    def session(self, statement_id: str, user: str, client=None, **commit_info):
        """Stateless like the REST API, unless the client has opened a session. The statement's id goes into the commits it makes."""
        said = json.dumps({"statement_id": statement_id} | commit_info)
        base, conf = client and client.spark or self.spark, "\n".join(f"{k}={v}" for k, v in client.conf().items()) if client else ""
        opened = self.tools.open(base._jsparkSession, base is self.spark, ",".join(self.catalogs), PLUGIN, conf, said, user)
        return SparkSession(self.spark.sparkContext, opened)  # active in this thread: Spark loads catalogs from it

    def knows_time_zone(self, name: str) -> bool:
        return self.tools.knowsTimeZone(name)

    def use(self, session, catalog: str, schema: str, weight: int = 0):
        """`weight`: about how many bytes the statement will read."""
        with translated(self):
            self.tools.use(session._jsparkSession, catalog, schema, weight >= COMPILE_FROM)

    def read_plan(self, text: str) -> dict:
        """The statement's class and the names it touches, before anything is resolved or run."""
        with translated(self):
            return json.loads(self.reader.read(self.spark._jsparkSession, text))

    def run(self, session, text: str, args=None, row_limit=None, arrow=False):
        """One statement; returns (columns, rows of strings or an Arrow table, truncated)."""
        with translated(self):
            run = self.execution.of(session._jsparkSession, text, json.dumps(args) if args else None)
            described = [column(i, f) for i, f in enumerate(StructType.fromJson(json.loads(run.schema())).fields)]
            if not described:
                return [], [], False
            if arrow:
                frame = variants_as_text(DataFrame(run.frame(), session))
                cut = frame.limit(row_limit + 1) if row_limit else frame
                table = cut.toArrow()
                over = bool(row_limit) and table.num_rows > row_limit
                return described, table.slice(0, row_limit) if over else table, over
            rows = self.rows(run, row_limit + 1 if row_limit else 0)
            return described, rows[:row_limit], bool(row_limit) and len(rows) > row_limit

    def rows(self, run, limit: int) -> list[list]:
        """Many come by way of a file."""
        file = self.scratch / f"rows-{secrets.token_hex(8)}"
        try:
            text = run.rows(limit, str(file))
            return json.loads(file.read_bytes() if text is None else text)
        finally:
            file.unlink(missing_ok=True)

    @contextmanager
    def tagged(self, statement_id: str):
        """Between enter and exit the jobs of this thread can be cancelled by the statement's id."""
        context = self.spark.sparkContext
        context.addJobTag(statement_id)
        try:
            yield
        finally:
            context.removeJobTag(statement_id)

    def cancel(self, statement_id: str):
        self.spark.sparkContext.cancelJobsWithTag(statement_id)

    def describe(self, error) -> tuple[str, str | None]:
        cause = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
        if cause is None:
            return str(error), getattr(error, "getSqlState", lambda: None)()
        try:
            message, state = self.tools.describe(cause)
        except Py4JError:
            return str(error), None
        return (message, state) if state else (str(error), None)

    def public(self, message: str) -> str:
        """Names and paths as a client knows them: catalog.schema instead of catalog__schema, /Volumes instead of a local folder."""
        message = re.sub(r"(; line \d+ pos \d+)?;\n['+A-Z].*", lambda m: m[1] or "", message, count=1, flags=re.S)
        known = "|".join(sorted(map(re.escape, self.catalogs), key=len, reverse=True)) or "(?!)"
        message = re.sub(rf"(`?)spark_catalog\1\.\1({known})__", r"\1\2\1.\1", message)
        message = re.sub(rf"`({known})__(\w+)`", r"`\1`.`\2`", message)
        return self.places(unnumbered(message))

    def places(self, text: str) -> str:
        """Paths of this machine as a client knows them."""
        known = "|".join(sorted(map(re.escape, self.catalogs), key=len, reverse=True)) or "(?!)"
        text = re.sub(rf"file:/*{re.escape(str(self.state).lstrip('/'))}/Volumes", "dbfs:/Volumes", text)
        return re.sub(rf"(file:/*)?{re.escape(str(self.state))}/+warehouse/({known})__([^/]+)\.db", r"managed:/\2/\3", text)

    def stop(self, patience: float = 20):
        gateway = self.spark.sparkContext._gateway
        self.spark.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()  # the JVM ends with its standard input
        try:
            gateway.proc.wait(patience)
        except subprocess.TimeoutExpired:
            gateway.proc.kill()  # all that it had to keep is on the disk


@contextmanager
def translated(engine: Engine):
    """Java's errors in Databricks' form: '[CLASS] text SQLSTATE: xxxxx'."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        message, state = engine.describe(error)
        message = engine.public(message)
        if message.startswith("Cannot change nullable column"):  # Delta's words, without class and SQLSTATE
            raise unsupported("ALTER COLUMN … SET NOT NULL: say NOT NULL in CREATE TABLE") from None
        raise SqlError(message if not state or "SQLSTATE" in message else f"{message} SQLSTATE: {state}", state) from None
