"""Nodes that are only played: KWOK answers for them, a real scheduler fills them.

Why: a thousand pods on two cores, made and placed by Kubernetes' own controllers; only what is
inside the pods does not exist. Their addresses are loopback ones, so that one server on loopback
can answer for all. Must not: be used where a pod's behaviour is the question.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.cluster.binaries import kubernetes, kwok
from tests.support.cluster.control_plane import ControlPlane
from tests.support.cluster.daemon import Daemon
from tests.support.cluster.kubeconfig import write_kubeconfig
from tests.support.real.started import Started

__all__ = ["API_FLAGS", "PlayedNodes"]

#: For the API server. It says that it can stream lists, which Debian's etcd cannot; KWOK's watches
#: then end and are tried again after ever longer pauses.
API_FLAGS = ("--feature-gates=WatchList=false",)

_STAGES = Path(__file__).parent / "files" / "kwok-stages.yaml"
_ROOM = {"cpu": "10000", "memory": "100Ti", "ephemeral-storage": "100Ti"}
_UNLIMITED = ("--kube-api-qps=5000", "--kube-api-burst=10000")


class PlayedNodes(Started):
    """`count` nodes of `pods` pods each beside a running control plane; a context manager.

    `addresses` is the range the pods' addresses come from.
    """

    def __init__(
        self, plane: ControlPlane, count: int, *, pods: int = 250, addresses: str = "127.64.0.0/16"
    ) -> None:
        self._plane = plane
        self._names = [f"played-{number:03}" for number in range(count)]
        self._pods = pods
        self._addresses = addresses
        self._daemons: list[Daemon] = []

    def start(self) -> None:
        scheduler = [
            str(kubernetes() / "kube-scheduler"),
            f"--kubeconfig={self._client('system:kube-scheduler')}",
            "--leader-elect=false",
            "--secure-port=0",
            *_UNLIMITED,
        ]
        player = [
            str(kwok()),
            f"--kubeconfig={self._plane.kubeconfig}",
            f"--config={_STAGES}",
            f"--cidr={self._addresses}",
            "--node-ip=127.0.0.1",
            "--node-lease-duration-seconds=40",
            "--manage-all-nodes",
        ]
        for name, command in (("kube-scheduler", scheduler), ("kwok", player)):
            daemon = Daemon(name, command, folder=self._plane.place.folder)
            self._daemons.append(daemon)
            daemon.start()
        self._plane.kubectl.run("create", "-f", "-", stdin=_listed(map(self._node, self._names)))
        words = (f"node/{name}" for name in self._names)
        self._plane.kubectl.run("wait", "--for=condition=Ready", *words, "--timeout=60s")

    def stop(self) -> None:
        for daemon in self._daemons:
            daemon.stop(at_once=True)

    def _client(self, user: str) -> Path:
        plane = self._plane
        client = plane.authority.issue(user)
        path = plane.place.folder / f"{user.replace(':', '-')}.kubeconfig"
        return write_kubeconfig(path, server=plane.server, ca=plane.ca, client=client)

    def _node(self, name: str) -> dict[str, Any]:
        room = {**_ROOM, "pods": str(self._pods)}
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "status": {"allocatable": room, "capacity": room},
        }


def _listed(documents: Iterable[dict[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})
