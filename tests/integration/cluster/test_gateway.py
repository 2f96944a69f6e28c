"""`knect api` before a real API server and a real PostgreSQL: the cluster decides who sees what.

Two namespaces with a ledger each; people by ServiceAccount tokens, rights by the chart's roles and
Kubernetes' own `view` and `edit`.
"""

import base64
import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from tests.support.chart.render import render
from tests.support.cluster.crds import installed_crds
from tests.support.gateway.ledgers import filled, some
from tests.support.gateway.process import KNECT, ApiProcess, ask, knect
from tests.support.kube.objects import a_pipeline
from tests.support.kube.process import in_namespace
from tests.support.ledgers import on_postgres, server
from tests.support.real.postgres import PASSWORD

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ACCOUNT = "system:serviceaccount:knect-system:knect-api"
RBAC = {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount"}
SPACES = ("gw-shops", "gw-other", "gw-empty")
SHOPS, OTHER, EMPTY = SPACES


def poll(look, holds, seconds=30):
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if holds(found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def ledger_secret(namespace: str, dsn: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "knect-ledger", "namespace": namespace},
        "stringData": {"dsn": dsn},
    }


class Scene:
    """The running gateway and the people around it."""

    def __init__(self, plane, api, roles, dsns):
        self.plane, self.api, self.roles, self.dsns = plane, api, roles, dsns
        self.tokens: dict[str, str] = {}

    def person(self, name, role, *namespaces):
        """Make somebody who has a role of Kubernetes' own in some namespaces."""
        self.plane.service_account(SHOPS, name)
        of = "rbac.authorization.k8s.io"
        for namespace in namespaces:
            self.plane.kubectl.apply(
                {
                    "apiVersion": f"{of}/v1",
                    "kind": "RoleBinding",
                    "metadata": {"name": f"{name}-{role}", "namespace": namespace},
                    "roleRef": {"apiGroup": of, "kind": "ClusterRole", "name": role},
                    "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": SHOPS}],
                }
            )
        self.tokens[name] = self.plane.token(SHOPS, name, audience="knect-api")

    def ask(self, who, path, *, namespace=SHOPS, wish=None):
        token = self.tokens.get(who, who)
        answer = ask(f"{self.api.url}/v1/namespaces/{namespace}/{path}", token=token, wish=wish)
        assert PASSWORD not in answer.text
        assert "postgresql" not in answer.text
        return answer

    def knect(self, who, *words, namespace=SHOPS):
        done = knect(
            "-n", namespace, *words, KNECT_API=self.api.url, KNECT_TOKEN=self.tokens.get(who, who)
        )
        assert PASSWORD not in done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def scene(plane, tmp_path_factory):
    server()
    installed_crds(plane)
    for name in (*SPACES, "knect-system"):
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        plane.kubectl.apply(space)
    objects = [one for one in render() if one["kind"] in RBAC]
    plane.kubectl.apply(*objects)
    roles = [
        one
        for one in objects
        if one["kind"] in {"ClusterRole", "Role"} and one["metadata"]["name"] == "knect-api"
    ]
    with on_postgres():
        dsns = {name: filled(name, some) for name in (SHOPS, OTHER)}
        for name, dsn in dsns.items():
            plane.kubectl.apply(ledger_secret(name, dsn))
        account = plane.service_account("knect-system", "knect-api")
        with ApiProcess(
            account, tmp_path_factory.mktemp("api"), KNECT_TRACE_URL="https://traces/{id}"
        ) as api:
            found = Scene(plane, api, roles, dsns)
            found.person("viewer", "view", SHOPS)
            found.person("editor", "edit", SHOPS)
            found.person("elsewhere", "edit", OTHER)
            found.person("nobody", "view")
            # aggregation into `view` and `edit` is the controller manager's work
            poll(lambda: found.ask("viewer", "status").status, lambda status: status == 200)
            poll(
                lambda: found.ask("editor", "retry", wish={"everything": True, "dry_run": True}),
                lambda answer: answer.status == 200,
            )
            yield found
            assert PASSWORD not in api.log()
            for token in found.tokens.values():
                assert token not in api.log()


def test_it_is_ready(scene):
    for page in ("healthz", "readyz"):
        assert ask(f"{scene.api.url}/{page}").text == "ok"
    assert "knect_api_requests_total" in ask(f"{scene.api.url}/metrics").text


