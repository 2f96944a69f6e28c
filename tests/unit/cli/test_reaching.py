"""How a command reaches a cluster: the port-forward it makes and ends, the token it shows.

A stand-in for kubectl says what the real one says; the real one is tried in
tests/integration/cluster/test_gateway.py, and a real port-forward needs a node.
"""

import json
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.gateway.apiserver import FakeApiServer
from tests.support.gateway.ledgers import filled
from tests.support.gateway.process import ApiProcess
from tests.support.ledgers import on_postgres
from tests.unit.cli.terminal import Terminal

from knect.cli import kubectl as kubectl_module

KUBECTL = """
import json, os, signal, sys, time
from pathlib import Path

here = Path(os.environ["STUB"])
words = [word for word in sys.argv[1:]]
with (here / "words").open("a") as log:
    log.write(json.dumps(words) + "\\n")
if "view" in words:
    print((here / "view.json").read_text())
elif "token" in words:
    print("made-token")
elif "port-forward" in words:
    (here / "pid").write_text(str(os.getpid()))
    said = (here / "forward.json").read_text()
    said = json.loads(said)
    print(said["out"], flush=True) if said["out"] else None
    if said["err"]:
        sys.exit(said["err"])
    time.sleep(600)
"""

PLUGIN = """
import json, os, sys
from pathlib import Path

here = Path(os.environ["STUB"])
(here / "told.json").write_text(os.environ["KUBERNETES_EXEC_INFO"])
(here / "env").write_text(os.environ.get("REGION", ""))
if sys.argv[1:] == ["fail"]:
    sys.exit(1)
if sys.argv[1:] == ["certificate"]:
    print(json.dumps({"status": {"clientCertificateData": "x", "clientKeyData": "y"}}))
else:
    print(json.dumps({"status": {"token": "plugin-token"}}))
"""


def a_program(path: Path, text: str) -> Path:
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return path


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiProcess]:
    folder = tmp_path_factory.mktemp("api")
    with on_postgres(), FakeApiServer() as cluster:
        for token in ("own-token", "file-token", "plugin-token", "made-token"):
            cluster.person(token, token.partition("-")[0], audiences=["knect-api"])
            cluster.rights.add((token.partition("-")[0], "get", "shops"))
        cluster.dsns["shops"] = filled("shops")
        with ApiProcess(cluster.kubeconfig(folder / "config"), folder) as found:
            yield found


class Stub:
    def __init__(self, folder: Path, api: ApiProcess) -> None:
        self.folder = folder
        self.port = api.url.rpartition(":")[2]
        self.forward(f"Forwarding from 127.0.0.1:{self.port} -> 8080")
        self.user(token="own-token")

    def forward(self, out: str, err: str = "") -> None:
        (self.folder / "forward.json").write_text(json.dumps({"out": out, "err": err}))

    def user(self, **user: Any) -> None:
        view = {
            "contexts": [{"context": {"namespace": "shops"}}],
            "users": [{"user": user}],
            "clusters": [
                {"cluster": {"server": "https://c", "certificate-authority-data": "Q0E="}}
            ],
        }
        (self.folder / "view.json").write_text(json.dumps(view))

    def words(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "words").read_text().splitlines()]

    def is_over(self) -> bool:
        return not Path(f"/proc/{(self.folder / 'pid').read_text()}").exists()


