"""Sums over Parquet files of the lake by Spark; run in its own environment (``.venv-spark``).

Reads ``{table: [paths]}`` and prints ``{table: {"rows": count, column: sum}}`` of the integers.
"""

import json
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as sql

INTEGERS = {"tinyint", "smallint", "int", "bigint"}


def main() -> None:
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    told = {}
    for table, paths in json.load(sys.stdin).items():
        rows = session.read.parquet(*paths)
        names = [name for name, kind in rows.dtypes if kind in INTEGERS]
        # Sums of ids and nanoseconds outgrow 64 bits, where Spark would stop.
        sums = [sql.sum(sql.col(name).cast("decimal(38,0)")).alias(name) for name in names]
        found = rows.agg(sql.count(sql.lit(1)).alias("rows"), *sums).collect()[0].asDict()
        told[table] = {name: int(value or 0) for name, value in found.items()}
    sys.stdout.write(json.dumps(told) + "\n")
    session.stop()


if __name__ == "__main__":
    main()
