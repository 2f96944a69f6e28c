"""`make cluster-up`, `make kind-up` and their opposites: a cluster with everything on it, to try.

Why: two commands from nothing to orders that flow in a Kubernetes, with Docker or without. The two
differ only in how the node is made and the image gets there.
Must not: touch the clusters of test runs.

    python -m tests.support.cluster [--kind] up|down|status
"""

import sys
import time
from pathlib import Path

from tests.support.cluster.binaries import kubectl_binary
from tests.support.cluster.daemon import DaemonEnded
from tests.support.cluster.kind import KindCluster, docker_works
from tests.support.cluster.kubectl import Kubectl, KubectlFailed
from tests.support.cluster.local_node import LocalNode
from tests.support.cluster.remains import find_remains
from tests.support.cluster.trial import Trial
from tests.support.real.cache import cache_folder
from tests.support.real.require import Unavailable

__all__ = ["main"]

_USAGE = "usage: python -m tests.support.cluster [--kind] up|down|status"
_KIND = "knect"

Machine = LocalNode | KindCluster


def main(words: list[str]) -> int:
    """Do what the one word says; the exit code is 0 when it was done."""
    kind = words[:1] == ["--kind"]
    doing = {"up": _up, "down": _down, "status": _status}.get(" ".join(words[kind:]))
    if doing is None:
        print(_USAGE, file=sys.stderr)
        return 2
    if kind and not docker_works():
        print("cluster: Docker does not answer here; without it: make cluster-up", file=sys.stderr)
        return 1
    machine: Machine = (
        KindCluster(_KIND, cache_folder() / "kind-trial") if kind else LocalNode(named=True)
    )
    try:
        return doing(machine)
    except (DaemonEnded, KubectlFailed, Unavailable) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1


def _up(machine: Machine) -> int:
    began = time.monotonic()

    def step(text: str) -> None:
        print(f"► {time.monotonic() - began:4.0f} s  {text}", flush=True)

    if not machine.is_running():
        step("a Kubernetes node (the first time builds it: about six minutes)")
        try:
            machine.start()
        except BaseException:
            machine.stop()
            raise
    trial = Trial(machine)
    step("images: Knect, the demo's shop and ERP, PostgreSQL, Jaeger (first time: four minutes)")
    trial.load_images()
    step("helm install")
    trial.prepare("shops")
    trial.install()
    step("examples/02-on-kubernetes")
    trial.apply_example()
    told = trial.wait()
    step("work flows")
    print(f"\n{told}")
    return _status(machine)


def _down(machine: Machine) -> int:
    machine.stop()
    left = find_remains(machine.files) if isinstance(machine, LocalNode) else []
    for what in left:
        print(f"still there: {what}", file=sys.stderr)
    return 1 if left else 0


def _status(machine: Machine) -> int:
    if not machine.is_running():
        print("no cluster runs; start it with: make cluster-up, or make kind-up where Docker is")
        return 1
    kubectl: Path = kubectl_binary()
    print(Kubectl(machine.kubeconfig).run("get", "pods", "--all-namespaces", seconds=10))
    print(f"export KUBECONFIG={machine.kubeconfig}")
    print(f"alias kubectl={kubectl}")
    print("kubectl get knect -A;  .venv/bin/knect -n shops find 1001")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
