"""`python -m tests.support.cluster up|down|status`: the node of `make cluster-up`.

Why: a cluster to try things on, where Docker is missing. Must not: touch the nodes of test runs.
"""

import sys
import time

from tests.support.cluster.binaries import kubectl_binary
from tests.support.cluster.daemon import DaemonEnded
from tests.support.cluster.kubectl import KubectlFailed
from tests.support.cluster.local_node import LocalNode
from tests.support.cluster.remains import find_remains
from tests.support.real.require import Unavailable

__all__ = ["main"]

_USAGE = "usage: python -m tests.support.cluster up|down|status"


def main(words: list[str]) -> int:
    """Do what the one word says; the exit code is 0 when it was done."""
    doing = {"up": _up, "down": _down, "status": _status}.get(" ".join(words))
    if doing is None:
        print(_USAGE, file=sys.stderr)
        return 2
    try:
        return doing(LocalNode(named=True))
    except (DaemonEnded, Unavailable) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1


def _up(node: LocalNode) -> int:
    if node.is_running():
        return _status(node)
    print("► a Kubernetes node (the first build takes about ten minutes)", flush=True)
    began = time.monotonic()
    try:
        node.up()
    except BaseException:
        node.down()
        raise
    print(f"  ready after {time.monotonic() - began:.0f} s")
    return _status(node)


def _down(node: LocalNode) -> int:
    node.down()
    left = find_remains(node.files)
    for what in left:
        print(f"still there: {what}", file=sys.stderr)
    return 1 if left else 0


def _status(node: LocalNode) -> int:
    if not node.is_running():
        print("no node runs; start it with: make cluster-up")
        return 1
    try:
        print(node.kubectl.run("get", "nodes,pods", "--all-namespaces", seconds=10), end="")
    except KubectlFailed as error:
        print(f"the node runs and its API server does not answer: {error}", file=sys.stderr)
        return 1
    print(f"\nexport KUBECONFIG={node.kubeconfig}\nkubectl: {kubectl_binary()}")
    print("NetworkPolicy objects are stored and not enforced on this node.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
