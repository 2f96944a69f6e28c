"""The cluster of one measurement: control plane, played nodes, CRDs, the chart's roles.

Must not: give the operator other rights or settings than the chart does.
"""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from benchmarks.scale_objects import NAMESPACE
from tests.support.chart.render import render
from tests.support.cluster.control_plane import ControlPlane
from tests.support.cluster.daemon import noted_pids
from tests.support.cluster.played_nodes import API_FLAGS, PlayedNodes
from tests.support.kube.process import OperatorProcess

__all__ = ["SYSTEM", "USER", "chart_settings", "cluster", "component_pids", "operator_process"]

SYSTEM = "knect-system"
USER = f"system:serviceaccount:{SYSTEM}:knect"
_RIGHTS = frozenset({"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount"})
_PODS_PER_NODE = 200
#: The stock limit of 20 requests a second per controller would be all that is measured.
_UNLIMITED = ("--kube-api-qps=5000", "--kube-api-burst=10000", "--concurrent-deployment-syncs=16")
_COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
CRDS = Path(__file__).parents[1] / "crds"


@contextmanager
def cluster(pods: int) -> Iterator[ControlPlane]:
    """Give a cluster with room for so many pods, an empty namespace and the operator's account."""
    with (
        ControlPlane(controllers=True, api_flags=API_FLAGS, controller_flags=_UNLIMITED) as plane,
        PlayedNodes(plane, 1 + pods // _PODS_PER_NODE, pods=_PODS_PER_NODE),
    ):
        crds = [yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob("*.yaml"))]
        plane.kubectl.apply(*crds)
        names = [f"crd/{one['metadata']['name']}" for one in crds]
        plane.kubectl.run("wait", "--for=condition=Established", *names, "--timeout=30s")
        for name in (SYSTEM, NAMESPACE):
            plane.kubectl.run("create", "namespace", name)
        plane.kubectl.apply(*(one for one in render() if one["kind"] in _RIGHTS))
        yield plane


def chart_settings() -> dict[str, Any]:
    """Return the operator's settings as the chart writes them by default."""
    text = next(
        one["data"]["operator.yaml"]
        for one in render()
        if one["kind"] == "ConfigMap" and "operator.yaml" in one.get("data", {})
    )
    return dict(yaml.safe_load(text))


class _Operator(OperatorProcess):  # type: ignore[misc]
    """An operator whose log is not printed at its end; a traceback in it still ends the run."""

    async def __aexit__(self, *_: object) -> None:
        with redirect_stdout(StringIO()):
            await super().__aexit__()


def operator_process(plane: ControlPlane, folder: Path, number: int) -> OperatorProcess:
    """Return an operator that is not started yet, with the chart's account and settings."""
    place = folder / str(number)
    place.mkdir()
    return _Operator(plane.service_account(SYSTEM, "knect"), place, **chart_settings())


def component_pids(plane: ControlPlane) -> dict[str, int]:
    """Return the processes of the cluster by name."""
    found = {name: noted_pids([plane.place.folder / f"{name}.pid"]) for name in _COMPONENTS}
    return {name: pids[0] for name, pids in found.items() if pids}
