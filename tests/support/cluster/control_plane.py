"""A real API server with its etcd, started in seconds, for tests that need no pods.

Why: CRD schemas, CEL rules, server-side apply, RBAC and Leases are the API server's own doing; a
stand-in would prove nothing. Controllers (garbage collection, service accounts, namespaces that
go away) come with `controllers=True`. Must not: be reachable from other machines.
"""

import json
import shutil
import ssl
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tests.support.cluster.authority import Authority, Pair
from tests.support.cluster.binaries import kubernetes
from tests.support.cluster.daemon import Daemon
from tests.support.cluster.folders import claim_folder
from tests.support.cluster.kubeconfig import write_kubeconfig
from tests.support.cluster.kubectl import Kubectl
from tests.support.cluster.place import Place
from tests.support.real.debian import ensure_packages
from tests.support.real.started import Started

__all__ = ["DNS_ADDRESS", "SERVICES", "ControlPlane", "ensure_control_plane"]

#: The range of Service addresses, and the one of the name service.
SERVICES, DNS_ADDRESS = "10.96.0.0/16", "10.96.0.10"
_FIRST_SERVICE = "10.96.0.1"
_ISSUER = "https://kubernetes.default.svc"
_SERVER_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")


def ensure_control_plane() -> None:
    """Make sure a control plane can be started: etcd is installed, Kubernetes is built.

    Raises:
        Unavailable: with what is missing.
    """
    ensure_packages({"etcd-server": "etcd"})
    kubernetes()


