"""What the cost benchmark runs: simulators or a real Tryton, `knect run`, and a request log to count.

Must not: count what a client says it sent; only what the far end logged.
"""

import json
import os
import re
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.children import KNECT, environment, run

from knect_connectors.tryton.demo import PASSWORD, USER, TrytonServer

__all__ = ["IN_HOUSE", "SHOP_TOKEN", "Scene", "a_scene", "a_tryton"]

IN_HOUSE = "in-house-token"
SHOP_TOKEN = "shpat_simulated"  # noqa: S105 - a simulated token
#: A method in Tryton's log: `model.sale.sale.create(...) from knect@127.0.0.1`.
_METHOD = re.compile(r" ([\w.]+)\(.*\) from (\S*)@")


class Scene:
    """One folder with documents, simulators and a ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._documents: list[dict[str, Any]] = []
        self._processes: list[subprocess.Popen[str]] = []

    def simulate(self, connector: str, *options: str) -> str:
        """Start a simulator; return its address. Its log is CONNECTOR.jsonl."""
        command = [KNECT, "simulate", connector, "--log", str(self.folder / f"{connector}.jsonl")]
        process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, text=True, env=environment()
        )
        self._processes.append(process)
        assert process.stdout is not None
        said = process.stdout.readline()
        process.stdout.close()
        if not said.startswith("listening on "):
            raise RuntimeError(f"the simulator of {connector} did not start: {said}")
        return said.split()[-1]

    def put(self, url: str, collection: str, records: Iterable[Mapping[str, Any]]) -> None:
        """Let the in-house system have records."""
        for number, record in enumerate(records):
            one = {"collection": collection, "id": f"{collection}{number:05}", "record": record}
            request = urllib.request.Request(  # noqa: S310 - our own loopback
                f"{url}/_knect/do/put", data=json.dumps(one).encode()
            )
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
                answer.read()

    def connection(
        self, name: str, connector: str, config: Mapping[str, Any], **secrets: str
    ) -> None:
        """Declare a Connection and its Secret."""
        spec = {
            "connector": connector,
            "role": "Hub" if name == "erp" else "Spoke",
            "config": config,
            "credentials": {"secretRef": {"name": name}},
        }
        self._add("Connection", name, spec=spec)
        self._documents.append(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name},
                "stringData": secrets,
            }
        )

    def table(self, name: str, **data: str) -> None:
        """Declare a value map."""
        self._documents.append(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
        )

    def pipeline(self, entity: str, source: str, destination: str, **more: Any) -> None:
        """Declare a pipeline."""
        spec = {
            "entity": entity,
            "source": {"connectionRef": {"name": source}, "start": "Beginning"},
            "destination": {"connectionRef": {"name": destination}},
            "trigger": {"poll": {"every": "1h"}},
            "delivery": {"batchSize": 500, "maxInFlight": 4},
            **more,
        }
        self._add("SyncPipeline", f"{entity}-to-{destination}", spec=spec)

    def run(self) -> None:
        """`knect run` of what was declared, to its end; everything must have arrived."""
        files = self.folder / "documents"
        files.mkdir(exist_ok=True)
        # JSON is YAML, too
        text = "\n---\n".join(json.dumps(one, indent=2) for one in self._documents)
        (files / "all.yaml").write_text(text, encoding="utf-8")
        ledger = ["--ledger", str(self.folder / "ledger.db")]
        run([KNECT, "run", "-f", str(files), *ledger, "--allow", "127.0.0.1", "-q"], environment())
        done = subprocess.run(
            [KNECT, "status", *ledger, "-o", "json"],
            env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        total = json.loads(done.stdout)["total"]
        left = {k: total[k] for k in ("waiting", "rejected", "unknown", "in_flight") if total[k]}
        if left or not total["balanced"]:
            raise RuntimeError(f"the run is broken: {total}")

    def calls(self, connector: str) -> Counter[str]:
        """Return what a simulator logged, by what was called."""
        lines = (self.folder / f"{connector}.jsonl").read_text(encoding="utf-8").splitlines()
        return Counter(_name(json.loads(line)) for line in lines)

    def end(self) -> None:
        """End what was started here."""
        for process in self._processes:
            process.terminate()
            process.wait(10)

    def _add(self, kind: str, name: str, **more: Any) -> None:
        head = {"apiVersion": "knect.dev/v1alpha1", "kind": kind, "metadata": {"name": name}}
        self._documents.append({**head, **more})


def _name(line: Mapping[str, Any]) -> str:
    """Return what was called: an operation, a method, a statement or a path."""
    if str(line["path"]).startswith(("/admin/api/", "/api/xmlrpc")):
        return str(line.get("key") or "no operation").partition(" ")[0]
    return f"{line['method']} {line['path']}"


@contextmanager
def a_scene() -> Iterator[Scene]:
    """A scene in a folder of its own."""
    with TemporaryDirectory(prefix="cost-") as folder:
        scene = Scene(Path(folder))
        try:
            yield scene
        finally:
            scene.end()


@contextmanager
def a_tryton(scene: Scene, fill: Callable[[Path], None]) -> Iterator[Callable[[], Counter[str]]]:
    """Run a Tryton, declared as `erp`; yields what tells the methods Knect's user called."""
    path = scene.folder / "erp.sqlite"
    fill(path)
    os.environ["TRYTOND_LOGGING_LEVEL"] = "20"  # INFO: each method, none of its values
    try:
        server = TrytonServer(path)
        server.start()
    finally:
        del os.environ["TRYTOND_LOGGING_LEVEL"]
    config = {
        "url": server.url, "database": server.database, "webShop": "acme", "priceLists": ["web"],
        "stock": {"warehouses": ["WH"]},
    }  # fmt: skip
    scene.connection("erp", "tryton", config, username=USER, password=PASSWORD)

    def calls() -> Counter[str]:
        found = _METHOD.finditer(server.log.read_text(encoding="utf-8"))
        return Counter(one[1] for one in found if one[2] == USER)

    try:
        yield calls
    finally:
        server.stop()
