"""Writes the class data archive: starts Spark once, runs a few statements, and lets Java dump what it loaded."""
import shutil
import sys
import tempfile
from pathlib import Path

from . import places
from .engine import Engine


def main():
    home = places.home()
    archive, state = home / "classes.jsa", Path(tempfile.mkdtemp(prefix="lakeferry-archive-"))
    archive.unlink(missing_ok=True)
    try:
        engine = Engine(state, home, places.jars(home), jvm=f"-XX:ArchiveClassesAtExit={archive} -Xlog:cds=off -Xlog:cds+dynamic=off")
        engine.catalogs.add("main")
        engine.restore_schema("main__s", state / "warehouse" / "main__s.db", "")
        for number, text in enumerate((
                "CREATE TABLE main.s.t (k STRING, v BIGINT) CLUSTER BY (k)", "INSERT INTO main.s.t VALUES ('a', 1)",
                "MERGE INTO main.s.t AS t USING (SELECT inline(from_json('[{\"k\":\"a\",\"v\":2}]', 'array<struct<k STRING, v BIGINT>>'))) AS s "
                "ON t.k = s.k WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT (k, v) VALUES (s.k, s.v)",
                "ALTER TABLE main.s.t ADD COLUMNS (x TIMESTAMP)", "SELECT k, count(*) FROM main.s.t GROUP BY k", "DROP TABLE main.s.t")):
            engine.read_plan(text)
            engine.run(engine.session(str(number), "archive"), text)
        engine.stop(patience=600)  # Java writes the archive as it ends, and on a busy machine that takes its time
    finally:
        shutil.rmtree(state, ignore_errors=True)
    if not archive.exists():
        print("Java wrote no archive", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