class ControlPlane(Started):
    """etcd and kube-apiserver, optionally with kube-controller-manager; a context manager.

    `kubeconfig` is the administrator's, `server` the URL, `ca` the authority's certificate,
    `kubectl` the administrator's kubectl.
    """

    def __init__(
        self,
        *,
        controllers: bool = False,
        place: Place | None = None,
        api_flags: Sequence[str] = (),
        controller_flags: Sequence[str] = (),
    ) -> None:
        self._owns_folder = place is None
        self.place = place or Place.on_loopback(claim_folder("control-planes"))
        self._controllers = controllers
        self._api_flags = api_flags
        self._controller_flags = controller_flags
        self.authority = Authority(self.place.folder / "pki")
        self.ca = self.authority.pair.certificate
        self.server = self.place.server
        self.kubeconfig = self.place.folder / "admin.kubeconfig"
        self._etcd: Daemon | None = None
        self._api: Daemon | None = None
        self._manager: Daemon | None = None

    @property
    def kubectl(self) -> Kubectl:
        """The administrator's kubectl."""
        return Kubectl(self.kubeconfig)

    def start(self) -> None:
        """Start what belongs to it and wait until the API server is ready."""
        ensure_control_plane()
        self._etcd = self._daemon("etcd", self._etcd_command())
        self._etcd.start()
        admin = self.authority.issue("knect-admin", groups=["system:masters"])
        write_kubeconfig(self.kubeconfig, server=self.server, ca=self.ca, client=admin)
        self._api = self._daemon("kube-apiserver", self._api_command())
        self.start_api_server()
        if self._controllers:
            self._manager = self._daemon("kube-controller-manager", self._manager_command())
            self._manager.start()
            self._manager.wait(self._has_default_account, seconds=30)

    def stop(self) -> None:
        """End everything and forget its data."""
        for daemon in (self._manager, self._api, self._etcd):
            if daemon is not None:
                daemon.stop(at_once=True)
        if self._owns_folder:
            shutil.rmtree(self.place.folder, ignore_errors=True)

    def stop_api_server(self) -> None:
        """Pull the API server's plug; its data stay in etcd."""
        assert self._api is not None, "the control plane was not started"
        self._api.stop(at_once=True)

    def start_api_server(self) -> None:
        """Start the API server and wait until it is ready; on the same address as before."""
        assert self._api is not None, "the control plane was not started"
        self._api.start()
        self._api.wait(self.is_ready, seconds=90)

    def is_ready(self) -> bool:
        """Tell whether the API server says that it is ready."""
        context = ssl.create_default_context(cafile=str(self.ca))
        try:
            with urllib.request.urlopen(f"{self.server}/readyz", timeout=2, context=context) as got:
                return bool(got.status == 200)
        except OSError:
            return False

    def user(self, name: str, *, groups: Sequence[str] = ()) -> Path:
        """Return the kubeconfig of a user by client certificate; RBAC decides what they may."""
        client = self.authority.issue(name, groups=groups)
        return self._kubeconfig(name, client=client)

    def service_account(self, namespace: str, name: str) -> Path:
        """Return the kubeconfig of a ServiceAccount by token; the account is made if missing."""
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": name, "namespace": namespace},
        }
        self.kubectl.apply(account)
        return self._kubeconfig(f"{namespace}-{name}", token=self.token(namespace, name))

    def token(self, namespace: str, name: str, *, audience: str = "") -> str:
        """Return a token of a ServiceAccount, good for an hour."""
        extra = [f"--audience={audience}"] if audience else []
        words = ("create", "token", name, f"--namespace={namespace}", "--duration=1h", *extra)
        return self.kubectl.run(*words).strip()

    def _kubeconfig(self, name: str, *, client: Pair | None = None, token: str = "") -> Path:
        path = self.place.folder / f"{name.replace(':', '-').replace('/', '-')}.kubeconfig"
        return write_kubeconfig(path, server=self.server, ca=self.ca, client=client, token=token)

    def _has_default_account(self) -> bool:
        found = self.kubectl.run("get", "serviceaccounts", "--namespace=default", "-o", "json")
        return any(one["metadata"]["name"] == "default" for one in json.loads(found)["items"])

    def _daemon(self, name: str, command: Sequence[str]) -> Daemon:
        return Daemon(name, command, folder=self.place.folder, namespace=self.place.namespace)

    def _etcd_command(self) -> list[str]:
        peer = f"http://127.0.0.1:{self.place.etcd_peer_port}"
        return [
            shutil.which("etcd") or "/usr/bin/etcd",
            f"--data-dir={self.place.folder / 'etcd'}",
            f"--listen-client-urls={self.place.etcd}",
            f"--advertise-client-urls={self.place.etcd}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",  # a test's data need not survive a power cut
        ]

    def audited(self, user: str) -> set[tuple[str, str, str]]:
        """Return what a user was allowed to do: (verb, API group, resource[/subresource])."""
        done: set[tuple[str, str, str]] = set()
        for line in (self.place.folder / "audit.log").read_text().splitlines():
            event = json.loads(line)
            thing = event.get("objectRef") or {}
            allowed = (event.get("annotations") or {}).get(
                "authorization.k8s.io/decision"
            ) == "allow"
            if event["user"]["username"] != user or not allowed or "resource" not in thing:
                continue
            resource = "/".join(filter(None, (thing["resource"], thing.get("subresource"))))
            done.add((event["verb"], thing.get("apiGroup", ""), resource))
        return done

    def forbidden(self, user: str) -> list[str]:
        """Return what a user was refused, as the API server said it."""
        lines = (self.place.folder / "audit.log").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        return [
            f"{event['verb']} {event.get('requestURI')}"
            for event in events
            if event["user"]["username"] == user
            and (event.get("annotations") or {}).get("authorization.k8s.io/decision") == "forbid"
        ]

    def _audit_policy(self) -> Path:
        """Write down who did what, without bodies; both ends of a watch would be one too many."""
        path = self.place.folder / "audit-policy.json"
        policy = {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived", "ResponseStarted"],
            "omitManagedFields": True,
            "rules": [
                {"level": "None", "userGroups": ["system:masters", "system:nodes"]},
                {"level": "Metadata"},
            ],
        }
        path.write_text(json.dumps(policy))
        return path

    def _api_command(self) -> list[str]:
        loopback = self.place.namespace is None
        names = {*_SERVER_NAMES, "127.0.0.1", _FIRST_SERVICE, self.place.address}
        serving = self.authority.issue("kube-apiserver", hosts=sorted(names))
        kubelet = self.authority.issue("kube-apiserver-kubelet-client", groups=["system:masters"])
        signing = self.authority.key_pair("service-accounts")
        bind = self.place.address if loopback else "0.0.0.0"
        return [
            str(kubernetes() / "kube-apiserver"),
            f"--etcd-servers={self.place.etcd}",
            f"--bind-address={bind}",
            f"--advertise-address={self.place.address}",
            f"--secure-port={self.place.api_port}",
            # A loopback address may not be an endpoint; nobody looks for it there.
            *(["--endpoint-reconciler-type=none"] if loopback else []),
            f"--service-cluster-ip-range={SERVICES}",
            f"--client-ca-file={self.ca}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--kubelet-certificate-authority={self.ca}",
            f"--kubelet-client-certificate={kubelet.certificate}",
            f"--kubelet-client-key={kubelet.key}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-issuer={_ISSUER}",
            f"--service-account-key-file={signing.certificate}",
            f"--service-account-signing-key-file={signing.key}",
            "--authorization-mode=Node,RBAC",
            f"--audit-policy-file={self._audit_policy()}",
            f"--audit-log-path={self.place.folder / 'audit.log'}",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            "--profiling=false",
            *self._api_flags,
        ]

    def _manager_command(self) -> list[str]:
        client = self.authority.issue("system:kube-controller-manager")
        kubeconfig = self._kubeconfig("system:kube-controller-manager", client=client)
        signing = self.authority.key_pair("service-accounts")
        return [
            str(kubernetes() / "kube-controller-manager"),
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            "--secure-port=0",  # nobody reads its metrics
            "--use-service-account-credentials",
            f"--root-ca-file={self.ca}",
            f"--service-account-private-key-file={signing.key}",
            "--leader-elect=false",
            "--profiling=false",
            *self._controller_flags,
        ]
