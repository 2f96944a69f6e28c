"""What is rendered, as values: pods, networks, names, Jobs."""

import pytest
from pydantic import ValidationError
from tests.support.kube.objects import a_pipeline, a_shop, an_erp

from knect.api.connection import Connection
from knect.api.pipeline import SyncPipeline
from knect.api.worker import WorkerDocument
from knect_operator.render import Unit, render_check, render_receiver, render_wishes, render_worker
from knect_operator.render.names import job_name, label_value, short, unit_name
from knect_operator.render.owned import difference
from knect_operator.settings import OperatorSettings


def connection(document):
    return Connection.model_validate(document, by_alias=True)


def pipeline(document):
    document["metadata"]["uid"] = f"uid-{document['metadata']['name']}"
    return SyncPipeline.model_validate(document, by_alias=True)


def unit(*pipelines, **settings):
    return Unit(
        namespace="default",
        name="orders-worker",
        pipelines=tuple(pipeline(one) for one in pipelines or (a_pipeline(),)),
        connections=(connection(an_erp()), connection(a_shop())),
        tables={},
        ports=frozenset({443, 8443}),
    )


def by_kind(objects):
    return {one["kind"]: one for one in objects}


def settings(**worker):
    return OperatorSettings.model_validate({"worker": worker})


def test_the_same_unit_gives_the_same_objects():
    assert render_worker(unit(), OperatorSettings()) == render_worker(unit(), OperatorSettings())


def test_a_changed_mapping_rolls_the_pod_and_another_annotation_does_not():
    def template(one):
        return by_kind(render_worker(unit(one), OperatorSettings()))["Deployment"]["spec"][
            "template"
        ]

    plain = template(a_pipeline())

    assert template(a_pipeline(annotations={"team": "web"})) == plain
    assert template(a_pipeline(mapping={"set": {"comment": "order.number"}})) != plain


def test_no_secret_stands_in_what_is_rendered_only_where_it_is_mounted():
    found = by_kind(render_worker(unit(), OperatorSettings()))
    text = found["ConfigMap"]["data"]["worker.json"]
    document = WorkerDocument.from_json(text)
    spec = found["Deployment"]["spec"]["template"]["spec"]

    volumes = {one["name"]: one for one in spec["volumes"]}
    for one in document.connections:
        mount = next(
            m for m in spec["containers"][0]["volumeMounts"] if m["mountPath"] == one.secret_dir
        )
        assert volumes[mount["name"]]["secret"] == {
            "secretName": one.spec.credentials.secret_ref.name,
            "optional": True,
        }
        assert mount["readOnly"]
    assert document.config.ledger is None
    assert document.config.ledger_file == "/etc/knect/ledger/dsn"


def test_a_pipeline_s_own_figures_win_over_the_chart_s_kind_by_kind():
    own = a_pipeline(worker={"resources": {"limits": {"memory": "2Gi"}}, "image": "own:1"})
    container = by_kind(render_worker(unit(own), OperatorSettings()))["Deployment"]["spec"][
        "template"
    ]["spec"]["containers"][0]

    assert container["image"] == "own:1"
    assert container["resources"]["limits"]["memory"] == "2Gi"
    assert container["resources"]["limits"]["ephemeral-storage"] == "512Mi"
    assert container["resources"]["requests"]["cpu"] == "50m"


def policy(**worker):
    return by_kind(render_worker(unit(), settings(**worker)))["NetworkPolicy"]["spec"]


def opened(**worker):
    """Return the networks and namespaces that are open beside what always is, on all ports."""
    peers = [
        to
        for rule in policy(**worker)["egress"]
        if "ports" not in rule
        for to in rule["to"]
        if to != {"podSelector": {}}
    ]
    networks = {to["ipBlock"]["cidr"] for to in peers if "ipBlock" in to}
    selectors = [to["namespaceSelector"] for to in peers if "namespaceSelector" in to]
    return networks, {one["matchLabels"]["kubernetes.io/metadata.name"] for one in selectors}


