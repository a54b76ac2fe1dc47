"""The same questions in PostgreSQL: build the tables in a schema of its own, count pages, drop it.

DATABASE_URL=postgresql://user@host:5432/shop python postgres.py [holdout]

Work is counted in pages that a query touches, by EXPLAIN (ANALYZE, BUFFERS): what it finds in
memory and what it reads, temporary files included. Plans depend on statistics, so the figure may
move by a little. A query runs in a read-only transaction, with the rights of the user in the URL:
give that user a database of its own and no others.
"""

import csv
import io
import json
import os
import sys
import time
import tomllib
import uuid
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pg8000.native
from data import TABLES, tables
from evaluate import same

PAGES = ("Shared Hit Blocks", "Shared Read Blocks", "Temp Read Blocks", "Temp Written Blocks")
LONGEST = "20s"


def main() -> None:
    """Build, ask, compare, and print the pages that it took."""
    design = tomllib.loads(Path("queries.toml").read_text(encoding="utf-8"))
    part = "holdout" if "holdout" in sys.argv[1:] else "dev"
    questions = json.loads(Path("questions.json").read_text(encoding="utf-8"))[part]
    answers = json.loads(Path("answers.json").read_text(encoding="utf-8"))[part]
    schema = f"autoresearch_{uuid.uuid4().hex[:12]}"
    database = connect()
    try:
        print(f"size_ratio: {build(database, schema, design):.3f}")
        work: dict[str, int] = {}
        start = time.perf_counter()
        for question, answer in zip(questions, answers, strict=True):
            name = question["query"]
            rows, pages = ask(database, design["queries"].get(name, ""), question["with"])
            if not same(rows, answer):
                sys.exit(f"{name} gives another answer with {json.dumps(question['with'])}")
            work[name] = work.get(name, 0) + pages
        print(f"query_seconds: {time.perf_counter() - start:.2f}")
    except pg8000.native.DatabaseError as error:
        sys.exit(f"PostgreSQL says: {error.args[0].get('M', error)}")
    finally:
        database.run("SET default_transaction_read_only = off")
        database.run(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        database.close()
    for name, pages in sorted(work.items(), key=lambda item: -item[1]):
        print(f"{name}: {pages / 1000:.3f}")
    print(f"thousand_pages: {sum(work.values()) / 1000:.3f}")


def connect() -> pg8000.native.Connection:
    """The database of DATABASE_URL; ends the program in one sentence where there is none."""
    url = urlsplit(os.environ.get("DATABASE_URL", ""))
    if not url.hostname:
        sys.exit("DATABASE_URL is not set; it looks like postgresql://user@host:5432/shop")
    return pg8000.native.Connection(
        unquote(url.username or "postgres"),
        host=url.hostname,
        port=url.port or 5432,
        database=url.path.strip("/") or "postgres",
        password=unquote(url.password) if url.password else None,
    )


def build(database: pg8000.native.Connection, schema: str, design: dict[str, object]) -> float:
    """Fill the tables and make the indexes; the size with indexes, beside that without."""
    database.run(f"CREATE SCHEMA {schema}")
    database.run(f"SET search_path = {schema}")
    for table, columns, rows in tables():
        database.run(f"CREATE TABLE {table} ({columns.replace('REAL', 'DOUBLE PRECISION')})")
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        text.seek(0)
        database.run(f"COPY {table} FROM STDIN WITH (FORMAT CSV)", stream=text)
    indexes = design.get("indexes", {})
    assert isinstance(indexes, dict)
    for place in (place for place, made in indexes.items() if made):
        if place.split("(", maxsplit=1)[0].strip() not in TABLES or ";" in place:
            sys.exit(f"`{place}` is no index; write one as `orders(o_custkey)`")
        database.run(f"CREATE INDEX ON {place}")
    for table in TABLES:
        database.run(f"VACUUM (ANALYZE, FREEZE) {table}")
    sizes = [
        database.run(
            f"SELECT sum({of}(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE nspname = :schema AND relkind = 'r'",
            schema=schema,
        )[0][0]
        for of in ("pg_total_relation_size", "pg_table_size")
    ]
    database.run("SET default_transaction_read_only = on")
    database.run("SET max_parallel_workers_per_gather = 0")
    database.run("SET jit = off")
    database.run(f"SET statement_timeout = '{LONGEST}'")
    return float(sizes[0] / sizes[1])


def ask(
    database: pg8000.native.Connection, query: str, values: dict[str, object]
) -> tuple[list[list[object]], int]:
    """The rows of a query and the pages that it touches."""
    if ";" in query:
        sys.exit(f"a query is one SELECT without a semicolon: {' '.join(query.split())[:200]}")
    rows = [list(row) for row in database.run(query, **values)]
    plan = database.run(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", **values)[0][0]
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return rows, sum(plan[0]["Plan"][kind] for kind in PAGES)


if __name__ == "__main__":
    main()
