"""A real PostgreSQL: a data folder of its own, on loopback, started per test session.

Why: locks, isolation, restarts and lost answers are only what the real thing does. Where the
machine has no server and we are root, Debian's package is installed, without a cluster of its own.
Must not: touch a server it did not start, or listen anywhere but on 127.0.0.1.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Self

from tests.support.real.cache import only_one
from tests.support.real.ports import free_ports
from tests.support.real.require import Unavailable

__all__ = ["PostgresServer", "Session", "ensure_postgres"]

_ADMIN = "postgres"
PASSWORD = "s3cr3t/with:odd@signs"
#: Tests lose nothing when the machine loses power; a killed server still loses nothing.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "warning",
    "autovacuum_naptime": "10s",
}
_DONE = "-- done --"


def ensure_postgres() -> Path:
    """Return the folder of the server's programs; install them if that is possible."""
    found = _programs()
    if found is None:
        with only_one("postgres"):
            found = _programs() or _install()
    return found


def _programs() -> Path | None:
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(folders, key=lambda p: float(p.parts[-3]), default=None)
    return newest.parent if newest else None


def _install() -> Path:
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        raise Unavailable("no PostgreSQL server; install one (Debian: apt-get install postgresql)")
    settings = Path("/etc/postgresql-common")
    settings.mkdir(exist_ok=True)
    if not (settings / "createcluster.conf").exists():
        (settings / "createcluster.conf").write_text("create_main_cluster = false\n")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", "postgresql"]):
        done = subprocess.run(
            ["apt-get", "-q", *words], env=quiet, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Unavailable(f"apt-get {words[0]} failed: {done.stderr.strip()[-300:]}")
    found = _programs()
    if found is None:
        raise Unavailable("Debian's package postgresql brought no server")
    return found


class Session:
    """A psql that stays: a statement costs no process and no log-in."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, statement: str) -> str:
        """Run a statement; return what psql prints. Raises OSError if that was its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{statement};\n\\echo {_DONE}\n")
        self._process.stdin.flush()
        lines = []
        for line in self._process.stdout:
            if line == f"{_DONE}\n":
                return "".join(lines).strip()
            lines.append(line)
        raise ConnectionError(f"{statement}: {''.join(lines)}")

    def close(self) -> None:
        """Log out."""
        self._process.kill()
        self._process.communicate()


class PostgresServer:
    """`with PostgresServer() as server: server.fresh_database()`; may be killed and started."""

    def __init__(self, **settings: str) -> None:
        self._bin = ensure_postgres()
        self._settings = {**_SETTINGS, **settings}
        self._folder = Path(tempfile.mkdtemp(prefix="knect-postgres-"))
        self.data = self._folder / "data"
        (self.port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        self._template: str | None = None

    def __enter__(self) -> Self:
        self._folder.chmod(0o755)
        self.data.mkdir()
        if os.getuid() == 0:
            shutil.chown(self.data, "nobody")
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        subprocess.run(
            self._as_nobody(
                "initdb", "-D", str(self.data), "-U", _ADMIN, "-A", "scram-sha-256", "--no-sync",
                "--locale=C.UTF-8", "-E", "UTF8", f"--pwfile={secret}",
            ),
            check=True, capture_output=True, cwd="/",
        )  # fmt: skip
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _as_nobody(self, program: str, *words: str) -> list[str]:
        command = [str(self._bin / program), *words]
        if os.getuid() != 0:
            return command
        return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--", *command]

    # ------------------------------------------------------------ life and death

    def start(self, **settings: str) -> None:
        """Start, and wait until it answers; recovery included."""
        options = [f"-c{name}={value}" for name, value in {**self._settings, **settings}.items()]
        words = ["-D", str(self.data), "-p", str(self.port), "-k", str(self.data), *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._as_nobody("postgres", *words), stdout=log, stderr=log, cwd="/"
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no PostgreSQL: {self.log()[-2000:]}")
            time.sleep(0.05)  # each look is a process

    def _answers(self) -> bool:
        words = ["-h", "127.0.0.1", "-p", str(self.port), "-q"]
        return subprocess.run([self._bin / "pg_isready", *words], check=False).returncode == 0

    def kill(self) -> None:
        """Stop it as a crash does: nothing is written, connections are cut."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)  # immediate; also ends the children
        self._process.wait(30)

    def stop(self) -> None:
        """Stop it as an administrator does: connections are told and cut."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)  # fast
        self._process.wait(30)

    def log(self) -> str:
        """Return what it wrote."""
        return (self._folder / "log").read_text()

    # ------------------------------------------------------------ databases

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as administrator; return what psql prints, unaligned."""
        done = subprocess.run(
            [*self._psql, "-c", statement],
            env=self._to(database), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{statement}: {done.stderr}")
        return done.stdout.strip()

    def session(self, database: str) -> "Session":
        """Log in as administrator, and stay."""
        return Session(self._psql, self._to(database))

    @property
    def _psql(self) -> list[str]:
        return [str(self._bin / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1"]

    def _to(self, database: str) -> dict[str, str]:
        return {
            **os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": _ADMIN,
            "PGPASSWORD": PASSWORD, "PGDATABASE": database,
        }  # fmt: skip

    def dsn(self, database: str, *, port: int | None = None, **parameters: str) -> str:
        """Return the address of a database, as an administrator writes it into a Secret."""
        from urllib.parse import quote, urlencode  # noqa: PLC0415

        query = f"?{urlencode(parameters)}" if parameters else ""
        secret = quote(PASSWORD, safe="")
        return f"postgresql://{_ADMIN}:{secret}@127.0.0.1:{port or self.port}/{database}{query}"

    def fresh_database(self) -> str:
        """Return the name of a new, empty database."""
        name = f"t{next(self._numbers)}"
        self.sql(f"create database {name}")
        return name
