"""``tapedeck witness``: the process that cosigns a log's checkpoints, and never goes back."""

import argparse
import asyncio
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from trading_runtime.audit.keys import WITNESS, keep_key, key_path, read_key
from trading_runtime.audit.witness.server import Server
from trading_runtime.audit.witness.witness import Alarm, Witness
from trading_runtime.cli.aside import aside
from trading_runtime.cli.telling import READY, tell
from trading_runtime.clock import Clock
from trading_runtime.errors import Halt, Misread, Refused
from trading_runtime.evidence import trust
from trading_runtime.evidence.notes import Kind as KeyKind
from trading_runtime.evidence.notes import SigningKey
from trading_runtime.evidence.trust import Trust
from trading_runtime.journal.alone import alone
from trading_runtime.journal.diary import Diary
from trading_runtime.records.envelope import Kind
from trading_runtime.records.observations import AuditRefused

HOST = "127.0.0.1"
PORT_MAX = 65_535


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("witness", help="cosign the checkpoints of an audit log")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--host", default=HOST, help="to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="likewise (0: any, which is then said)")
    parser.add_argument(
        "--trust",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="of each log that is witnessed (default: DIR/audit/trust); read again at SIGHUP",
    )
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="default: DIR/audit/keys/witness.key"
    )
    parser.add_argument(
        "--make-key",
        metavar="NAME",
        help="write a new key of this name, print what a policy says of it, and end",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    audit: Path = arguments.data / "audit"
    key_file: Path = arguments.key or key_path(audit, WITNESS)
    if arguments.make_key is not None:
        return make_key(key_file, arguments.make_key)
    if not 0 <= arguments.port <= PORT_MAX:
        raise Refused(f"port {arguments.port} is none")
    folders: list[Path] = arguments.trust or [audit / "trust"]
    key = read_key(key_file)
    if key.vkey.kind is not KeyKind.COSIGNATURE:
        raise Refused(f"the key {key_file} is no witness's: make one with --make-key NAME")
    folder = audit / "witness"
    with alone(folder / "lock", f"another witness keeps its memory in {folder}"):
        asyncio.run(serve(folder, folders, key, (arguments.host, arguments.port)))
    return 0


def make_key(path: Path, name: str) -> int:
    try:
        key = SigningKey.generate(name, KeyKind.COSIGNATURE)
        keep_key(path, key)
    except FileExistsError:
        raise Refused(f"{path} holds a key already: a witness has one") from None
    except Misread as misread:
        raise Refused(f"{name!r} cannot name a key: {misread.detail}") from None
    tell(str(key.vkey))
    return 0


def read_logs(folders: Sequence[Path]) -> dict[str, Trust]:
    """Read whose checkpoints are cosigned; raise :exc:`Refused` where that cannot be read."""
    logs = {}
    for folder in folders:
        path = folder / "trust.json"
        try:
            found = trust.read(path.read_bytes())
        except (OSError, Misread) as fault:
            raise Refused(f"{path} cannot be read: {fault}") from None
        logs[found.origin] = found
    return logs


async def serve(
    folder: Path, folders: Sequence[Path], key: SigningKey, address: tuple[str, int]
) -> None:
    """Answer until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    with aside(folder, "witness", Clock()) as diary:
        try:
            witness = Witness(folder, read_logs(folders), key, partial(raise_alarm, diary))
            server = Server(witness)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, server.stopping.set)
            loop.add_signal_handler(signal.SIGHUP, read_again, witness, folders)
            port = await server.start(*address)
            tell(f"witness {key.vkey} on http://{address[0]}:{port}")
            tell(READY)
            await server.serve()
            witness.close()
        except Halt as halt:
            diary.write(Kind.OBSERVATION, AuditRefused(reason=str(halt)))
            raise


def raise_alarm(diary: Diary, alarm: Alarm) -> None:
    """Say it in the witness's journal, and on its output."""
    diary.write(Kind.OBSERVATION, alarm)
    tell(f"ALARM {alarm}")


def read_again(witness: Witness, folders: Sequence[Path]) -> None:
    """Take new keys over, after a rotation; the old ones stay where these cannot be read."""
    try:
        witness.trust(read_logs(folders))
    except (Refused, Halt, OSError) as fault:
        tell(f"trust is not read again: {fault}")
    else:
        tell("trust was read again")