def test_a_network_policy_knows_networks_and_leaves_the_cluster_out():
    spec = policy()

    blocks = [
        to["ipBlock"] for rule in spec["egress"] for to in rule.get("to", ()) if "ipBlock" in to
    ]
    everywhere = {one["cidr"]: one["except"] for one in blocks}
    assert "10.0.0.0/8" in everywhere["0.0.0.0/0"]
    assert everywhere["::/0"] == ["fc00::/7"]
    ports = {port["port"] for rule in spec["egress"] for port in rule.get("ports", ())}
    assert {53, 5353, 443, 8443, 5432, 4318} == ports
    assert opened() == (set(), set())
    (ingress,) = spec["ingress"]
    assert [one["namespaceSelector"]["matchLabels"] for one in ingress["from"]] == [
        {"kubernetes.io/metadata.name": "knect-system"}
    ]


PRIVATE = {"10.0.0.0/8", "192.168.0.0/16"}


@pytest.mark.parametrize(
    ("allowed", "networks", "namespaces"),
    [
        ("10.1.2.0/24", {"10.1.2.0/24"}, set()),
        ("10.1.2.3", {"10.1.2.3/32"}, set()),
        ("[fd00::1]", {"fd00::1/128"}, set()),
        ("erp", set(), set()),  # in the pod's own namespace, which is open
        ("erp.hub.svc", set(), {"hub"}),
        ("erp.hub.svc.cluster.local.", set(), {"hub"}),
        ("erp.lan", PRIVATE, {"lan"}),  # a namespace or a merchant's own network
        ("gp-sql.acme.internal", PRIVATE, set()),
    ],
)
def test_what_is_allowed_by_name_is_open_wherever_the_name_can_lie(allowed, networks, namespaces):
    found = opened(egressAllow=[allowed], clusterNetworks=sorted(PRIVATE))
    assert found == (networks, namespaces)


def test_a_job_goes_out_as_its_worker_does():
    """Where a namespace lets nothing out by default, a Job without a policy would reach nothing."""
    wished = unit(a_pipeline(annotations={"knect.dev/replay": "key=1001"}))
    (wish,) = render_wishes(wished, OperatorSettings())
    worker = by_kind(render_worker(wished, OperatorSettings()))
    for pod in (wish.job, worker["Deployment"]):
        labels = pod["spec"]["template"]["metadata"]["labels"]
        assert policy()["podSelector"]["matchLabels"].items() <= labels.items()
    check = by_kind(render_check(connection(a_shop()), "1", OperatorSettings(), ports={8443}))
    labels = check["Job"]["spec"]["template"]["metadata"]["labels"]
    selector = check["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
    assert selector.items() <= labels.items()
    assert "8443" in str(check["NetworkPolicy"]["spec"]["egress"])
    quiet = settings(networkPolicy=False)
    assert "NetworkPolicy" not in by_kind(render_check(connection(a_shop()), "1", quiet, ports=()))


def test_who_scrapes_is_let_in_beside_the_operator():
    prometheus = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "prometheus"}}}
    (ingress,) = policy(scrapedBy=[prometheus])["ingress"]
    assert ingress["from"][1:] == [prometheus]


def test_a_network_that_is_none_is_refused_when_the_operator_starts():
    with pytest.raises(ValidationError, match=r"10\.0\.0\.1/8 has host bits set"):
        settings(clusterNetworks=["10.0.0.1/8"])


def test_no_network_policy_where_none_is_wanted():
    assert "NetworkPolicy" not in by_kind(render_worker(unit(), settings(networkPolicy=False)))


def test_a_receiver_s_ingress_takes_its_own_path_and_no_other():
    shop = connection(
        a_shop(webhooks={"host": "hooks.example.com", "tlsSecretRef": {"name": "tls"}})
    )
    found = by_kind(render_receiver(shop, OperatorSettings(), ports=()))

    (rule,) = found["Ingress"]["spec"]["rules"]
    assert rule["host"] == "hooks.example.com"
    assert rule["http"]["paths"][0]["path"] == "/webhooks/acme-shop/"
    assert found["Ingress"]["spec"]["tls"] == [
        {"hosts": ["hooks.example.com"], "secretName": "tls"}
    ]
    assert found["Deployment"]["spec"]["replicas"] == 2
    assert "from" not in found["NetworkPolicy"]["spec"]["ingress"][0]


