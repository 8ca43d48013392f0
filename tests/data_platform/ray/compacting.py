"""Compact folders on a cluster of two workers, and kill what works in the middle of it.

Runs with Ray's own interpreter, in a network namespace where there is nothing but it. Writes one
JSON object: what was killed, and what the tasks gave.
"""

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from data_platform.assets.ticks.compaction import HourTask, compact
from data_platform.resources.engine import Engine
from trading_runtime.store.hours import Hour

NAME = b"ray::compact"


def working() -> list[int]:
    """Give the processes that compact at this moment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "cmdline").read_bytes().startswith(NAME):
                found.append(int(folder.name))
    return found


def kill_one(killed: list[int], stop: threading.Event) -> None:
    while not stop.is_set() and not killed:
        for process in working()[:1]:
            os.kill(process, signal.SIGKILL)
            killed.append(process)


def main(answer: Path, hour: Hour, folders: list[Path]) -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    first, _ = cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    engine = Engine(kind="ray", address=cluster.address)
    tasks = [HourTask(folder, table, hour) for folder in folders for table in ("depth", "trades")]
    killed: list[int] = []
    stop = threading.Event()
    killer = threading.Thread(target=kill_one, args=(killed, stop))
    killer.start()
    done = engine.map(compact, tasks)
    stop.set()
    killer.join()
    # A whole machine goes; the one that is left does what there is to do, and finds it done.
    cluster.remove_node(first, allow_graceful=False)
    while sum(node["Alive"] for node in ray.nodes()) > 2:
        threading.Event().wait(0.1)
    again = engine.map(compact, tasks)
    answer.write_text(
        json.dumps(
            {
                "killed": len(killed),
                "rows": [it.rows for it in done],
                "problems": [it.problems for it in (*done, *again)],
            }
        )
    )
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        Hour(sys.argv[2], int(sys.argv[3])),
        [Path(it) for it in sys.argv[4:]],
    )