def test_a_viewer_finds_and_may_not_act(scene):
    found = scene.ask("viewer", "find?key=1001").body
    assert [one["destination_number"] for one in found["items"]] == ["SO-1001"]
    for verb in ("retry", "replay", "skip"):
        wish = {"words": ["1002"], "reason": "x", "dry_run": True}
        answer = scene.ask("viewer", verb, wish=wish)
        assert answer.status == 403
        assert "may not update transactions.knect.dev in namespace gw-shops" in answer.text
    mapped = scene.ask("viewer", "unmapped", wish={"kind": "sku", "value": "KN 9", "mapped": "K"})
    assert mapped.status == 403
    for path in ("status", "stuck", "unmapped", f"transactions/{found['items'][0]['id']}"):
        assert scene.ask("viewer", path).status == 200


def test_nobody_sees_another_namespace(scene):
    """The same sentence whether there is something or nothing: nothing is given away."""
    for who, namespaces in (("viewer", (OTHER, EMPTY, "gw-none")), ("nobody", SPACES)):
        for namespace in namespaces:
            for path in ("status", "find?key=1001", "transactions/0123456789", "stuck", "unmapped"):
                answer = scene.ask(who, path, namespace=namespace)
                assert answer.status == 403
                assert answer.body["error"] == (
                    f"system:serviceaccount:gw-shops:{who} may not get transactions.knect.dev in "
                    f"namespace {namespace}; whoever gives rights there can allow it"
                )
    assert scene.ask("elsewhere", "find?key=1001").status == 403
    assert scene.ask("elsewhere", "find?key=1001", namespace=OTHER).status == 200


def forged(scene, key, **changes):
    """A token as the API server signs them, with what is changed."""
    head, body, _ = scene.tokens["viewer"].split(".")
    claims = {**json.loads(base64.urlsafe_b64decode(body + "==")), **changes}

    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    signed = f"{head}.{part(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ECDSA(hashes.SHA256())))
    return f"{signed}.{part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def key_of(plane, stem="service-accounts"):
    path = plane.authority.key_pair(stem).key
    return serialization.load_pem_private_key(path.read_bytes(), None)


def test_forged_expired_and_foreign_tokens_are_refused(scene):
    now = int(time.time())
    real = key_of(scene.plane)
    assert (
        scene.ask(forged(scene, real, exp=now + 60), "status").status == 200
    )  # it signs as it does
    refused = {
        "expired": forged(scene, real, iat=now - 7200, nbf=now - 7200, exp=now - 3600),
        "not yet": forged(scene, real, nbf=now + 3600),
        "foreign audience": scene.plane.token(SHOPS, "viewer", audience="vault"),
        "another key": forged(scene, key_of(scene.plane, "forger")),
        "altered": scene.tokens["viewer"][:-8] + "AAAAAAAA",
        "no signature": scene.tokens["viewer"].rpartition(".")[0] + ".",
        "garbage": "garbage",
    }
    for name, token in refused.items():
        answer = scene.ask(token, "status")
        assert (name, answer.status) == (name, 401)
        assert token not in answer.text
    assert ask(f"{scene.api.url}/v1/namespaces/{SHOPS}/status").status == 401


def test_a_token_for_the_api_server_itself_is_good(scene):
    """That is what a person's kubeconfig has."""
    assert scene.ask(scene.plane.token(SHOPS, "viewer"), "status").status == 200


def test_a_token_ends_with_its_account(scene):
    scene.person("leaver", "view", SHOPS)
    assert scene.ask("leaver", "status").status == 200
    scene.plane.kubectl.run("delete", "serviceaccount", "leaver", f"--namespace={SHOPS}")
    poll(lambda: scene.ask("leaver", "status").status, lambda status: status == 401)


def test_a_right_that_was_taken_is_gone_in_seconds(scene):
    scene.person("demoted", "view", SHOPS)
    assert scene.ask("demoted", "status").status == 200
    scene.plane.kubectl.run("delete", "rolebinding", "demoted-view", f"--namespace={SHOPS}")
    poll(lambda: scene.ask("demoted", "status").status, lambda status: status == 403)


