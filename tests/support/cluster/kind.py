"""A kind cluster, where Docker works.

Why: it is what most people have. It was written after kind's documentation: the machine these tests
were written on has no Docker. Must not: touch another kind cluster or the user's own kubeconfig.
"""

import shutil
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

from tests.support.cluster.buildah import Image
from tests.support.cluster.folders import claim_folder
from tests.support.real.go import build_commands
from tests.support.real.require import Unavailable
from tests.support.real.started import Started

__all__ = ["KindCluster", "docker_works"]


def docker_works() -> bool:
    """Tell whether there is a Docker daemon to talk to."""
    if shutil.which("docker") is None:
        return False
    done = subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=False)
    return done.returncode == 0


class KindCluster(Started):
    """A kind cluster with this name; a context manager, or `up()` and `down()`.

    `folder` keeps its kubeconfig where another process finds it; else it goes with this one.
    """

    can_break = False
    enforces_network_policy = True  # kind's network does since 0.24

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self.name = name
        self._folder = folder

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        assert self._folder is not None, "the cluster was not started"
        return self._folder / "kubeconfig"

    def start(self) -> None:
        """Make the cluster anew and wait until it is ready."""
        if self._folder is None:
            self._folder = claim_folder("kind")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._kind("delete", "cluster", "--name", self.name)
        place = ("--name", self.name, "--kubeconfig", str(self.kubeconfig))
        self._kind("create", "cluster", *place, "--wait", "180s")

    def stop(self) -> None:
        """Delete the cluster."""
        if self._folder is not None:
            self._kind("delete", "cluster", "--name", self.name)
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def is_running(self) -> bool:
        """Tell whether kind knows a cluster of this name."""
        return self.name in self._kind("get", "clusters").split()

    def load_image(self, image: Image) -> None:
        """Copy the archive into the cluster's nodes."""
        self._kind("load", "image-archive", str(image.archive), "--name", self.name)

    def frozen(self, namespace: str, pod: str) -> AbstractContextManager[None]:
        """Not yet on kind."""
        raise Unavailable(f"cannot freeze pod {namespace}/{pod} on kind; the local node can")

    def api_server_down(self) -> AbstractContextManager[None]:
        """Not yet on kind."""
        raise Unavailable("cannot take the API server away on kind; the local node can")

    def _kind(self, *words: str) -> str:
        binary = build_commands("kind", ["sigs.k8s.io/kind"]) / "kind"
        done = subprocess.run([str(binary), *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"kind {' '.join(words)} failed: {done.stderr.strip()}")
        return done.stdout
