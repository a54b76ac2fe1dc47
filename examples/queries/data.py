"""The shop's data: TPC-H-derived tables from tpcgen-cli. Nobody edits this.

The tables are made anew each time from their own fixed seed, which takes a second; nothing is
downloaded. They have no keys and no indexes, as an import leaves them. Figures from them are not
comparable with published results of TPC-H, whose rules these runs do not follow.
"""

import csv
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

SCALE = "0.01"  # 60,000 order lines
TABLES = {
    "region": "r_regionkey INTEGER, r_name TEXT",
    "nation": "n_nationkey INTEGER, n_name TEXT, n_regionkey INTEGER",
    "supplier": "s_suppkey INTEGER, s_name TEXT, s_nationkey INTEGER, s_acctbal REAL",
    "customer": "c_custkey INTEGER, c_name TEXT, c_nationkey INTEGER, c_phone TEXT, "
    "c_acctbal REAL, c_mktsegment TEXT",
    "part": "p_partkey INTEGER, p_name TEXT, p_mfgr TEXT, p_brand TEXT, p_type TEXT, "
    "p_size INTEGER, p_container TEXT, p_retailprice REAL",
    "partsupp": "ps_partkey INTEGER, ps_suppkey INTEGER, ps_availqty INTEGER, ps_supplycost REAL",
    "orders": "o_orderkey INTEGER, o_custkey INTEGER, o_orderstatus TEXT, o_totalprice REAL, "
    "o_orderdate TEXT, o_orderpriority TEXT",
    "lineitem": "l_orderkey INTEGER, l_partkey INTEGER, l_suppkey INTEGER, l_linenumber INTEGER, "
    "l_quantity REAL, l_extendedprice REAL, l_discount REAL, l_tax REAL, l_returnflag TEXT, "
    "l_linestatus TEXT, l_shipdate TEXT, l_commitdate TEXT, l_receiptdate TEXT, l_shipmode TEXT",
}


def tables() -> Iterator[tuple[str, str, list[list[str]]]]:
    """Name, columns and rows of each; ends the program in one sentence without tpcgen-cli."""
    program = shutil.which("tpcgen-cli", path=str(Path(sys.executable).parent))
    program = program or shutil.which("tpcgen-cli")
    if program is None:
        sys.exit("tpcgen-cli makes the data; install it with: pip install tpcgen-cli")
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "tpch", "csv", "-s", SCALE, "--output-dir", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for table, columns in TABLES.items():
            names = [column.split()[0] for column in columns.split(", ")]
            with (Path(folder) / f"{table}.csv").open(newline="", encoding="utf-8") as file:
                yield table, columns, [[row[n] for n in names] for row in csv.DictReader(file)]
