"""The commands of the cluster tests, pinned in `.ci/tools` and built from their Go modules.

Why: a test runs the Kubernetes, Helm and linters this project names, never those of the machine.
Must not: build what is not asked for; the first build of Kubernetes takes ten minutes.
"""

from functools import cache
from pathlib import Path

from tests.support.real.go import build_commands

__all__ = [
    "KUBERNETES_VERSION",
    "helm",
    "kube_router",
    "kubeconform",
    "kubectl_binary",
    "kubernetes",
    "kubescore",
    "kwok",
]

KUBERNETES_VERSION = "v1.34.4"

_KUBERNETES = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
)


@cache
def kubernetes() -> Path:
    """Return the folder with Kubernetes' own commands, kubectl, coredns and pause (one build)."""
    packages = [f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES]
    stamp = f"-X k8s.io/component-base/version.gitVersion={KUBERNETES_VERSION}"
    return build_commands("kubernetes", [*packages, "./coredns", "./pause"], ldflags=stamp)


def kubectl_binary() -> Path:
    """Return the kubectl of that same Kubernetes."""
    return kubernetes() / "kubectl"


def helm(major: int = 4) -> Path:
    """Return Helm 3 or 4."""
    return build_commands(f"helm{major}", [f"helm.sh/helm/v{major}/cmd/helm"]) / "helm"


def kubeconform() -> Path:
    """Return kubeconform, which checks manifests against JSON schemas."""
    return _one("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform")


def kubescore() -> Path:
    """Return kube-score, which finds what a manifest forgot."""
    return _one("kubescore", "github.com/zegl/kube-score/cmd/kube-score")


def kube_router() -> Path:
    """Return kube-router, which enforces NetworkPolicies."""
    return _one("kuberouter", "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router")


def kwok() -> Path:
    """Return KWOK, which plays thousands of nodes."""
    return _one("kwok", "sigs.k8s.io/kwok/cmd/kwok")


def _one(module: str, package: str) -> Path:
    return build_commands(module, [package]) / package.rsplit("/", 1)[-1]
