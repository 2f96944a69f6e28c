"""What a bare cluster lacks: the name service's Service, a StorageClass, ready-made volumes.

Why: the volumes are `local` and not `hostPath` ones, because only the former honour `fsGroup`, which
a non-root database needs. Must not: hold anything of Knect.
"""

from pathlib import Path
from typing import Any

__all__ = ["coredns_objects", "storage_objects"]

_RBAC = "rbac.authorization.k8s.io"


def coredns_objects(*, dns: str, node: str) -> list[dict[str, Any]]:
    """Return the Service `kube-dns` that leads to CoreDNS on the node, and CoreDNS' rights."""
    metadata = {"name": "kube-dns", "namespace": "kube-system"}
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
    ]
    labels = {"kubernetes.io/service-name": "kube-dns"}
    reads = [
        ([""], ["endpoints", "services", "pods", "namespaces"]),
        (["discovery.k8s.io"], ["endpointslices"]),
    ]
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**metadata, "labels": {"k8s-app": "kube-dns"}},
            "spec": {"clusterIP": dns, "ports": ports},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": labels},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [node], "conditions": {"ready": True}}],
            "ports": ports,
        },
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "system:coredns"},
            "rules": [
                {"apiGroups": groups, "resources": names, "verbs": ["list", "watch"]}
                for groups, names in reads
            ],
        },
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "system:coredns"},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "system:coredns"},
            "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": "system:coredns"}],
        },
    ]


def storage_objects(folder: Path, *, node: str, count: int) -> list[dict[str, Any]]:
    """Return a default StorageClass and `count` volumes below `folder`, whose folders are made."""
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    volumes = []
    for number in range(count):
        place = folder / f"{number:02}"
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o777)  # as kind's own volumes are: pods need no fsGroup
        volumes.append(_volume(f"local-{number:02}", place, node))
    return [storage_class, *volumes]


def _volume(name: str, place: Path, node: str) -> dict[str, Any]:
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "standard",
            "local": {"path": str(place)},
            "nodeAffinity": {
                "required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]},
            },
        },
    }
