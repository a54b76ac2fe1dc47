"""The same questions in PostgreSQL: build the tables in a schema of its own, count pages, drop it.

DATABASE_URL=postgresql://user@host:5432/shop python postgres.py [holdout]

Work is counted in pages that a query touches, by EXPLAIN (ANALYZE, BUFFERS): what it finds in
memory and what it reads, temporary files included. Statistics are made from all rows, and nothing
makes them anew, so plans and figures are the same each time. A query runs in a read-only
transaction, with the rights of the user in the URL: give that user a database of its own.

A schema is held by a lock for as long as its evaluation lives. What a killed one left is dropped by
the next.
"""

import csv
import io
import json
import os
import re
import sys
import time
import tomllib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data import TABLES, tables
from evaluate import Rows, same

try:
    import psycopg
except ImportError:
    sys.exit("psycopg asks PostgreSQL; install it with: pip install 'psycopg[binary]'")

PAGES = ("Shared Hit Blocks", "Shared Read Blocks", "Temp Read Blocks", "Temp Written Blocks")
PARAMETER = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|::|:(?P<name>\w+)", re.DOTALL)
OF_THE_SERVER = re.compile(r"\bpg_|\bcurrent_|\bset_config\b|_to_xml|\bU&", re.IGNORECASE)
LEFT_OVER = r"SELECT nspname FROM pg_namespace WHERE nspname LIKE 'autoresearch\_%'"
SETTINGS = {
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "synchronize_seqscans": "off",
    "default_statistics_target": "250",
    "statement_timeout": "60s",
}


def main() -> None:
    """Build, ask, compare, and print the pages that it took."""
    design = tomllib.loads(Path("queries.toml").read_text(encoding="utf-8"))
    part = "holdout" if "holdout" in sys.argv[1:] else "dev"
    questions = json.loads(Path("questions.json").read_text(encoding="utf-8"))[part]
    answers = json.loads(Path("answers.json").read_text(encoding="utf-8"))[part]
    work: dict[str, int] = {}
    try:
        with connect() as database, schema(database):
            print(f"size_ratio: {build(database, design.get('indexes', {})):.3f}")
            start = time.perf_counter()
            for question, answer in zip(questions, answers, strict=True):
                name = question["query"]
                query = design.get("queries", {}).get(name, "")
                rows, pages = ask(database, query, question["with"])
                if not same(rows, answer):
                    sys.exit(f"{name} gives another answer with {json.dumps(question['with'])}")
                work[name] = work.get(name, 0) + pages
            print(f"query_seconds: {time.perf_counter() - start:.2f}")
    except psycopg.Error as error:
        sys.exit(f"PostgreSQL says: {' '.join(str(error).split())[:300]}")
    for name, pages in sorted(work.items(), key=lambda item: -item[1]):
        print(f"{name}: {pages / 1000:.3f}")
    print(f"thousand_pages: {sum(work.values()) / 1000:.3f}")


def connect() -> psycopg.Connection[Any]:
    """Open the database of DATABASE_URL; end the program in one sentence if there is none."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith(("postgresql://", "postgres://")):
        sys.exit(
            "DATABASE_URL names no PostgreSQL server; it looks like "
            "postgresql://user@localhost:5432/shop, without a password: no run is given one"
        )
    return psycopg.connect(
        url, autocommit=True, connect_timeout=10, cursor_factory=psycopg.RawCursor
    )


@contextmanager
def schema(database: psycopg.Connection[Any]) -> Iterator[None]:
    """Make a schema, dropped in the end; drop those of killed evaluations, too."""
    name = f"autoresearch_{uuid.uuid4().hex[:12]}"
    held = "SELECT pg_try_advisory_lock(hashtext($1))"
    database.execute(held, [name])
    for (old,) in database.execute(LEFT_OVER).fetchall():
        if database.execute(held, [old]).fetchone() == (True,):
            database.execute(f'DROP SCHEMA IF EXISTS "{old}" CASCADE')
    database.execute(f"CREATE SCHEMA {name}")
    try:
        database.execute(f"SET search_path = {name}")
        yield
    finally:
        database.read_only = False
        database.execute(f"DROP SCHEMA {name} CASCADE")


def build(database: psycopg.Connection[Any], indexes: dict[str, bool]) -> float:
    """Fill the tables and make the indexes; the size with indexes, beside that without."""
    for name, value in SETTINGS.items():
        database.execute(f"SET {name} = '{value}'")
    for table, columns, rows in tables():
        typed = columns.replace("REAL", "DOUBLE PRECISION")
        database.execute(f"CREATE TABLE {table} ({typed}) WITH (autovacuum_enabled = off)")
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        with database.cursor().copy(f"COPY {table} FROM STDIN WITH (FORMAT CSV)") as copy:
            copy.write(text.getvalue())
    for place in (place for place, made in indexes.items() if made):
        if place.split("(", maxsplit=1)[0].strip() not in TABLES or ";" in place:
            sys.exit(f"`{place}` is no index; write one as `orders(o_custkey)`")
        database.execute(f"CREATE INDEX ON {place}")
    for table in TABLES:
        database.execute(f"VACUUM (ANALYZE, FREEZE) {table}")
    found = database.execute(
        "SELECT sum(pg_total_relation_size(oid)) / sum(pg_table_size(oid)) FROM pg_class "
        "WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
    ).fetchone()
    database.read_only = True
    return float(found[0]) if found else 0.0


def ask(
    database: psycopg.Connection[Any], query: str, parameters: dict[str, Any]
) -> tuple[Rows, int]:
    """Return the rows of a query and the pages that it touches; end the program on an error.

    A query that knew that it is being counted, or what it said a moment ago, could answer the one
    time and count the other.
    """
    shown = " ".join(query.split())[:200]
    if ";" in query:
        sys.exit(f"a query is one SELECT without a semicolon: {shown}")
    if found := OF_THE_SERVER.search(query):
        sys.exit(f"a query asks nothing of the server itself, as `{found[0]}` does: {shown}")
    asked, values = numbered(query, parameters)
    with database.transaction(force_rollback=True):
        rows = [list(row) for row in database.execute(asked, values)]
    with database.transaction(force_rollback=True):
        explained = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {asked}"
        plan = database.execute(explained, values).fetchall()[0][0][0]
    if round(plan["Plan"]["Actual Rows"]) != len(rows):
        sys.exit(f"a query has other rows when it is asked again: {shown}")
    return rows, sum(plan["Plan"][kind] for kind in PAGES)


def numbered(query: str, parameters: dict[str, Any]) -> tuple[str, list[Any]]:
    """Return a query with `$1` in the place of `:day`, and the values in their order."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return found[0]
        if name not in parameters:
            sys.exit(f"a query has a parameter :{name}, which nobody gives it")
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return PARAMETER.sub(number, query), [parameters[name] for name in names]


if __name__ == "__main__":
    main()
