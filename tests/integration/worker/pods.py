"""A shop, an ERP and the pods of a cluster without the cluster: processes with mounted folders.

Must not: signal a process it did not start, or know how a pod works inside.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.faults.scene import Scene, until
from tests.support.erp import environment
from tests.support.real.ports import free_ports

from knect.api.report import ConnectionReport, PipelineReport, VerdictState, WorkerReport

__all__ = ["Cluster", "Pod", "a_cluster", "until"]

KNECT = Path(sys.executable).parent / "knect"


class Pod:
    """One life of a pod."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", port: int, log: Path, last: Path
    ) -> None:
        self.process = process
        self.port = port
        self.log = log
        self.termination = last

    def get(self, path: str, timeout: float = 5.0) -> tuple[int, str]:
        """Return the status and text of a page; 0 when nobody answers."""
        try:
            url = f"http://127.0.0.1:{self.port}{path}"
            with urllib.request.urlopen(url, timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str]]:
        named = {"Content-Type": "application/json"} | dict(headers or {})
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data=body, headers=named
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers)
        except OSError:
            return 0, {}

    def report(self) -> WorkerReport:
        status, text = self.get("/status")
        assert status == 200, text
        return WorkerReport.from_json(text)

    def orders(self) -> PipelineReport:
        found = self.report().pipeline("default", "orders")
        assert found is not None
        return found

    def connection(self, name: str) -> ConnectionReport:
        found = self.report().connection("default", name)
        assert found is not None
        return found

    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def flows(self) -> bool:
        return self.orders().flowing.state is VerdictState.TRUE

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


class Cluster:
    """Everything of one test, in one folder."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.scene = Scene(folder)
        self.folder = folder
        self.ledger_file = folder / "mounted-ledger" / "dsn"
        self._env = environment(folder / "installed", **env)
        self._pods: list[Pod] = []

    def start_both(self, *, orders: int = 0, **options: object) -> None:
        skus = ("KN-100", "KN-200", "KN-300", "KN-400", "KN-500")
        self.scene.start_shop(seed=1, faults={}, orders=orders, **options)
        self.scene.start_erp(seed=1, faults={}, skus=skus)

    def act(self, base: str, action: str, **arguments: object) -> Any:
        return self.scene.control(base, f"do/{action}", arguments)

    def documents(self) -> list[dict[str, Any]]:
        """Return what the ERP holds."""
        held: list[dict[str, Any]] = self.scene.control(self.scene.erp, "state")["documents"]
        return held

    # ------------------------------------------------------------ what is mounted

    def mount(self, name: str, **values: str) -> None:
        """Write a Secret as the kubelet does: a new folder, then the link is turned to it."""
        where = self.folder / "secrets" / name
        where.mkdir(parents=True, exist_ok=True)
        fresh = where / f"..{len(list(where.glob('..*')))}"
        fresh.mkdir()
        for key, value in values.items():
            (fresh / key).write_text(value)
        turned = where / "..data_tmp"
        turned.symlink_to(fresh.name)
        turned.rename(where / "..data")
        for key in values:
            if not (where / key).is_symlink():
                (where / key).symlink_to(f"..data/{key}")
        for link in where.iterdir():
            if not link.name.startswith("..") and not link.exists():
                link.unlink()

    def mount_ledger(self, dsn: str = "") -> None:
        self.ledger_file.parent.mkdir(exist_ok=True)
        fresh = self.ledger_file.with_name("dsn.new")
        fresh.write_text(dsn or f"sqlite:///{self.scene.ledger}")
        fresh.rename(self.ledger_file)

    def mount_both(
        self, *, token: str = "shpat_simulated", secret: str = "simulated-secret"
    ) -> None:
        self.mount("acme-shop", accessToken=token, webhookSecret=secret)
        self.mount("acme-erp", apiKey="first-key")
        self.act(self.scene.erp, "rotate", key="first-key")

    def document(
        self,
        name: str = "worker",
        *,
        pipelines: bool = True,
        pipeline: str = "orders",
        config: Mapping[str, object] | None = None,
        spec: Mapping[str, object] | None = None,
        shop: Mapping[str, object] | None = None,
    ) -> Path:
        """Write a worker document with a free port in it."""
        connections = [
            {
                "name": "acme-erp",
                "spec": {
                    "connector": "simerp",
                    "role": "Hub",
                    "config": {"url": self.scene.erp},
                    "credentials": {"secretRef": {"name": "acme-erp"}},
                },
                "secretDir": str(self.folder / "secrets" / "acme-erp"),
            },
            {
                "name": "acme-shop",
                "spec": {
                    "connector": "shopify",
                    "config": {
                        "shop": "acme.myshopify.com",
                        "apiVersion": "2026-04",
                        "baseUrl": self.scene.shop,
                    },
                    "credentials": {"secretRef": {"name": "acme-shop"}},
                    **(shop or {}),
                },
                "secretDir": str(self.folder / "secrets" / "acme-shop"),
            },
        ]
        declared = {
            "name": pipeline,
            "generation": 3,
            "spec": {
                "entity": "orders",
                "source": {"connectionRef": {"name": "acme-shop"}, "start": "Beginning"},
                "destination": {"connectionRef": {"name": "acme-erp"}, "write": "Upsert"},
                "trigger": {"poll": {"every": "1s"}},
                "delivery": {
                    "batchSize": 10,
                    "retry": {"attempts": 8, "initial": "200ms", "max": "10m"},
                },
                **(spec or {}),
            },
        }
        text = {
            "schemaVersion": 1,
            "pipelines": [declared] if pipelines else [],
            "connections": connections,
            "config": {
                "ledgerFile": str(self.ledger_file),
                "egressAllow": ["127.0.0.1"],
                "listen": f"127.0.0.1:{free_ports(1)[0]}",
                "lease": "4s",
                "drain": "10s",
                "receive": False,
                **(config or {}),
            },
        }
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(text))
        return path

    # ------------------------------------------------------------ processes

    def pod(self, command: str, document: Path, name: str = "pod-1") -> Pod:
        """Start a pod; its pages need not be there yet."""
        last = self.folder / f"{name}.termination"
        last.touch()
        log = self.folder / f"{name}.log"
        env = {**self._env, "KNECT_WORKER_NAME": name, "KNECT_TERMINATION_LOG": str(last)}
        with log.open("ab") as out:
            process = subprocess.Popen(
                [KNECT, command, "--document", str(document)],
                cwd=self.folder, env=env, stdout=out, stderr=out,
            )  # fmt: skip
        listen = json.loads(document.read_text())["config"]["listen"]
        pod = Pod(process, int(listen.rpartition(":")[2]), log, last)
        self._pods.append(pod)
        until(lambda: pod.get("/healthz")[0] == 200 or pod.has_ended(), "the pages stand")
        return pod

    def knect(self, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [KNECT, *words], cwd=self.folder, env={**self._env, **env}, capture_output=True,
            text=True, check=False, timeout=120,
        )  # fmt: skip

    def stop(self) -> None:
        for pod in self._pods:
            if not pod.has_ended():
                os.kill(pod.process.pid, signal.SIGCONT)
                pod.process.kill()
            pod.process.wait()
        self.scene.stop()


@contextmanager
def a_cluster(folder: Path, **env: str) -> Iterator[Cluster]:
    """A cluster that ends what it started, and shows the logs of what failed."""
    cluster = Cluster(folder, **env)
    try:
        yield cluster
    except BaseException:
        for log in folder.glob("*.log"):
            print(f"---- {log.name}\n{log.read_text()[-6000:]}")
        raise
    finally:
        cluster.stop()
