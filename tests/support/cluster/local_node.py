"""A whole Kubernetes node on this machine, without a registry and without Docker.

Why: operator, chart and image are proven with real pods; where kind cannot run, this is the same
Kubernetes, built from its module, in a sealed network namespace: nothing in it can reach out.
Must not: leave anything behind. Everything of a cluster is there: Services, names, volumes, Pod
Security, NetworkPolicies that are enforced.
"""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.cluster.answers import is_healthy, resolves
from tests.support.cluster.base_images import pause_image
from tests.support.cluster.binaries import kube_router, kubernetes
from tests.support.cluster.buildah import Image
from tests.support.cluster.control_plane import DNS_ADDRESS, SERVICES, ControlPlane
from tests.support.cluster.daemon import Daemon, noted_pids
from tests.support.cluster.kubeconfig import write_kubeconfig
from tests.support.cluster.kubectl import Kubectl
from tests.support.cluster.node_files import NodeFiles
from tests.support.cluster.node_objects import coredns_objects, storage_objects
from tests.support.cluster.node_slots import NAMED, claim_slot, node_files
from tests.support.cluster.place import Place
from tests.support.cluster.remains import remove_remains
from tests.support.real.debian import ensure_packages
from tests.support.real.require import Unavailable
from tests.support.real.started import Started

__all__ = ["LocalNode", "ensure_node"]

_PACKAGES = {
    "conntrack": "conntrack",
    "containerd": "containerd",
    "containernetworking-plugins": "/usr/lib/cni/ptp",
    "etcd-server": "etcd",
    "iproute2": "ip",
    "ipset": "ipset",
    "iptables": "iptables",
    "nftables": "nft",
    "procps": "sysctl",
    "runc": "runc",
}
_VOLUMES = 12


def ensure_node() -> None:
    """Make sure a node can be started here: root, Debian's packages, Kubernetes, pause image.

    Raises:
        Unavailable: with what is missing.
    """
    if os.geteuid() != 0:
        raise Unavailable("only root can start a local Kubernetes node")
    ensure_packages(_PACKAGES)
    kubernetes()
    kube_router()
    pause_image()


