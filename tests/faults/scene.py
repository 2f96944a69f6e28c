"""A shop, an ERP, a collector and a worker as processes of their own, and the evidence they leave.

Must not: signal any process it did not start, or know how the engine works.
"""

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.faults.declared import DOCUMENTS
from tests.faults.postgres import Postgres
from tests.support.erp import environment
from tests.support.fault_wire import Wires
from tests.support.real.ports import free_ports

from knect.history import Call, read_calls

__all__ = ["Scene", "Worker", "a_collector", "a_scene", "is_killed", "until"]

KNECT = Path(sys.executable).parent / "knect"
HOOK = "unguessable"
FOREVER = 60.0


def until(holds: Callable[[], bool], what: str, seconds: float = FOREVER) -> None:
    """Wait until something holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"in {seconds:g} s: {what}"
        time.sleep(0.02)


class Worker:
    """One life of `knect run`."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process = process
        self.log = log
        self._port = port

    def is_up(self) -> bool:
        """Tell whether it has taken up the work and serves webhooks."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=1) as a:
                return bool(a.status == 200)
        except OSError:
            return False

    def has_ended(self) -> bool:
        """Tell whether it is dead."""
        return self.process.poll() is not None

    def kill(self) -> None:
        """As `kill -9` would."""
        self.process.kill()
        self.process.wait()

    def wait(self, seconds: float = FOREVER) -> int:
        """Return its exit code, negative for the signal that ended it."""
        return self.process.wait(seconds)


class Scene:
    """Everything of one run, in one folder.

    With `wires`, whatever has a wire of its name is reached through it by the worker: a shop,
    `acme-erp`, `ledger` (on PostgreSQL), `collector`. The control routes are always direct.
    """

    def __init__(
        self, folder: Path, postgres: Postgres | None = None, wires: Wires | None = None
    ) -> None:
        self.folder = folder
        self.ledger = folder / "ledger.db"
        self.postgres = postgres
        self.wires = wires
        self.hooks = free_ports(1)[0]
        self.shops: dict[str, str] = {}
        self.erp = ""
        self.environment: dict[str, str] = {}
        self.before: tuple[str, ...] = ()
        self._processes: list[subprocess.Popen[Any]] = []
        self._controls: list[str] = []  # of simulators; an end may be a real system
        self._env = environment(folder / "installed", KNECT_DEBUG="1")

    @property
    def shop(self) -> str:
        """The address of the first shop's control routes."""
        return next(iter(self.shops.values()))

    @property
    def dsn(self) -> str:
        """The ledger, as a command is told of it."""
        if self.postgres is None:
            return str(self.ledger)
        if self.wires is not None and "ledger" in self.wires:
            return self.postgres.server.dsn(self.postgres.name, port=self.wires.port("ledger"))
        return self.postgres.dsn

    @property
    def pids(self) -> list[int]:
        """The processes that were started here."""
        return [process.pid for process in self._processes]

    def readable_ledger(self) -> Path:
        """Return a file with the ledger's rows: itself, or a copy of what the server holds."""
        return self.postgres.copy_to(self.folder / "copy.db") if self.postgres else self.ledger

    # ------------------------------------------------------------ processes

    def start_shop(
        self, *, seed: int, faults: Mapping[str, float], name: str = "acme-shop", **options: object
    ) -> None:
        """Start a simulated Shopify; it sends its webhooks to the worker."""
        url = f"http://127.0.0.1:{self.hooks}/webhooks/{name}/{HOOK}"
        given = {"kind": "small", "orders": 0, "webhook": url, "seed": seed, **options}
        words = [*_faults(faults), *(f"{name}={value}" for name, value in given.items())]
        self.shops[name] = self._simulator([KNECT, "simulate", "shopify"], name, words)
        self._controls.append(self.shops[name])

    def start_erp(
        self,
        *,
        seed: int,
        faults: Mapping[str, float],
        skus: tuple[str, ...],
        spare: tuple[str, ...] = (),
    ) -> None:
        """Start the simulated ERP; the paths in `spare` meet no fault."""
        words = [*_faults(faults), *(f"--spare={path}" for path in spare)]
        words += ["--seed", str(seed), *skus]
        self.erp = self._simulator([sys.executable, "-m", "tests.support.erp"], "acme-erp", words)
        self._controls.append(self.erp)

    def declare(self, text: str = DOCUMENTS) -> None:
        """Write the documents, once both ends have an address."""
        documents = self.folder / "documents"
        documents.mkdir(exist_ok=True)
        ends = {**self.shops, "acme-erp": self.erp}
        text %= {name: self._reached(name, address) for name, address in ends.items()}
        (documents / "all.yaml").write_text(text)

    def _reached(self, name: str, address: str) -> str:
        """Return what the worker is told: the address, or the wire that leads there."""
        if self.wires is None or name not in self.wires:
            return address
        self.wires.lead(name, int(address.rpartition(":")[2]))
        return f"http://127.0.0.1:{self.wires.port(name)}"

    def worker(
        self,
        *,
        follow: bool = True,
        crash: str = "",
        collector: str = "",
        lease: float = 2,
        request: float = 3,
        name: str = "w",
        listen: bool = True,
    ) -> Worker:
        """Start a worker; `crash` arms a point in it. Seconds."""
        words = ["run", "-f", "documents", "--ledger", self.dsn, "--allow", "127.0.0.1"]
        words += ["--lease", f"{lease:g}", "--request-timeout", f"{request:g}"]
        words += ["--name", name, "-q"]
        if follow:
            words.append("--follow")
        if follow and listen:
            words += ["--listen", f"127.0.0.1:{self.hooks}"]
            for shop in self.shops:
                words += ["--webhook-path", f"{shop}={HOOK}"]
        env = {**self._env, **self.environment}
        if crash:
            env["KNECT_CRASH"] = crash
        if collector:
            env["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector
        log = self.folder / f"{'worker' if name == 'w' else name}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [*self.before, KNECT, *words], cwd=self.folder, env=env, stdout=out, stderr=out
            )
        self._processes.append(process)
        return Worker(process, self.hooks, log)

    def knect(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the CLI to its end."""
        return subprocess.run(
            [KNECT, *words], cwd=self.folder, env=self._env, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip

    def process(self, *words: str, cwd: Path) -> subprocess.Popen[str]:
        """Start a command of the CLI in a folder of its own."""
        process = subprocess.Popen(
            [KNECT, *words], cwd=cwd, env=self._env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._processes.append(process)
        return process

    def status(self) -> dict[str, Any]:
        """Return what `knect status` says in total."""
        done = self.knect("status", "--ledger", self.dsn, "-o", "json")
        assert done.stdout, done.stderr
        total: dict[str, Any] = json.loads(done.stdout)["total"]
        return total

    def stop(self) -> None:
        """End what was started here."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    def _simulator(self, command: Sequence[str | Path], name: str, words: Sequence[str]) -> str:
        """Start an end that says on which URL it listens; return that for its control routes."""
        log, port = str(self.folder / f"{name}.jsonl"), free_ports(1)[0]
        words = ["--log", log, "--port", str(port), *words]
        if self.wires is not None and name in self.wires:
            words = ["--url", f"http://127.0.0.1:{self.wires.port(name)}", *words]
        process = subprocess.Popen(
            [*command, *words], env=self._env, stdout=subprocess.PIPE, cwd=self.folder
        )
        self._processes.append(process)
        assert process.stdout is not None
        with process.stdout as lines:
            said = [lines.readline().decode()]
            while not said[-1].startswith("listening on "):
                assert said[-1], f"{name} did not start: {said}"
                said.append(lines.readline().decode())
        return f"http://127.0.0.1:{port}"

    # ------------------------------------------------------------ control and evidence

    def control(self, base: str, route: str, body: Any = None) -> Any:
        """Call a control route of a simulator."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{base}/_knect/{route}", data=data)
        with urllib.request.urlopen(request, timeout=FOREVER) as answer:
            return json.load(answer, parse_float=Decimal)

    def calm(self) -> None:
        """Let no further fault happen."""
        if self.wires is not None:
            self.wires.calm()
        for base in self._controls:
            self.control(base, "faults", {"hang": 0.0})

    def calls(self, name: str) -> list[Call]:
        """Return the request log of a shop or of `acme-erp`."""
        return read_calls(self.folder / f"{name}.jsonl")


def _faults(rates: Mapping[str, float]) -> list[str]:
    return [word for name, rate in rates.items() for word in ("--fault", f"{name}={rate}")]


@contextmanager
def a_scene(
    folder: Path, postgres: Postgres | None = None, wires: Wires | None = None
) -> Iterator[Scene]:
    """A scene that ends what it started."""
    scene = Scene(folder, postgres, wires)
    try:
        yield scene
    finally:
        scene.stop()


class _Takes(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Collector(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of a worker that died while it sent."""


@contextmanager
def a_collector() -> Iterator[str]:
    """A trace collector that takes everything; yields its address."""
    server = _Collector(("127.0.0.1", 0), _Takes)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def is_killed(code: int) -> bool:
    """Tell whether an exit code says SIGKILL."""
    return code == -signal.SIGKILL