def test_one_receiver_has_no_disruption_budget():
    shop = connection(a_shop(webhooks={"host": "hooks.example.com"}))
    found = by_kind(render_receiver(shop, settings(receiverReplicas=1), ports=()))
    assert "PodDisruptionBudget" not in found


ASKED = ["--yes", "--reason", "asked for by the annotation knect.dev/replay"]


@pytest.mark.parametrize(
    ("annotation", "wish", "words"),
    [
        ("backfill", "2026-01-01T00:00:00Z", ["--since", "2026-01-01T00:00:00Z"]),
        (
            "backfill",
            "2026-01-01T00:00:00Z/2026-02-01T00:00:00Z#2",
            ["--since", "2026-01-01T00:00:00Z", "--until", "2026-02-01T00:00:00Z"],
        ),
        ("replay", "because=UnknownSku", [*ASKED, "--because", "UnknownSku"]),
        ("replay", "key=1001", [*ASKED, "1001"]),
    ],
)
def test_a_wish_becomes_a_job(annotation, wish, words):
    wanted = unit(a_pipeline(annotations={f"knect.dev/{annotation}": wish}))
    (wished,) = render_wishes(wanted, OperatorSettings())
    arguments = wished.job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert arguments[: 5] == [
        annotation, "--document", "/etc/knect/worker/worker.json", "--pipeline", "orders",
    ]  # fmt: skip
    assert arguments[5:] == words


@pytest.mark.parametrize("wish", ["", "everything", "key=", "key=--ledger=/etc/passwd", "x=y"])
def test_a_wish_that_cannot_be_read_starts_nothing(wish):
    wanted = unit(a_pipeline(annotations={"knect.dev/replay": wish}))
    wishes = render_wishes(wanted, OperatorSettings())
    assert [one.job for one in wishes] == ([None] if wish else [])


def test_a_check_is_another_job_for_another_token_and_the_same_for_the_same():
    def name(token):
        return by_kind(render_check(connection(a_shop()), token, OperatorSettings(), ports=()))[
            "Job"
        ]["metadata"]["name"]

    assert name("1") == name("1")
    assert name("1") != name("2")


NAMES = ["a", "a" * 44, "a" * 45, "a" * 253, "a.b", "a-b", "a" * 100 + ".b", "a" * 100 + ".c"]


def test_names_are_short_and_never_meet():
    made = [unit_name(one, None) for one in NAMES] + [unit_name("x", one) for one in ("a", "a-b")]
    assert len(set(made)) == len(made)
    assert all(len(one) <= 52 and "." not in one for one in made)
    assert len({job_name(one, "check", "t") for one in NAMES}) == len(NAMES)
    assert all(len(job_name(one, "backfill", "t")) <= 52 for one in NAMES)
    assert all(len(label_value(one)) <= 63 for one in NAMES)
    assert short("orders", "worker") == "orders-worker"


LIVE = {
    "spec": {
        "replicas": 1,
        "containers": [{"name": "knect", "image": "a", "added": "by another"}, {"name": "sidecar"}],
        "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
    }
}


@pytest.mark.parametrize(
    ("wanted", "covered"),
    [
        ({"spec": {"replicas": 1}}, True),
        ({"spec": {"replicas": 2}}, False),
        ({"spec": {"containers": [{"name": "knect", "image": "a"}]}}, True),
        ({"spec": {"containers": [{"name": "knect", "image": "b"}]}}, False),
        ({"spec": {"containers": [{"name": "other"}]}}, False),
        ({"spec": {"ports": [{"port": 53, "protocol": "UDP"}]}}, False),
        (
            {
                "spec": {
                    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "SCTP"}]
                }
            },
            False,
        ),
        ({"spec": {"nodeSelector": {}}}, True),
        ({"spec": {"nodeSelector": {"a": "b"}}}, False),
    ],
)
def test_what_is_live_covers_what_is_wanted_or_not(wanted, covered):
    assert (difference(LIVE, wanted) is None) is covered
