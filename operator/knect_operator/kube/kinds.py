"""The kinds the operator knows, and where the API server keeps them.

Why a table and no discovery: the kinds are few and fixed, discovery costs calls at start and
caches files. Must not: list a kind whose verbs the chart's roles do not grant; a test compares.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from knect.api.names import (
    API_VERSION,
    CONNECTION_KIND,
    CONNECTIONS,
    SYNC_PIPELINE_KIND,
    SYNC_PIPELINES,
)

__all__ = ["CHILD_KINDS", "KINDS", "Kind", "kind_of"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object."""

    api_version: str
    name: str
    plural: str

    def path(self, namespace: str | None, name: str = "", part: str = "") -> str:
        """Return the URL path of a collection, an object, or a subresource of it."""
        base = (
            f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        )
        steps = [base]
        if namespace:
            steps.append(f"namespaces/{namespace}")
        steps += [step for step in (self.plural, name, part) if step]
        return "/".join(steps)


_ALL = (
    Kind(API_VERSION, CONNECTION_KIND, CONNECTIONS),
    Kind(API_VERSION, SYNC_PIPELINE_KIND, SYNC_PIPELINES),
    Kind("apps/v1", "Deployment", "deployments"),
    Kind("batch/v1", "Job", "jobs"),
    Kind("coordination.k8s.io/v1", "Lease", "leases"),
    Kind("events.k8s.io/v1", "Event", "events"),
    Kind("networking.k8s.io/v1", "Ingress", "ingresses"),
    Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind("v1", "ConfigMap", "configmaps"),
    Kind("v1", "Pod", "pods"),
    Kind("v1", "Secret", "secrets"),
    Kind("v1", "Service", "services"),
    Kind("v1", "ServiceAccount", "serviceaccounts"),
)

KINDS: Mapping[str, Kind] = MappingProxyType({one.name: one for one in _ALL})

#: What the operator makes and prunes. Pods belong to Deployments and Jobs; they are only watched.
CHILD_KINDS: tuple[str, ...] = (
    "ConfigMap",
    "Deployment",
    "Ingress",
    "Job",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Service",
    "ServiceAccount",
)


def kind_of(document: Mapping[str, Any]) -> Kind:
    """Return the kind of an object. Raises KeyError for one the operator has no business with."""
    return KINDS[document["kind"]]
