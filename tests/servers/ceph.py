"""A real S3 with Object Lock for tests: Ceph's gateway over one monitor and one store in memory.

From Debian's packages ``radosgw``, ``ceph-mon``, ``ceph-osd``, ``ceph-common``; in a folder of its
own, on free loopback ports, without touching ``/etc`` or ``/var``. Ready in 13 to 20 s.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.servers.ports import free_port

NEEDED = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "ceph-authtool", "monmaptool")
READY_S = 180
"""Two busy cores have taken a minute."""
CONF = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]
public network = 127.0.0.0/8
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
run dir = {root}/run
keyring = {root}/keyring
log file = {root}/log/$name.log
admin socket = {root}/run/$name.asok
pid file = {root}/run/$name.pid
crash dir = {root}/run
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd crush chooseleaf type = 0
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
mon max pg per osd = 1000
mon warn on pool no redundancy = false
ms bind port min = 16800
ms bind port max = 17800
[mon]
mon data = {root}/mon
mon data avail crit = 1
mon data avail warn = 1
mon initial members = a
[osd]
osd data = {root}/osd
osd objectstore = memstore
memstore device bytes = 1073741824
osd max object name len = 460
osd max object namespace len = 64
osd op num shards = 1
osd op num threads per shard = 1
osd class load list = *
osd class default list = *
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{gateway}
rgw data = {root}/rgw
rgw thread pool size = 16
rgw crypt require ssl = false
rgw enable usage log = false
"""


class Keys(NamedTuple):
    access: str
    secret: str


def until(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while not holds():
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{process.args!r} was not ready after {READY_S} s"
        time.sleep(0.05)


class Ceph:
    """One cluster; :meth:`stop_gateway` and :meth:`start_gateway` leave what it stores alone."""

    keys = Keys("TAPEDECKTEST", "a-secret-of-the-tests")

    def __init__(self, root: Path) -> None:
        self._root = root
        self._conf = root / "ceph.conf"
        self._running: list[subprocess.Popen[bytes]] = []
        self._gateway: subprocess.Popen[bytes] | None = None
        mon_v1, mon_v2, self.port = free_port(), free_port(), free_port()
        self._addresses = f"[v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]"
        self._fsid = str(uuid.uuid4())
        for folder in ("mon", "osd", "run", "log", "rgw"):
            (root / folder).mkdir(parents=True)
        self._conf.write_text(
            CONF.format(fsid=self._fsid, root=root, mon_v1=mon_v1, mon_v2=mon_v2, gateway=self.port)
        )

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._make_keyrings()
        self._start_monitor()
        self._start_store()
        self.start_gateway()
        self.add_user("tests", self.keys)

    def stop(self) -> None:
        self.stop_gateway()
        for it in reversed(self._running):
            it.kill()
            it.wait()

    def start_gateway(self) -> None:
        self._gateway = self._spawn("radosgw", "-n", "client.rgw", "-f")
        until(self._answers, self._gateway)

    def stop_gateway(self) -> None:
        """Kill the gateway as a crash would."""
        if self._gateway is not None:
            self._gateway.send_signal(signal.SIGKILL)
            self._gateway.wait()
            self._gateway = None

    def add_user(self, name: str, keys: Keys) -> None:
        self._run(
            *("radosgw-admin", "-n", "client.rgw", "user", "create", f"--uid={name}"),
            *(f"--display-name={name}", f"--access-key={keys.access}"),
            f"--secret-key={keys.secret}",
        )

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5):
                return True
        except OSError:
            return False

    def _make_keyrings(self) -> None:
        root = self._root
        everything = ("--cap", "mon", "allow *", "--cap", "osd", "allow *")
        make = ("ceph-authtool", "--create-keyring")
        self._run(*make, root / "mon.keyring", "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        self._run(*make, root / "keyring", "--gen-key", "-n", "client.admin", *everything)
        add = ("ceph-authtool", root / "keyring", "--gen-key", "-n")
        self._run(*add, "client.rgw", *everything)
        self._run(*add, "osd.0", "--cap", "mon", "allow profile osd", "--cap", "osd", "allow *")
        with (root / "mon.keyring").open("a") as file:
            file.write((root / "keyring").read_text())

    def _start_monitor(self) -> None:
        monmap, keyring = self._root / "monmap", self._root / "mon.keyring"
        self._run(
            *("monmaptool", "--create", "--clobber", "--fsid", self._fsid),
            *("--addv", "a", self._addresses, monmap),
        )
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)
        monitor = self._spawn("ceph-mon", "-i", "a", "-f")
        self._running.append(monitor)
        until(lambda: self._asks("mon", "stat") is not None, monitor)

    def _start_store(self) -> None:
        store_id = str(uuid.uuid4())
        self._run("ceph", "osd", "new", store_id)
        shutil.copy(self._root / "keyring", self._root / "osd" / "keyring")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", store_id)
        store = self._spawn("ceph-osd", "-i", "0", "-f")
        self._running.append(store)
        until(lambda: '"num_up_osds":1' in (self._asks("osd", "stat", "-f", "json") or ""), store)

    def _command(self, program: str, *arguments: object) -> list[str]:
        known = program in {"ceph-authtool", "monmaptool"}
        return [program, *([] if known else ["-c", str(self._conf)]), *map(str, arguments)]

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            self._command(program, *arguments), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{done.args}: {done.stdout}{done.stderr}"

    def _asks(self, *arguments: str) -> str | None:
        done = subprocess.run(
            self._command("ceph", "--connect-timeout", "2", *arguments),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.replace(" ", "") if done.returncode == 0 else None

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        # The kernel kills it with the one who started it: a killed test leaves no server behind.
        said = (self._root / "log" / f"{program}.out").open("ab")
        with said:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self._command(program, *arguments)],
                stdout=said,
                stderr=said,
                env={**os.environ, "CEPH_CONF": str(self._conf)},
            )


def missing() -> str:
    lacking = [it for it in NEEDED if shutil.which(it) is None]
    return f"no {', '.join(lacking)}: apt-get install radosgw ceph-mon ceph-osd ceph-common"


@contextmanager
def running(root: Path) -> Iterator[Ceph]:
    cluster = Ceph(root)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ceph]:
    """Give a cluster of the session's own, or skip where Ceph is not installed."""
    if any(shutil.which(it) is None for it in NEEDED):
        pytest.skip(missing())
    with running(tmp_path_factory.mktemp("ceph")) as cluster:
        yield cluster
