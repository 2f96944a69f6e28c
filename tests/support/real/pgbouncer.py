"""A real PgBouncer in transaction mode before a server: what many hosters put there.

Must not: be started as a service of the machine, or listen anywhere but on 127.0.0.1.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from tests.support.real.cache import only_one
from tests.support.real.ports import free_ports
from tests.support.real.postgres import PASSWORD, PostgresServer
from tests.support.real.require import Unavailable

__all__ = ["PgBouncer", "ensure_pgbouncer"]


def _program() -> str | None:
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def ensure_pgbouncer() -> str:
    """Return the program; install Debian's where we may."""
    with only_one("pgbouncer"):
        if _program() is None and os.getuid() == 0 and shutil.which("apt-get"):
            words = ["apt-get", "-q", "install", "-y", "--no-install-recommends", "pgbouncer"]
            quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
            subprocess.run(words, env=quiet, capture_output=True, check=False)
    found = _program()
    if found is None:
        raise Unavailable("no PgBouncer; install one (Debian: apt-get install pgbouncer)")
    return found


class PgBouncer:
    """`with PgBouncer(server) as bouncer: open_ledger(server.dsn(name, port=bouncer.port))`.

    Two server connections for everybody: whoever relies on having one for itself fails.
    """

    def __init__(self, server: PostgresServer) -> None:
        self._program = ensure_pgbouncer()
        self._server = server
        self._folder = Path(tempfile.mkdtemp(prefix="knect-pgbouncer-"))
        (self.port,) = free_ports(1)

    def __enter__(self) -> Self:
        target = f"host=127.0.0.1 port={self._server.port} user=postgres password='{PASSWORD}'"
        (self._folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = {target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nauth_type = any\npool_mode = transaction\n"
            "default_pool_size = 2\nmax_client_conn = 100\nunix_socket_dir =\n"
        )
        self._folder.chmod(0o755)
        words = [self._program, str(self._folder / "pgbouncer.ini")]
        if os.getuid() == 0:
            nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
            words = [*nobody, *words]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, cwd="/")
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    said = (self._folder / "log").read_text()[-1000:]
                    raise RuntimeError(f"no PgBouncer: {said}") from None
                time.sleep(0.02)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
