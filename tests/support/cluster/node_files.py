"""The configuration files of a local node: containerd, CNI, kubelet, kube-proxy, CoreDNS.

Must not: start anything; these are texts, made from where the node lives.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.cluster.authority import Pair
from tests.support.cluster.network import SealedNetwork

__all__ = ["NodeFiles"]

_CNI_BINARIES = "/usr/lib/cni"


@dataclass(frozen=True)
class NodeFiles:
    """Where a node keeps its things: `folder` on disk, `run` for sockets (their paths are short)."""

    folder: Path
    run: Path
    network: SealedNetwork

    @property
    def containerd_socket(self) -> Path:
        """The socket of the container runtime."""
        return self.run / "containerd.sock"

    @property
    def cgroup(self) -> str:
        """The cgroup all pods live in."""
        return f"/knect-{self.network.index}"

    @property
    def volumes(self) -> Path:
        """The folder of the ready-made PersistentVolumes."""
        return self.folder / "volumes"

    def containerd(self, pause: str) -> Path:
        """Write containerd's configuration."""
        cri = 'plugins."io.containerd.grpc.v1.cri"'
        runc = f"{cri}.containerd.runtimes.runc"
        return self._write(
            "containerd.toml",
            f"""version = 2
root = "{self.folder}/containerd"
state = "{self.run}/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
address = "{self.containerd_socket}"
[{cri}]
sandbox_image = "{pause}"
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"
[{cri}.cni]
bin_dir = "{_CNI_BINARIES}"
conf_dir = "{self.folder}/cni"
[{cri}.containerd]
default_runtime_name = "runc"
[{runc}]
runtime_type = "io.containerd.runc.v2"
[{runc}.options]
SystemdCgroup = false
""",
        )

    def cni(self) -> Path:
        """Write the pod network: routed cables, so that a Service's answer comes back through it."""
        (self.folder / "cni").mkdir(exist_ok=True)
        addresses = {
            "type": "host-local",
            "dataDir": str(self.run / "addresses"),
            "ranges": [[{"subnet": self.network.pods}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        plugins = [
            {"type": "ptp", "ipMasq": False, "mtu": 1500, "ipam": addresses},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ]
        document = {"cniVersion": "0.4.0", "name": self.network.namespace, "plugins": plugins}
        return self._write_json("cni/10-knect.conflist", document)

    def kubelet(self, *, ca: Path, serving: Pair, dns: str) -> Path:
        """Write kubelet's configuration."""
        return self._write_json(
            "kubelet.yaml",
            {
                "apiVersion": "kubelet.config.k8s.io/v1beta1",
                "kind": "KubeletConfiguration",
                "address": "0.0.0.0",
                "authentication": {
                    "anonymous": {"enabled": False},
                    "webhook": {"enabled": True},
                    "x509": {"clientCAFile": str(ca)},
                },
                "authorization": {"mode": "Webhook"},
                "tlsCertFile": str(serving.certificate),
                "tlsPrivateKeyFile": str(serving.key),
                "cgroupDriver": "cgroupfs",
                "cgroupRoot": self.cgroup,
                "clusterDNS": [dns],
                "clusterDomain": "cluster.local",
                "containerRuntimeEndpoint": f"unix://{self.containerd_socket}",
                "evictionHard": {
                    "imagefs.available": "1%",
                    "memory.available": "50Mi",
                    "nodefs.available": "1%",
                },
                "failCgroupV1": False,
                "failSwapOn": False,
                "healthzPort": 10248,
                "imageGCHighThresholdPercent": 100,
                "maxPods": 200,
                "nodeStatusUpdateFrequency": "2s",
                "oomScoreAdj": 0,
                "podLogsDir": str(self.folder / "logs"),
                "resolvConf": str(self._write("resolv.conf", "")),
                "serializeImagePulls": False,
                "syncFrequency": "10s",
            },
        )

    def kube_proxy(self, kubeconfig: Path) -> Path:
        """Write kube-proxy's configuration."""
        return self._write_json(
            "kube-proxy.yaml",
            {
                "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
                "kind": "KubeProxyConfiguration",
                "clientConnection": {"kubeconfig": str(kubeconfig)},
                "clusterCIDR": self.network.pods,
                "conntrack": {"maxPerCore": 0, "min": 0},
                "healthzBindAddress": f"{self.network.address}:10256",
                "hostnameOverride": self.network.namespace,
                "metricsBindAddress": "127.0.0.1:10249",
                "mode": "nftables",
            },
        )

    def coredns(self, kubeconfig: Path) -> Path:
        """Write CoreDNS' configuration: the cluster's names; any other name does not exist."""
        return self._write(
            "Corefile",
            f"""cluster.local:53 in-addr.arpa:53 {{
    bind {self.network.address}
    errors
    ready 127.0.0.1:8181
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig}
        ttl 5
    }}
}}
.:53 {{
    bind {self.network.address}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
""",
        )

    def _write_json(self, name: str, document: dict[str, Any]) -> Path:
        return self._write(name, json.dumps(document, indent=1))  # JSON is YAML

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path
