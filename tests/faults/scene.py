"""A shop, an ERP, a collector and a worker as processes of their own, and the evidence they leave.

Must not: signal any process it did not start, or know how the engine works.
"""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.faults.postgres import Postgres
from tests.support.erp import environment

from knect.history import Call, Document, History, SourceRecord, read_calls, read_ledger

__all__ = ["Scene", "Worker", "a_collector", "a_scene", "is_killed", "until"]

KNECT = Path(sys.executable).parent / "knect"
HOOK = "unguessable"
FOREVER = 60.0

_DOCUMENTS = """\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: acme-shop}
spec:
  connector: shopify
  role: Spoke
  config: {shop: acme.myshopify.com, apiVersion: "2026-04", baseUrl: "%(shop)s"}
  credentials: {secretRef: {name: acme-shop}}
---
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: acme-erp}
spec:
  connector: simerp
  role: Hub
  config: {url: "%(erp)s"}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-shop}
stringData: {accessToken: shpat_simulated, webhookSecret: simulated-secret}
---
apiVersion: knect.dev/v1alpha1
kind: SyncPipeline
metadata: {name: orders}
spec:
  entity: orders
  source: {connectionRef: {name: acme-shop}, start: Beginning}
  destination: {connectionRef: {name: acme-erp}, write: Upsert}
  trigger: {webhook: {reconcileEvery: 5s}}
  delivery:
    batchSize: 50
    maxInFlight: 8
    retry: {attempts: 8, initial: 200ms, max: 3s}
"""


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
    """Everything of one run, in one folder."""

    def __init__(self, folder: Path, postgres: Postgres | None = None) -> None:
        self.folder = folder
        self.ledger = folder / "ledger.db"
        self.postgres = postgres
        self.hooks = _free_port()
        self.shop = self.erp = ""
        self._processes: list[subprocess.Popen[bytes]] = []
        self._env = environment(folder / "installed", KNECT_DEBUG="1")

    @property
    def dsn(self) -> str:
        """The ledger, as a command is told of it."""
        return self.postgres.dsn if self.postgres else str(self.ledger)

    def readable_ledger(self) -> Path:
        """Return a file with the ledger's rows: itself, or a copy of what the server holds."""
        return self.postgres.copy_to(self.folder / "copy.db") if self.postgres else self.ledger

    # ------------------------------------------------------------ processes

    def start_shop(self, *, seed: int, faults: Mapping[str, float], **options: object) -> None:
        """Start the simulated Shopify; it sends its webhooks to the worker."""
        url = f"http://127.0.0.1:{self.hooks}/webhooks/acme-shop/{HOOK}"
        given = {"kind": "small", "orders": 0, "webhook": url, "seed": seed, **options}
        module = "knect_connectors.shopify.simulator"
        words = [f"{name}={value}" for name, value in given.items()]
        self.shop = self._simulator(module, "shop", [*_faults(faults), *words])

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
        self.erp = self._simulator("tests.support.erp", "erp", words)

    def declare(self, text: str = _DOCUMENTS) -> None:
        """Write the documents, once both ends have an address."""
        documents = self.folder / "documents"
        documents.mkdir(exist_ok=True)
        text %= {"shop": self.shop, "erp": self.erp}
        (documents / "all.yaml").write_text(text)

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
            words += ["--webhook-path", f"acme-shop={HOOK}"]
        env = dict(self._env)
        if crash:
            env["KNECT_CRASH"] = crash
        if collector:
            env["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector
        log = self.folder / "worker.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [KNECT, *words], cwd=self.folder, env=env, stdout=out, stderr=out
            )
        self._processes.append(process)
        return Worker(process, self.hooks, log)

    def knect(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the CLI to its end."""
        return subprocess.run(
            [KNECT, *words], cwd=self.folder, env=self._env, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip

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

    def _simulator(self, module: str, name: str, words: list[str]) -> str:
        log = str(self.folder / f"{name}.jsonl")
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--log", log, *words],
            env=self._env, stdout=subprocess.PIPE, cwd=self.folder,
        )  # fmt: skip
        self._processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        process.stdout.close()
        assert line.startswith("listening on "), f"{name} did not start"
        return line.split()[-1]

    # ------------------------------------------------------------ control and evidence

    def control(self, base: str, route: str, body: Any = None) -> Any:
        """Call a control route of a simulator."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{base}/_knect/{route}", data=data)
        with urllib.request.urlopen(request, timeout=FOREVER) as answer:
            return json.load(answer, parse_float=Decimal)

    def calm(self) -> None:
        """Let no further fault happen."""
        for base in (self.shop, self.erp):
            self.control(base, "faults", {"hang": 0.0})

    def history(self, *, second_read: datetime | None = None) -> History:
        """Return the evidence as the checker takes it."""
        orders = self.control(self.shop, "state")["orders"]
        held = self.control(self.erp, "state")
        return History(
            ledger=read_ledger(self.readable_ledger()),
            source_calls=read_calls(self.folder / "shop.jsonl"),
            destination_calls=read_calls(self.folder / "erp.jsonl"),
            records=[_record(order) for order in orders],
            documents=[*map(_document, held["documents"]), *map(_party, held["parties"])],
            now_us=int(datetime.now(UTC).timestamp() * 1e6),
            second_read=second_read,
            creates=(("POST", "/documents"), ("POST", "/parties")),
        )

    def calls(self, name: str) -> list[Call]:
        """Return the request log of `shop` or `erp`."""
        return read_calls(self.folder / f"{name}.jsonl")


def _record(order: Mapping[str, Any]) -> SourceRecord:
    """Return an order with what its document must be, mapped by the judge's own hands."""
    lines = [
        {"sku": x["sku"], "quantity": str(x["currentQuantity"])}
        for x in order["lineItems"]
        if x["currentQuantity"]
    ]
    total = Decimal(order["totalPriceSet"]["shopMoney"]["amount"])
    return SourceRecord(
        entity="orders",
        id=order["id"],
        key=order["name"].lstrip("#"),
        currency=order["currencyCode"],
        total=total,
        lines=len(lines),
        content={"order": order["name"].lstrip("#"), "note": order["note"], "lines": lines},
    )


def _document(held: Mapping[str, Any]) -> Document:
    lines = [{"sku": x["sku"], "quantity": str(x["quantity"])} for x in held["lines"]]
    return Document(
        entity="orders",
        id=held["id"],
        external_id=held["external_id"],
        number=held["number"],
        currency=held["currency"],
        total=Decimal(held["total"]),
        lines=len(lines),
        content={"order": held["order"], "note": held["note"], "lines": lines},
        applied=held["applied"],
    )


def _party(held: Mapping[str, Any]) -> Document:
    return Document(entity="customers", id=held["id"], external_id=held["external_id"])


def _faults(rates: Mapping[str, float]) -> list[str]:
    return [word for name, rate in rates.items() for word in ("--fault", f"{name}={rate}")]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def a_scene(folder: Path, postgres: Postgres | None = None) -> Iterator[Scene]:
    """A scene that ends what it started."""
    scene = Scene(folder, postgres)
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


@contextmanager
def a_collector() -> Iterator[str]:
    """A trace collector that takes everything; yields its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Takes)
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