def test_an_editor_acts_and_is_named_in_the_ledger(scene):
    counted = scene.ask("editor", "retry", wish={"words": ["1002"], "dry_run": True})
    assert counted.body["count"] == 1
    real, database = server(), scene.dsns[SHOPS].rpartition("/")[2]
    assert real.sql("select count(*) from knect.actions", database) == "0"
    done = scene.ask("editor", "retry", wish={"words": ["1002"], "reason": "product is there"})
    assert done.body["count"] == 1
    done = scene.ask(
        "editor", "unmapped",
        wish={"kind": "sku", "value": "KN 9", "mapped": "KN-1", "reason": "renamed"},
    )  # fmt: skip
    assert done.body == {"destination": "erp", "woke": 2}
    rows = real.sql("select actor, verb, selector, reason, count from knect.actions", database)
    who = "system:serviceaccount:gw-shops:editor"
    assert rows.splitlines() == [
        f"{who}|retry|1002|product is there|1",
        f"{who}|map|sku KN 9=KN-1 at erp|renamed|2",
    ]
    assert (
        json.loads(next(line for line in scene.api.log().splitlines() if '"acted"' in line)).items()
        >= {"person": who, "namespace": SHOPS, "verb": "retry", "count": 1}.items()
    )


def test_a_ledger_of_another_namespace_is_not_shown(scene):
    """Whoever writes the Secret may know the other's DSN; the ledger itself says whose it is."""
    scene.person("thief", "edit", EMPTY)
    none = scene.ask("thief", "status", namespace=EMPTY)
    assert (none.status, none.body["error"]) == (
        404,
        "namespace gw-empty has no ledger that knect api serves: no Secret knect-ledger with the "
        "key dsn",
    )
    scene.plane.kubectl.apply(ledger_secret(EMPTY, scene.dsns[SHOPS]))
    for path in ("status", "find?key=1001"):
        answer = scene.ask("thief", path, namespace=EMPTY)
        assert answer.status == 503
        assert "names no ledger of this namespace" in answer.text
        assert SHOPS not in answer.text
    assert scene.ask("thief", "retry", namespace=EMPTY, wish={"everything": True}).status == 503


def test_a_changed_and_a_vanished_secret_are_noticed(scene):
    def status():
        return scene.ask("elsewhere", "status", namespace=OTHER)

    assert status().status == 200
    scene.plane.kubectl.run("delete", "secret", "knect-ledger", f"--namespace={OTHER}")
    began = time.monotonic()
    poll(status, lambda answer: answer.status == 404)
    assert time.monotonic() - began < 10
    scene.plane.kubectl.apply(ledger_secret(OTHER, "postgresql://u:s3cr3t@127.0.0.1:1/db"))
    away = status()
    assert away.status == 503
    assert "the ledger of namespace gw-other: the connection is refused" in away.text
    assert "s3cr3t" not in away.text
    assert "127.0.0.1" not in away.text
    scene.plane.kubectl.apply(ledger_secret(OTHER, "sEcr3tword://u:pa?ss=w0rd@h/db"))
    wrong = status()
    assert wrong.status == 503
    assert not {"sEcr3tword", "w0rd"} & set(wrong.text.replace(":", " ").split())
    scene.plane.kubectl.apply(ledger_secret(OTHER, scene.dsns[OTHER]))
    poll(status, lambda answer: answer.status == 200)


def test_a_role_that_may_only_read_is_enough_for_questions(scene):
    real, database = server(), scene.dsns[OTHER].rpartition("/")[2]
    real.sql(
        "drop owned by reader; drop role reader" if _has_reader(real) else "select 1", database
    )
    real.sql("create role reader login password 'readers'", database)
    real.sql(
        "grant usage on schema knect to reader; grant select on all tables in schema knect to reader",
        database,
    )
    dsn = f"postgresql://reader:readers@127.0.0.1:{real.port}/{database}"
    scene.plane.kubectl.apply(ledger_secret(OTHER, dsn))

    def ask_(path, wish=None):
        return scene.ask("elsewhere", path, namespace=OTHER, wish=wish)

    def reads():
        return real.sql("select count(*) from pg_stat_activity where usename = 'reader'", database)

    poll(lambda: (ask_("status").status, reads()), lambda got: got[0] == 200 and got[1] != "0")
    (one,) = ask_("find?key=1002").body["items"]
    for path in (f"transactions/{one['id']}?payload=true", "stuck", "unmapped", "status"):
        assert ask_(path).status == 200
    assert ask_("retry", {"everything": True, "dry_run": True}).body["count"] == 3
    refused = ask_("retry", {"everything": True})
    assert refused.status == 503
    assert "the role may not do that" in refused.text
    scene.plane.kubectl.apply(ledger_secret(OTHER, scene.dsns[OTHER]))