@pytest.fixture
def stub(tmp_path: Path, api: ApiProcess, monkeypatch: pytest.MonkeyPatch) -> Stub:
    folder = tmp_path / "bin"
    folder.mkdir()
    a_program(folder / "kubectl", KUBECTL)
    a_program(folder / "login", PLUGIN)
    monkeypatch.setenv("STUB", str(folder))
    monkeypatch.setenv("PATH", str(folder))
    for name in ("KNECT_API", "KNECT_TOKEN", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    return Stub(folder, api)


def test_a_port_is_forwarded_and_given_back(knect: Terminal, stub: Stub) -> None:
    done = knect("--context", "prod", "find", "1001")
    assert (done.code, "SO-1001" in done.out) == (0, True), done.err
    assert stub.is_over()
    view, forward = stub.words()
    assert view == ["--context=prod", "config", "view", "--minify", "--raw", "-o", "json"]
    assert forward == [
        "--context=prod", "--namespace=knect-system", "port-forward", "--address=127.0.0.1",
        "service/knect-api", ":80",
    ]  # fmt: skip
    elsewhere = ("--api-namespace", "tools", "--api-service", "k-api", "--kubeconfig", "f")
    assert knect("status", "-n", "shops", *elsewhere).code == 0
    assert stub.words()[-1] == [
        "--kubeconfig=f", "--namespace=tools", "port-forward", "--address=127.0.0.1",
        "service/k-api", ":80",
    ]  # fmt: skip


def test_a_way_that_is_not_there_is_a_sentence(
    knect: Terminal, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for said, code, says in (
        ('Error from server (NotFound): services "knect-api" not found', 3, "install the chart"),
        (
            'Error from server (Forbidden): pods "a" is forbidden: User "x" cannot create',
            6,
            "allow",
        ),
        ("error: unable to forward port because pod is not running.", 1, "pod is not running"),
        ("", 1, "it said nothing"),
    ):
        stub.forward("", said or " ")
        done = knect("-n", "shops", "status")
        assert (done.code, says in done.err) == (code, True), done.err
        assert stub.is_over()
    stub.forward("")
    monkeypatch.setattr(kubectl_module, "_SECONDS", 0.7)
    began = time.monotonic()
    done = knect("-n", "shops", "status")
    assert (done.code, "did not begin in 1 s" in done.err) == (1, True), done.err
    assert time.monotonic() - began < 10
    assert stub.is_over()


@pytest.mark.parametrize(
    ("user", "who", "made"),
    [
        ({"token": "own-token"}, "own", False),
        ({"token": "stale", "tokenFile": "FILE"}, "file", False),
        ({"exec": {"command": "login", "args": ["a"]}}, "plugin", False),
        ({"exec": {"command": "login", "args": ["certificate"]}}, "made", True),
        ({"client-certificate-data": "x", "client-key-data": "y"}, "made", True),
        ({"token": "own-token", "as": "somebody"}, "made", True),
        ({}, "made", True),
    ],
)
def test_whose_token_is_shown(
    knect: Terminal, stub: Stub, user: dict[str, Any], who: str, made: bool
) -> None:
    if "tokenFile" in user:
        path = stub.folder / "token"
        path.write_text("file-token\n")
        user = {**user, "tokenFile": str(path)}
    stub.user(**user)
    done = knect("-n", "other", "status")
    assert f"{who} may not get transactions.knect.dev in namespace other" in done.err
    asked = [words for words in stub.words() if "create" in words]
    assert asked == [
        [
            "create", "token", "knect-person", "--namespace=knect-system",
            "--audience=knect-api", "--duration=10m",
        ]
    ] * made  # fmt: skip
    assert not [word for words in stub.words() for word in words if word.endswith("-token")]


def test_a_plugin_is_told_what_kubectl_tells_it(knect: Terminal, stub: Stub) -> None:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "login",
        "env": [{"name": "REGION", "value": "eu"}],
        "provideClusterInfo": True,
        "interactiveMode": "IfAvailable",
    }
    stub.user(exec=plugin)
    assert knect("-n", "shops", "status").code == 0
    assert json.loads((stub.folder / "told.json").read_text()) == {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "kind": "ExecCredential",
        "spec": {
            "interactive": False,
            "cluster": {"server": "https://c", "certificate-authority-data": "Q0E="},
        },
    }
    assert (stub.folder / "env").read_text() == "eu"


def test_a_login_that_fails_is_a_sentence(knect: Terminal, stub: Stub) -> None:
    for user, says in (
        ({"exec": {"command": "login", "args": ["fail"]}}, "gave no credentials; try it with"),
        ({"exec": {"command": "nope", "installHint": "brew it"}}, "cannot be started; brew it"),
        ({"tokenFile": "/nowhere"}, "token file /nowhere cannot be read"),
    ):
        stub.user(**user)
        done = knect("-n", "shops", "status")
        assert (done.code, says in done.err) == (6, True), done.err


def test_nothing_of_a_cluster_is_asked_without_a_word(
    knect: Terminal, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A KUBECONFIG alone names no cluster for knect: the ledger here is meant."""
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    done = knect("status")
    assert (done.code, "there is no ledger at" in done.err) == (1, True)
    assert not (stub.folder / "words").exists()
