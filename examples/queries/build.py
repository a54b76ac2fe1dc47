"""Build database.sqlite with the indexes of queries.toml, and tell what they cost."""

import sqlite3
import sys
import time
import tomllib
from pathlib import Path

from data import TABLES, tables

FILE = Path("database.sqlite")
ALLOWED = {
    sqlite3.SQLITE_CREATE_INDEX,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_REINDEX,
    sqlite3.SQLITE_SELECT,
}


def main() -> None:
    """Load the tables, then make the indexes, each by its name in queries.toml."""
    design = tomllib.loads(Path("queries.toml").read_text(encoding="utf-8"))
    FILE.unlink(missing_ok=True)
    database = sqlite3.connect(FILE)
    for table, columns, rows in tables():
        database.execute(f"CREATE TABLE {table} ({columns})")
        marks = ", ".join("?" * len(rows[0]))
        database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
    database.commit()
    plain = FILE.stat().st_size
    start = time.process_time()
    wanted = [place for place, made in design.get("indexes", {}).items() if made]
    for number, place in enumerate(wanted):
        make(database, f"index_{number}", place)
    if design.get("analyze"):
        database.execute("ANALYZE")
    database.commit()
    print(f"indexes: {len(wanted)}")
    print(f"index_seconds: {time.process_time() - start:.2f}")
    print(f"size_ratio: {FILE.stat().st_size / plain:.3f}")


def make(database: sqlite3.Connection, name: str, place: str) -> None:
    """Make one index, `orders(o_custkey)`; ends the program in one sentence where it is none."""
    if place.split("(", maxsplit=1)[0].strip() not in TABLES:
        sys.exit(f"`{place}` names no table; write an index as `orders(o_custkey)`")
    database.set_authorizer(lambda action, first, *_: _allow(action, first))
    try:
        database.execute(f"CREATE INDEX {name} ON {place}")
    except sqlite3.Error as error:
        sys.exit(f"the index `{place}` cannot be made: {error}")
    finally:
        database.set_authorizer(None)


def _allow(action: int, first: str | None) -> int:
    schema = action == sqlite3.SQLITE_INSERT and first in ("sqlite_master", "sqlite_schema")
    schema |= action == sqlite3.SQLITE_UPDATE and first in ("sqlite_master", "sqlite_schema")
    return sqlite3.SQLITE_OK if action in ALLOWED or schema else sqlite3.SQLITE_DENY


if __name__ == "__main__":
    main()