def _has_reader(real):
    return real.sql("select count(*) from pg_roles where rolname = 'reader'") != "0"


def test_the_command_line_end_to_end(scene):
    """`kubectl port-forward` needs a kubelet; here somebody else made the way (KNECT_API)."""
    found = scene.knect("viewer", "find", "1001")
    assert found.returncode == 0, found.stderr
    assert "Order #1001 (shop) is in erp as SO-1001." in found.stdout
    assert "trace https://traces/" in found.stdout
    assert scene.knect("viewer", "find", "nothing-like-it").returncode == 3
    assert "PIPELINE" in scene.knect("viewer", "status").stdout
    refused = scene.knect("viewer", "retry", "--all")
    assert refused.returncode == 6
    assert "may not update transactions.knect.dev" in refused.stderr
    assert scene.knect("elsewhere", "status").returncode == 6
    assert scene.knect("garbage", "status").returncode == 6
    done = scene.knect("editor", "retry", "1003", "--reason", "again", "--dry-run")
    assert done.stdout == "1 transaction would be affected\n"


def test_the_kubeconfig_s_own_token_and_namespace_are_taken(scene):
    kubeconfig = scene.plane.service_account(SHOPS, "editor")
    binary = scene.plane.kubectl._words[0]
    done = knect(
        "--kubeconfig", str(kubeconfig), "-n", SHOPS, "find", "1001", KNECT_API=scene.api.url,
        PATH=binary.rpartition("/")[0],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "SO-1001" in done.stdout


def test_kubectl_knect_is_the_same_program(scene, tmp_path):
    """Real kubectl looks for kubectl-knect; with it, a cluster is meant without a word."""
    binary = Path(scene.plane.kubectl._words[0])
    env = {
        "PATH": f"{binary.parent}:{KNECT.parent}",
        "HOME": str(tmp_path),  # kubectl keeps a cache there
        "KUBECONFIG": str(scene.plane.service_account(SHOPS, "editor")),
        "KNECT_API": scene.api.url,
    }
    done = subprocess.run(
        [binary, "knect", "-n", SHOPS, "find", "1001"], env=env, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "SO-1001" in done.stdout
    del env["KNECT_API"]
    away = subprocess.run(
        [binary, "knect", "status"], env=env, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert (away.returncode, "the cluster does not allow it" in away.stderr) == (6, True)


class StandIn(threading.Thread):
    """Writes the status the operator would: what a wish came to."""

    def __init__(self, plane, name):
        super().__init__(daemon=True)
        self._plane, self._name, self.over = plane, name, threading.Event()

    def run(self):
        kubectl = self._plane.kubectl
        while not self.over.wait(0.2):
            one = kubectl.get("pipe", self._name, f"--namespace={SHOPS}")
            suspended = one["spec"].get("suspend", False)
            ready = ("False", "Suspended") if suspended else ("True", "Flowing")
            status = {
                "observedGeneration": one["metadata"]["generation"],
                "lastHandledReconcileAt": one["metadata"]
                .get("annotations", {})
                .get("knect.dev/requested-at", ""),
                "conditions": [
                    {
                        "type": "Ready", "status": ready[0], "reason": ready[1],
                        "message": f"it is {ready[1].lower()}",
                        "lastTransitionTime": "2026-01-01T00:00:00Z",
                    }
                ],
            }  # fmt: skip
            kubectl.run(
                "patch", "pipe", self._name, f"--namespace={SHOPS}", "--subresource=status",
                "--type=merge", f"--patch={json.dumps({'status': status})}",
            )  # fmt: skip


def test_a_pipeline_is_run_now_paused_and_resumed(scene):
    plane = scene.plane
    plane.kubectl.apply(*in_namespace(SHOPS, a_pipeline()))
    way = {"PATH": str(Path(plane.kubectl._words[0]).parent)}
    words = ("--kubeconfig", str(plane.kubeconfig), "-n", SHOPS)

    def said(*more):
        done = knect(*words, *more, **way)
        return done.returncode, done.stdout + done.stderr

    assert said("reconcile", "orders", "--timeout", "0") == (
        5, "orders: not within 0 s; it stands at: the operator has not looked at it yet\n",
    )  # fmt: skip
    operator = StandIn(plane, "orders")
    operator.start()
    try:
        assert said("reconcile", "orders") == (0, "orders: Ready=True/Flowing: it is flowing\n")
        assert said("suspend", "orders") == (
            0, "orders: Ready=False/Suspended: it is suspended\n"
        )  # fmt: skip
        assert plane.kubectl.get("pipe", "orders", f"--namespace={SHOPS}")["spec"]["suspend"]
        assert said("reconcile", "orders")[0] == 1  # it is not ready, and that is said
        assert said("resume", "orders") == (0, "orders: Ready=True/Flowing: it is flowing\n")
    finally:
        operator.over.set()
        operator.join(30)
    assert said("suspend", "nope") == (3, "namespace gw-shops has no SyncPipeline 'nope'\n")
    viewer = ("--kubeconfig", str(plane.service_account(SHOPS, "viewer")), "-n", SHOPS)
    refused = knect(*viewer, "suspend", "orders", **way)
    assert (refused.returncode, "does not allow it" in refused.stderr) == (6, True)


def test_who_has_a_certificate_gets_a_token_of_the_person_account(scene):
    """kind's administrator; the action is then logged as that account."""
    binary = scene.plane.kubectl._words[0]
    way = {"KNECT_API": scene.api.url, "PATH": binary.rpartition("/")[0]}
    words = ("--kubeconfig", str(scene.plane.kubeconfig), "-n", SHOPS)
    done = knect(*words, "replay", "1001", "--reason", "a test", **way)
    assert done.returncode == 0, done.stderr
    database = scene.dsns[SHOPS].rpartition("/")[2]
    actor = server().sql("select actor from knect.actions where verb = 'replay'", database)
    assert actor == "system:serviceaccount:knect-system:knect-person"

    nobody = scene.plane.user("mallory")
    refused = knect("--kubeconfig", str(nobody), "-n", SHOPS, "status", **way)
    assert refused.returncode == 6
    assert "may not create one for ServiceAccount knect-system/knect-person" in refused.stderr


def test_what_keeps_kubectl_from_the_api_is_a_sentence(scene, tmp_path):
    """Real kubectl, real API server; there are no pods here, so none of these gets through."""
    plane = scene.plane
    way = {"PATH": plane.kubectl._words[0].rpartition("/")[0]}
    admin = ("--kubeconfig", str(plane.kubeconfig))
    away = tmp_path / "away"
    away.write_text(plane.kubeconfig.read_text().replace(plane.server, "https://127.0.0.1:1"))
    viewer = ("--kubeconfig", str(plane.service_account(SHOPS, "viewer")))
    cases = {
        "no context": (("--context", "nowhere", *admin), 2, "kubectl knows no such cluster"),
        "no file": (("--kubeconfig", str(tmp_path / "none")), 2, "kubectl knows no such cluster"),
        "no api": ((*admin, "--api-service", "none-api"), 3, "no ServiceAccount none-person"),
        "no service": (viewer, 6, "the cluster does not allow it"),
        "no server": (("--kubeconfig", str(away)), 1, "the cluster cannot be reached"),
    }
    for name, (words, code, says) in cases.items():
        done = knect(*words, "-n", SHOPS, "status", **way)
        assert (name, done.returncode) == (name, code), done.stderr
        assert says in done.stderr
    # the administrator has a token for knect api now, and there is no Service
    done = knect(*admin, "-n", SHOPS, "status", **way)
    assert done.returncode == 3, done.stderr
    assert (
        "there is no Service knect-api in namespace knect-system; install the chart" in done.stderr
    )
    assert "kubectl is not on the PATH" in knect(*admin, "status", PATH="/nowhere").stderr


def test_what_the_chart_grants_is_what_was_used(scene):
    """Last of this module: everything above is in the audit log."""
    used = scene.plane.audited(ACCOUNT)
    granted = {
        (verb, group, resource)
        for role in scene.roles
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert used == granted
    assert scene.plane.forbidden(ACCOUNT) == []


def test_an_api_server_that_is_away_is_said_and_waited_for(scene):
    assert scene.ask("viewer", "status").status == 200
    scene.plane.stop_api_server()
    try:
        away = poll(lambda: scene.ask("viewer", "status"), lambda answer: answer.status == 503)
        assert "API server does not answer" in away.text
        assert ask(f"{scene.api.url}/healthz").status == 200
        poll(lambda: ask(f"{scene.api.url}/readyz").status, lambda status: status == 503)
    finally:
        scene.plane.start_api_server()
    poll(lambda: scene.ask("viewer", "status").status, lambda status: status == 200)
    poll(lambda: ask(f"{scene.api.url}/readyz").status, lambda status: status == 200)
