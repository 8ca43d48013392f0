"""``tapedeck simulator``: the wire-level venue, until it is told to stop."""

import argparse
from pathlib import Path

from trading_runtime.errors import Refused

PORT_MAX = 65_535


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("simulator", help="run a venue to trade against")
    parser.add_argument("--port", type=int, default=0, help="of HTTP and WebSockets (0: any)")
    parser.add_argument("--tls-port", type=int, help="likewise, with TLS (0: any; default: none)")
    parser.add_argument("--seed", type=int, default=7, help="of the flow and of the faults")
    parser.add_argument(
        "--flow", choices=("generated", "none"), default="generated", help="who else trades there"
    )
    parser.add_argument(
        "--capture",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="play recorded traffic, and list its symbols, in place of generated flow",
    )
    parser.add_argument(
        "--history",
        type=int,
        metavar="N",
        help="ended orders, and trades, kept of each account and symbol (default: 100000)",
    )
    parser.add_argument(
        "--ids-after",
        type=int,
        default=0,
        metavar="N",
        help="where ids of orders and trades begin; a venue never gives one twice",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; one JSON line on standard output says that it is ready."""
    for port in (arguments.port, arguments.tls_port or 0):
        if not 0 <= port <= PORT_MAX:
            raise Refused(f"port {port} is none")
    if arguments.history is not None and arguments.history <= 0:
        raise Refused("--history is more than 0")
    if arguments.ids_after < 0:
        raise Refused("--ids-after is not below 0")
    from trading_runtime.cli import simulated  # noqa: PLC0415 -- no other command pays for a server

    plan = simulated.Plan(
        port=arguments.port,
        tls_port=arguments.tls_port,
        seed=arguments.seed,
        generated=arguments.flow == "generated",
        captures=tuple(arguments.capture),
        history_max=arguments.history,
        ids_after=arguments.ids_after,
    )
    return simulated.run(plan)
