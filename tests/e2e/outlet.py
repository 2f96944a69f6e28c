"""A namespace with a simulated shop and a simulated ERP as pods, and what both ends saw.

Why: three hundred orders in seconds, with logs at both ends that a checker can hold against the
ledger. The ERP's connector is a foreign one: its image and its manifest are given as users give
theirs. Must not: be kinder than the real ones.
"""

import json
import threading
import time
from pathlib import Path

from tests.support.cluster.kubectl import KubectlFailed
from tests.support.cluster.trial import SYSTEM

from knect.sdk.testing import DEFAULT_SKUS

__all__ = ["MANIFESTS", "NAMESPACE", "Outlet", "Stream"]

NAMESPACE = "outlet"
MANIFESTS = "foreign-connectors"
#: Fates of which nobody has to do anything more.
DONE = ("delivered", "unchanged", "superseded", "echo")
ROOT = Path(__file__).resolve().parents[2]


def _deployment(name, image, command, args, port):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 65532,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                    "containers": [
                        {
                            "name": name,
                            "image": image,
                            "imagePullPolicy": "IfNotPresent",
                            **({"command": command} if command else {}),
                            "args": args,
                            "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
                            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "capabilities": {"drop": ["ALL"]},
                                "readOnlyRootFilesystem": True,
                            },
                        }
                    ],
                },
            },
        },
    }


def _service(name, port):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": {"app": name}, "ports": [{"port": port}]},
    }


