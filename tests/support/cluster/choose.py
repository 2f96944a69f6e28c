"""Which cluster the end-to-end tests use, and what all of them can do.

Why: the tests are the same on a cluster somebody names (`KNECT_E2E_KUBECONFIG`), on kind where
Docker works, and on the local node; they differ in how an image gets there and in what may be
broken. Must not: change anything in a named cluster but what a test itself applies.
"""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from tests.support.cluster.buildah import Image
from tests.support.cluster.kind import KindCluster, docker_works
from tests.support.cluster.local_node import LocalNode
from tests.support.real.require import Unavailable

__all__ = ["Cluster", "NamedCluster", "choose_cluster"]


class Cluster(Protocol):
    """What every end-to-end test may count on."""

    #: Whether `frozen` and `api_server_down` work here; ask before use.
    can_break: bool
    #: Whether NetworkPolicy objects have an effect.
    enforces_network_policy: bool

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""

    def load_image(self, image: Image) -> None:
        """Make an image known to the nodes; pods say `imagePullPolicy: IfNotPresent`."""

    def frozen(self, namespace: str, pod: str) -> AbstractContextManager[None]:
        """Stop a pod's processes for the length of the block."""

    def api_server_down(self) -> AbstractContextManager[None]:
        """Take the API server away for the length of the block."""


class NamedCluster:
    """A cluster that exists already.

    `KNECT_E2E_LOAD_IMAGE` is the command that brings an OCI archive into it; the archive's path is
    added to it (`minikube image load`, a script that pushes to its registry, …).
    """

    can_break = False
    enforces_network_policy = False  # nobody knows; a test must not count on it

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def load_image(self, image: Image) -> None:
        """Run the command of `KNECT_E2E_LOAD_IMAGE` on the image's archive."""
        command = shlex.split(os.environ.get("KNECT_E2E_LOAD_IMAGE", ""))
        if not command:
            raise Unavailable(
                f"{self.kubeconfig}: set KNECT_E2E_LOAD_IMAGE to the command that loads an OCI "
                f"archive into this cluster; {image.name} is in {image.archive}"
            )
        subprocess.run([*command, str(image.archive)], check=True)

    def frozen(self, namespace: str, pod: str) -> AbstractContextManager[None]:
        """Not on somebody's cluster."""
        raise Unavailable(
            f"cannot freeze pod {namespace}/{pod} of a cluster named by its kubeconfig"
        )

    def api_server_down(self) -> AbstractContextManager[None]:
        """Not on somebody's cluster."""
        raise Unavailable("cannot take the API server of a cluster named by its kubeconfig away")


@contextmanager
def choose_cluster() -> Iterator[Cluster]:
    """Give the cluster the tests run on, and say which it is and why.

    Raises:
        Unavailable: no cluster can be had here.
    """
    named = os.environ.get("KNECT_E2E_KUBECONFIG", "")
    if named:
        if not Path(named).is_file():
            raise Unavailable(f"KNECT_E2E_KUBECONFIG names {named}, and there is no such file")
        print(f"cluster: the one of {named} (KNECT_E2E_KUBECONFIG)")
        yield NamedCluster(Path(named))
    elif docker_works():
        print("cluster: kind, because Docker works here")
        with KindCluster("knect-e2e") as kind:
            yield kind
    else:
        print("cluster: a local node, because KNECT_E2E_KUBECONFIG is not set and Docker not there")
        with LocalNode() as node:
            yield node