class LocalNode(Started):
    """A one-node cluster; a context manager, or `up()` and `down()`.

    `named=True` is the one node of `make cluster-up`, which outlives this process; any other
    belongs to this process and gets a number of its own, so that the two never meet.
    `kubeconfig` (the administrator's) works from the host.
    """

    can_break = True
    enforces_network_policy = True

    def __init__(self, *, named: bool = False) -> None:
        self._named = named
        self._slot = NAMED
        self._plane: ControlPlane | None = None
        self._daemons: list[Daemon] = []

    @property
    def files(self) -> NodeFiles:
        """Where its things are."""
        return node_files(self._slot)

    @property
    def name(self) -> str:
        """The node's name in the cluster."""
        return self.files.network.namespace

    @property
    def plane(self) -> ControlPlane:
        """Its control plane: users, tokens, outages."""
        assert self._plane is not None, "the node was not started"
        return self._plane

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.files.folder / "admin.kubeconfig"

    @property
    def kubectl(self) -> Kubectl:
        """The administrator's kubectl."""
        return Kubectl(self.kubeconfig)

    def start(self) -> None:
        """Start the node and wait until it takes pods; what an earlier one left is removed first."""
        ensure_node()
        if not self._named:
            self._slot = claim_slot()
        files, network = self.files, self.files.network
        if self._named:
            remove_remains(files)
        files.folder.mkdir(parents=True, exist_ok=True)
        files.run.mkdir(parents=True, exist_ok=True)
        network.up()
        place = Place.inside(files.folder, namespace=network.namespace, address=network.address)
        self._plane = ControlPlane(controllers=True, place=place)
        self._start_runtime()
        self._plane.start()
        started = self._start_components()
        objects = coredns_objects(dns=DNS_ADDRESS, node=network.address)
        volumes = storage_objects(files.volumes, node=self.name, count=_VOLUMES)
        self.kubectl.apply(*objects, *volumes, manager="local-node")
        for name, is_at_work in self._checks().items():
            started[name].wait(is_at_work, seconds=60)
        self._start_firewall()

    def stop(self) -> None:
        """Remove the node and all it made."""
        for daemon in self._daemons:
            daemon.stop(at_once=True)
        if self._plane is not None:
            self._plane.stop()
        remove_remains(self.files)
        self._plane, self._daemons = None, []

    def is_running(self) -> bool:
        """Tell whether the API server and the container runtime run, whoever started them."""
        notes = [self.files.folder / f"{name}.pid" for name in ("kube-apiserver", "containerd")]
        return len(noted_pids(notes)) == len(notes)

    def load_image(self, image: Image) -> None:
        """Make an image known to the node; pods name it and say `imagePullPolicy: IfNotPresent`."""
        self._ctr("images", "import", str(image.archive))

    @contextmanager
    def api_server_down(self) -> Iterator[None]:
        """Take the API server away for as long as the block lasts."""
        self.plane.stop_api_server()
        try:
            yield
        finally:
            self.plane.start_api_server()

    @contextmanager
    def frozen(self, namespace: str, pod: str) -> Iterator[None]:
        """Stop all processes of a pod's containers (SIGSTOP) for as long as the block lasts.

        A container that the kubelet restarts meanwhile is a new process and runs.
        """
        pids = self.pids(namespace, pod)
        _signal(pids, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(pids, signal.SIGCONT)

    def pids(self, namespace: str, pod: str) -> list[int]:
        """Return the pids, on this machine, of a pod's running containers."""
        found = self.kubectl.get("pod", pod, f"--namespace={namespace}")
        wanted = [
            str(one["containerID"]).rpartition("/")[2]
            for one in found["status"].get("containerStatuses", [])
            if "running" in one["state"]
        ]
        pids = []
        for container in wanted:
            rows = self._ctr("tasks", "ps", container).splitlines()[1:]
            pids += [int(row.split()[0]) for row in rows]
        return pids

    def logs(self) -> str:
        """Return the last lines of every component, for a failing test to show."""
        parts = []
        for path in sorted(self.files.folder.glob("*.log")):
            lines = path.read_text(errors="replace").splitlines()[-8:]
            parts.append("\n".join([f"== {path.stem}", *lines]))
        return "\n".join(parts)

    def _ctr(self, *words: str) -> str:
        socket = str(self.files.containerd_socket)
        command = ["ctr", "--address", socket, "--namespace", "k8s.io", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"ctr {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def _start_runtime(self) -> None:
        files, pause = self.files, pause_image()
        files.cni()
        command = ["containerd", "--config", str(files.containerd(pause.name))]
        runtime = self._start("containerd", command)
        runtime.wait(self._has_runtime, seconds=20)
        self.load_image(pause)

    def _has_runtime(self) -> bool:
        try:
            return bool(self._ctr("version"))
        except RuntimeError:
            return False

    def _start_components(self) -> dict[str, Daemon]:
        files, network, authority = self.files, self.files.network, self.plane.authority
        binaries = kubernetes()
        _make_cgroups(files.cgroup)
        serving = authority.issue(self.name, hosts=[self.name, network.address], file="kubelet")
        kubelet = files.kubelet(ca=self.plane.ca, serving=serving, dns=DNS_ADDRESS)
        node = self._client(f"system:node:{self.name}", groups=["system:nodes"])
        started = {}
        started["kubelet"] = self._start(
            "kubelet",
            [
                str(binaries / "kubelet"),
                f"--config={kubelet}",
                f"--kubeconfig={node}",
                f"--root-dir={files.folder / 'kubelet'}",
                f"--node-ip={network.address}",
                f"--hostname-override={self.name}",
            ],
        )
        scheduler = self._client("system:kube-scheduler")
        started["kube-scheduler"] = self._start(
            "kube-scheduler",
            [
                str(binaries / "kube-scheduler"),
                f"--kubeconfig={scheduler}",
                "--leader-elect=false",
                "--secure-port=0",
            ],
        )
        proxy = files.kube_proxy(self._client("system:kube-proxy"))
        command = [str(binaries / "kube-proxy"), f"--config={proxy}"]
        started["kube-proxy"] = self._start("kube-proxy", command)
        corefile = files.coredns(self._client("system:coredns"))
        command = [str(binaries / "coredns"), f"-conf={corefile}"]
        started["coredns"] = self._start("coredns", command)
        return started

    def _start_firewall(self) -> None:
        """Have NetworkPolicies enforced; kube-router wants to know its node when it starts."""
        words = ["--run-firewall=true", "--run-router=false", "--run-service-proxy=false"]
        client = self._client("kube-router", groups=["system:masters"])
        firewall = self._start(
            "kube-router",
            [
                str(kube_router()),
                *words,
                f"--kubeconfig={client}",
                f"--hostname-override={self.name}",
                f"--service-cluster-ip-range={SERVICES}",
            ],
        )
        firewall.wait(self._has_firewall, seconds=60)

    def _has_firewall(self) -> bool:
        enter = ["nsenter", f"--net=/run/netns/{self.files.network.namespace}"]
        asked = [*enter, "iptables", "--wait", "--list-rules", "KUBE-ROUTER-FORWARD"]
        return subprocess.run(asked, check=False, capture_output=True).returncode == 0

    def _client(self, user: str, *, groups: Sequence[str] = ()) -> Path:
        client = self.plane.authority.issue(user, groups=groups)
        path = self.files.folder / f"{re.sub('[:/]', '-', user)}.kubeconfig"
        return write_kubeconfig(path, server=self.plane.server, ca=self.plane.ca, client=client)

    def _start(self, name: str, command: Sequence[str]) -> Daemon:
        namespace = self.files.network.namespace
        daemon = Daemon(name, command, folder=self.files.folder, namespace=namespace)
        self._daemons.append(daemon)
        daemon.start()
        return daemon

    def _checks(self) -> dict[str, Callable[[], bool]]:
        address = self.files.network.address
        known = "kubernetes.default.svc.cluster.local"
        return {
            "kubelet": self._is_ready,
            "kube-proxy": lambda: is_healthy(f"http://{address}:10256/healthz"),
            "coredns": lambda: resolves(address, known),
        }

    def _is_ready(self) -> bool:
        nodes = self.kubectl.get("nodes")["items"]
        found = [one for node in nodes for one in node["status"].get("conditions", [])]
        return any(one["type"] == "Ready" and one["status"] == "True" for one in found)


def _make_cgroups(name: str) -> None:
    """Make the cgroup of all pods: one folder on cgroup v2, one per controller on v1."""
    root = Path("/sys/fs/cgroup")
    if (root / "cgroup.controllers").exists():
        have = (root / "cgroup.controllers").read_text().split()
        (root / "cgroup.subtree_control").write_text(" ".join(f"+{one}" for one in have))
        (root / name.lstrip("/")).mkdir(exist_ok=True)
        return
    for controller in root.iterdir():
        if controller.is_dir() and not controller.is_symlink():
            group = controller / name.lstrip("/")
            group.mkdir(exist_ok=True)
            if controller.name == "cpuset":  # a new group has none, and nothing could run in it
                for what in ("cpuset.cpus", "cpuset.mems"):
                    (group / what).write_text((controller / what).read_text())


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
