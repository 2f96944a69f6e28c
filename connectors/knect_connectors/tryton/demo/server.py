"""A trytond process, on loopback unless told otherwise: started, waited for, killed, started again.

Must not: be stopped by name; only the process started here is ever signalled.
"""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import weakref
from pathlib import Path
from types import TracebackType
from typing import Self

from knect_connectors.tryton.demo.database import TrytonUnavailable, write_configuration

__all__ = ["PASSWORD", "USER", "TrytonServer"]

#: The ERP user the demo's Connection logs in as.
USER = "knect"
PASSWORD = "knect-demo-password"  # noqa: S105 - a throw-away database

_START_SECONDS = 60.0


class TrytonServer:
    """Runs trytond for one database file; a context manager.

    `url` is the server's base address, `database` the database's name. The port stays the same
    over restarts, so that a client sees an ERP that went away and came back.
    """

    def __init__(self, database_path: Path, port: int = 0, host: str = "127.0.0.1") -> None:
        self._path = database_path.resolve()
        self._port = port or self._hold_port()
        self._host = host
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        self.database = self._path.stem
        self.log = self._path.parent / "trytond.log"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start and wait until it answers for its database. Raises TrytonUnavailable."""
        configuration = write_configuration(self._path.parent, f"{self._host}:{self._port}")
        program = [sys.executable, "-c", "from trytond.cli import main; main()"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [*program, "-c", str(configuration), "-d", self.database],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _hold_port(self) -> int:
        """Bind a port without listening for as long as this object lives: nobody else gets it."""
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        weakref.finalize(self, held.close)
        return int(held.getsockname()[1])

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                tail = self.log.read_text(errors="replace").strip().splitlines()[-1:]
                raise TrytonUnavailable(f"trytond ended at start: {' '.join(tail)}")
            try:
                # A call without credentials is answered 401 once the server is up.
                address = f"{self.url}/{self.database}/rpc/"
                with urllib.request.urlopen(address, b"", timeout=1):  # noqa: S310 - loopback
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.02)
        raise TrytonUnavailable(f"trytond did not answer within {_START_SECONDS:.0f} s")