class Outlet:
    """The namespace `outlet` on a trial."""

    def __init__(self, trial, foreign, api):
        self.trial = trial
        self.api = api
        self.foreign = foreign
        self.kubectl = trial.kubectl

    def manifests(self):
        """Return the ConfigMap by which the operator learns of the foreign connector."""
        text = (ROOT / "tests" / "support" / "erp" / "manifest.yaml").read_text()
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": MANIFESTS, "namespace": SYSTEM},
            "data": {"simerp.yaml": text},
        }

    def closed(self):
        """Return the policy of a careful team: what no other policy opens is closed to Knect."""
        ours = {"app.kubernetes.io/managed-by": "knect-operator"}
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "closed", "namespace": NAMESPACE},
            "spec": {"podSelector": {"matchLabels": ours}, "policyTypes": ["Egress", "Ingress"]},
        }

    def systems(self, *, orders):
        skus = [one.sku for one in DEFAULT_SKUS]
        shop = ["simulate", "shopify", "--host=0.0.0.0", "--port=8080", "--url=http://shop:8080",
                f"orders={orders}", f"let-in={orders}", "kind=small", "guests=40"]  # fmt: skip
        erp = ["-m", "tests.support.erp", "--host=0.0.0.0", "--port=8000", *skus]
        return [
            _service("shop", 8080),
            _service("erp", 8000),
            _deployment("shop", self.trial.image("knect-demo"), None, shop, 8080),
            _deployment("erp", self.foreign, ["python"], erp, 8000),
        ]

    def secret(self, name, **values):
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": NAMESPACE,
                "labels": {"knect.dev/watch": "true"},
            },
            "stringData": values,
        }

    def secrets(self):
        return [
            self.secret("shop", accessToken="shpat_simulated", webhookSecret="simulated-secret"),
            self.secret("erp", apiKey="first-key"),
        ]

    def connections(self):
        return [
            self._connection("shop", "shopify", {
                "shop": "acme.myshopify.com", "apiVersion": "2026-04", "baseUrl": "http://shop:8080",
            }, checkInterval="15s"),
            self._connection("erp", "simerp", {"url": "http://erp:8000"}, role="Hub",
                             checkInterval="15s"),
        ]  # fmt: skip

    def _connection(self, name, connector, config, **spec):
        return {
            "apiVersion": "knect.dev/v1alpha1",
            "kind": "Connection",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "connector": connector,
                "config": config,
                "credentials": {"secretRef": {"name": name}},
                **spec,
            },
        }

    def pipeline(self, name="orders", **spec):
        return {
            "apiVersion": "knect.dev/v1alpha1",
            "kind": "SyncPipeline",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "entity": "orders",
                "source": {"connectionRef": {"name": "shop"}, "start": "Beginning"},
                "destination": {"connectionRef": {"name": "erp"}},
                "trigger": {"poll": {"every": "2s"}},
                "worker": {"image": self.foreign},
                "delivery": {
                    "batchSize": 25,
                    "retry": {"attempts": 30, "initial": "1s", "max": "10s"},
                    "stalledAfter": "30s",
                },
                **spec,
            },
        }

    def trio(self, name, **spec):
        """Return a pipeline with two Connections of its own, all called after it."""
        shop, erp = self.connections()
        shop["metadata"]["name"], erp["metadata"]["name"] = f"shop-{name}", f"erp-{name}"
        pipeline = self.pipeline(name, **spec)
        pipeline["spec"]["source"]["connectionRef"]["name"] = f"shop-{name}"
        pipeline["spec"]["destination"]["connectionRef"]["name"] = f"erp-{name}"
        return [shop, erp, pipeline]

    def ask(self, system, route, body=None):
        """Call a control route of a simulator through the API server."""
        port = {"shop": 8080, "erp": 8000}[system]
        service = f"/api/v1/namespaces/{NAMESPACE}/services/{system}:{port}"
        return self.api.ask(f"{service}/proxy/_knect/{route}", body)

    def get(self, *words):
        return self.kubectl.get(*words, f"--namespace={NAMESPACE}")

    def ready(self, what="syncpipelines/orders"):
        found = self.api.ask(f"/apis/knect.dev/v1alpha1/namespaces/{NAMESPACE}/{what}")
        conditions = found.get("status", {}).get("conditions", ())
        found = next((one for one in conditions if one["type"] == "Ready"), {})
        return found.get("status"), found.get("reason"), found.get("message")

    def table(self):
        """Return what people look at first."""
        return self.kubectl.run("get", "knect", f"--namespace={NAMESPACE}", "-o", "wide")

    def pods(self, namespace=NAMESPACE, *, component="worker"):
        asked = f"pods?labelSelector=app.kubernetes.io%2Fcomponent%3D{component}"
        pods = self.api.ask(f"/api/v1/namespaces/{namespace}/{asked}")["items"]
        return [one for one in pods if not one["metadata"].get("deletionTimestamp")]

    def in_worker(self, *words):
        """Run a knect command in the worker's pod, on the worker's ledger."""
        line = " ".join(words)
        return self.kubectl.run(
            "exec", f"--namespace={NAMESPACE}", "deploy/orders-worker", "--", "sh", "-c",
            f'knect {line} --ledger "$(cat /etc/knect/ledger/dsn)"', seconds=60,
        )  # fmt: skip

    def connects(self, pod, host, port):
        """Tell whether a pod (its namespace, its name) gets a connection within five seconds."""
        code = (
            "import socket\n"
            f"try: socket.create_connection(('{host}', {port}), 5).close(); print('connected')\n"
            "except (TimeoutError, ConnectionRefusedError) as error: print('kept out:', error)"
        )
        told = self._python(pod, code)
        assert told.startswith(("connected", "kept out")), told
        return told.startswith("connected")

    def post_as_shop(self, url, body, headers):
        """Send a request from the shop's pod; return the answer's status."""
        request = f"u.Request({url!r}, {body!r}, {dict(headers)!r})"
        code = f"import urllib.request as u; print(u.urlopen({request}, timeout=30).status)"
        return int(self._python((NAMESPACE, "deploy/shop"), code))

    def _python(self, pod, code):
        namespace, name = pod
        words = ("exec", f"--namespace={namespace}", name, "--", "python", "-c", code)
        return self.kubectl.run(*words)

    def equation(self, pipeline="orders"):
        """Return a pipeline's sum, as `knect status` gives it."""
        told = json.loads(self.in_worker("status", "-o", "json"))
        rows = told if isinstance(told, list) else told["pipelines"]
        return next(one for one in rows if one["name"] == pipeline)

    def placed(self):
        return len(self.ask("shop", "state")["orders"])

    def documents(self):
        return self.ask("erp", "state")["documents"]

    def until(self, ask, holds, *, seconds=120):
        """Poll until it holds; a kubectl that fails meanwhile is only not yet."""
        deadline = time.monotonic() + seconds
        last = None
        while time.monotonic() < deadline:
            try:
                last = ask()
                if holds(last):
                    return last
            except KubectlFailed as error:
                last = error
            time.sleep(0.5)
        pods = self.kubectl.run("get", "pods,knect", "-A", seconds=20)
        raise AssertionError(f"not within {seconds} s; last: {last}\n{pods}")

    def settle(self, *, seconds=180):
        """Wait until all that was placed has one document, and return the sum."""
        self.until(
            lambda: (self.placed(), len(self.documents())), lambda n: n[0] == n[1], seconds=seconds
        )
        return self.until(
            self.equation,
            lambda sums: sums["seen"] == sum(sums[fate] for fate in DONE),
            seconds=60,
        )


class Stream:
    """Orders that keep coming while a block runs."""

    def __init__(self, outlet, *, every=1.0, count=3):
        self._outlet = outlet
        self._every = every
        self._count = count
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.placed = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(30)

    def _run(self):
        seed = 1000
        while not self._stop.wait(self._every):
            seed += 1
            try:
                made = self._outlet.ask(
                    "shop", "do/create_orders", {"count": self._count, "seed": seed}
                )
            except (KubectlFailed, ValueError):
                continue  # no API server, no way to the shop: nothing was placed
            self.placed += len(made) if isinstance(made, list) else self._count
