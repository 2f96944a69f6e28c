"""One real API server for all tests of this folder."""

from tests.support.cluster.fixtures import cluster, get, kube, namespace, plane

__all__ = ["cluster", "get", "kube", "namespace", "plane"]
