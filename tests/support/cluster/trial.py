"""The trial on a cluster: chart, trial database, Jaeger, a simulated shop, a real Tryton, a pipeline.

Why: `make kind-up`, `make cluster-up` and the end-to-end tests bring up the same thing; they differ
in how the node is made. What is applied are the files of `examples/02-on-kubernetes`.
Must not: hold an object that a user could not read in the chart or in that example.
"""

import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import yaml
from tests.support.cluster.binaries import helm
from tests.support.cluster.buildah import Image
from tests.support.cluster.choose import Cluster
from tests.support.cluster.images import demo_image, jaeger_image, postgres_image, project_image
from tests.support.cluster.kubectl import Kubectl

__all__ = ["SYSTEM", "Trial", "as_values", "example"]

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "charts" / "knect"
EXAMPLE = ROOT / "examples" / "02-on-kubernetes"
SYSTEM = "knect-system"


def example(folder: Path = EXAMPLE) -> Iterator[dict[str, Any]]:
    """Yield the objects of an example."""
    for path in sorted(folder.glob("*.yaml")):
        yield from (one for one in yaml.safe_load_all(path.read_text()) if one)


class Trial:
    """What is installed on a cluster; each step can be repeated. `release` is the Helm release."""

    def __init__(self, cluster: Cluster, *, helm_major: int = 4) -> None:
        self.cluster = cluster
        self.kubectl = Kubectl(cluster.kubeconfig)
        self.release = "knect"
        self._helm = helm_major
        self._images: dict[str, Image] = {}

    def with_helm(self, major: int) -> Self:
        """Return the same trial, installed by another Helm."""
        other = type(self)(self.cluster, helm_major=major)
        other._images = self._images
        return other

    def load_images(self) -> None:
        """Build what has changed and make it known to the nodes."""
        self._images = {
            "knect": project_image(),
            "knect-demo": demo_image(),
            "postgres": postgres_image(),
            "jaeger": jaeger_image(),
        }
        for image in self._images.values():
            self.cluster.load_image(image)

    def image(self, name: str) -> str:
        """Return what a pod names for `knect`, `knect-demo`, `postgres`, `jaeger`."""
        return self._images[name].name

    def prepare(self, *namespaces: str) -> None:
        """Make namespaces and the Secrets that nobody puts into files."""
        for name in (SYSTEM, *namespaces):
            self.kubectl.apply(_namespace(name))
        password = self._password()
        for name in namespaces:
            dsn = f"postgresql://knect:{password}@knect-postgresql.{SYSTEM}/knect?schema={name}"
            self.kubectl.apply(_secret(name, "knect-ledger", dsn=dsn))

    def values(self, **more: Any) -> dict[str, Any]:
        """Return the chart's values for this cluster."""
        return {
            "image": as_values(self.image("knect")),
            "worker": {"egressAllow": ["shop", "erp"]},
            "networkPolicy": {"enabled": self.cluster.enforces_network_policy},
            "telemetry": {"endpoint": "http://jaeger.shops:4318"},
            "postgresql": {
                "bundled": True,
                "existingSecret": "knect-postgresql",
                "image": self.image("postgres"),
            },
            **more,
        }

    def install(self, *, verb: str = "upgrade", **more: Any) -> str:
        """Install or upgrade the chart and wait until it is ready; return what Helm printed."""
        words = ["--install"] if verb == "upgrade" else []
        return self.helm(
            verb, self.release, str(CHART), *words, "--wait", "--timeout=3m", "--values=-",
            stdin=json.dumps(self.values(**more)),  # in YAML a tag of digits, or 12e45, is a number
        )  # fmt: skip

    def helm(self, *words: str, stdin: str | None = None) -> str:
        """Run Helm in the system's namespace. Raises CalledProcessError with what it said."""
        done = subprocess.run(
            [helm(self._helm), *words, f"--namespace={SYSTEM}"],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig)},
        )
        if done.returncode:
            print(done.stdout, done.stderr, self.kubectl.troubles(SYSTEM), sep="\n")
            done.check_returncode()
        return done.stdout

    def apply_example(self) -> None:
        """Apply example 02 with this machine's images."""
        text = json.dumps(list(example()))
        for there, name in (("knect-demo:0.1.0", "knect-demo"), ("jaeger:1.76", "jaeger")):
            text = text.replace(f'"{there}"', json.dumps(self.image(name)))
        self.kubectl.apply(*json.loads(text))

    def wait(self) -> str:
        """Wait until work flows in the example's namespace; return `kubectl get knect`."""
        words = ("--all", "--namespace=shops", "--for=condition=Ready", "--timeout=300s")
        self.kubectl.run("wait", "pipe,kconn", *words, seconds=310)
        return self.kubectl.run("get", "knect", "--all-namespaces")

    def _password(self) -> str:
        """Return the trial database's password: made once, kept in its Secret."""
        found = self.kubectl.run(
            "get", "secret", "knect-postgresql", f"--namespace={SYSTEM}", "--ignore-not-found",
            "-o", "go-template={{ .data.password | base64decode }}",
        )  # fmt: skip
        if found:
            return found
        password = secrets.token_hex(16)
        self.kubectl.apply(_secret(SYSTEM, "knect-postgresql", password=password))
        return password


def _namespace(name: str) -> dict[str, Any]:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _secret(namespace: str, name: str, **values: str) -> dict[str, Any]:
    data: Mapping[str, str] = values
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"knect.dev/watch": "true"},
        },
        "stringData": dict(data),
    }


def as_values(image: str) -> dict[str, str]:
    """Return an image's name as the chart wants it: registry, repository, tag."""
    place, _, tag = image.rpartition(":")
    registry, _, repository = place.partition("/")
    return {"registry": registry, "repository": repository, "tag": tag}
