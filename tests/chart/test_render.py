"""What the chart renders: the same with both Helms, strict about values, silent about nothing."""

import json
import re
import subprocess

import pytest
import yaml
from tests.support.chart.generate import CHART, generated
from tests.support.chart.render import VALUES, HelmFailed, render, render_text
from tests.support.cluster.binaries import helm, kubescore

from knect.telemetry import Metrics as WorkerMetrics
from knect_operator.metrics import Metrics as OperatorMetrics
from knect_operator.settings import OperatorSettings

pytestmark = [pytest.mark.timeout(1800)]  # the first build of a Helm takes minutes

CLUSTER_SCOPED = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace"}


def test_generated_files_are_up_to_date():
    for path, content in generated().items():
        assert path.read_text() == content, f"{path} is not what `make generate` makes"


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("major", [3, 4])
def test_lint_finds_nothing(name, major):
    done = subprocess.run(
        [helm(major), "lint", "--strict", CHART, f"--values={VALUES[name]}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", VALUES)
def test_both_helms_render_the_same_and_twice_the_same(name):
    first = render_text(values=VALUES[name])

    assert render_text(values=VALUES[name]) == first
    assert list(yaml.safe_load_all(first)) == list(
        yaml.safe_load_all(render_text(values=VALUES[name], major=3))
    )


BAD_VALUES = {
    "unknown": "--set=replicas=2",
    "policy": "--set=image.pullPolicy=Sometimes",
    "digest": "--set=image.digest=sha256:abc",
    "type": "--set-string=replicaCount=two",
    "duration": "--set=leaderElection.lease=30",
    "nested": "--set=worker.imagePolicy=Always",
    "list": "--set=worker.egressAllow=10.0.0.0/8",
    "no namespaces": "--set=scope.clusterWide=false",
    "two without a lease": "--set=replicaCount=2,leaderElection.enabled=false",
    "no password": "--set=postgresql.bundled=true",
}


@pytest.mark.parametrize("case", BAD_VALUES)
@pytest.mark.parametrize("major", [3, 4])
def test_bad_values_are_refused(case, major):
    with pytest.raises(HelmFailed):
        render(BAD_VALUES[case], major=major)


def test_nothing_cluster_wide_but_the_right_to_ask_who_somebody_is():
    objects = render(values=VALUES["namespaced"])

    wide = [one for one in objects if one["kind"] in CLUSTER_SCOPED]

    assert {one["metadata"]["name"] for one in wide} == {"knect-api"}
    rules = [rule for one in wide for rule in one.get("rules", ())]
    assert {resource for rule in rules for resource in rule["resources"]} == {
        "subjectaccessreviews",
        "tokenreviews",
    }
    roles = {
        (one["metadata"]["namespace"], one["metadata"]["name"])
        for one in objects
        if one["kind"] == "Role"
    }
    assert {("shops", "knect"), ("outlet", "knect"), ("knect-system", "knect-leader")} <= roles


def test_no_rule_has_a_wildcard_or_a_way_up():
    for name, values in VALUES.items():
        for one in render(values=values):
            for rule in one.get("rules") or ():
                flat = [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
                assert "*" not in flat, (name, one["metadata"]["name"])
                assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
                assert "pods/exec" not in rule["resources"]


def test_crds_stay_when_the_release_goes():
    crds = [one for one in render() if one["kind"] == "CustomResourceDefinition"]

    assert len(crds) == 2
    for one in crds:
        assert one["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_the_operator_s_defaults_are_the_chart_s(tmp_path):
    config = next(one for one in render() if one["kind"] == "ConfigMap")
    path = tmp_path / "operator.yaml"
    path.write_text(config["data"]["operator.yaml"])

    told, own = OperatorSettings.read(path), OperatorSettings()

    differ = {
        name for name in OperatorSettings.model_fields if getattr(told, name) != getattr(own, name)
    }
    # what depends on the release's name
    assert differ == {"lease_name", "pod_selector"}


def test_who_scrapes_is_told_to_the_operator_only_where_there_is_something_to_scrape():
    def told(*words):
        config = next(one for one in render(*words) if one["kind"] == "ConfigMap")
        return yaml.safe_load(config["data"]["operator.yaml"])["worker"]["scrapedBy"]

    assert told() == []
    (peer,) = told("--set=metrics.serviceMonitor.enabled=true")
    assert "prometheus" in peer["podSelector"]["matchExpressions"][0]["values"]


def test_operator_and_api_reach_the_ports_that_are_named():
    objects = render(
        "--set=networkPolicy.enabled=true",
        "--set=networkPolicy.apiServerPorts={16443}",
        "--set=worker.openPorts={6432,4317}",
    )
    policies = [one["spec"] for one in objects if one["kind"] == "NetworkPolicy"]
    assert len(policies) == 2
    for spec in policies:
        ports = [rule["ports"] for rule in spec["egress"] if "to" not in rule]
        assert {one["port"] for rule in ports for one in rule} == {53, 5353, 16443, 6432, 4317}


@pytest.mark.parametrize("name", VALUES)
def test_no_variable_or_port_is_named_twice(name):
    for one in render(values=VALUES[name]):
        for container in _containers(one):
            for key in ("env", "ports", "volumeMounts"):
                names = [item.get("name", item.get("mountPath")) for item in container.get(key, ())]
                assert len(names) == len(set(names)), (one["metadata"]["name"], key)


def _containers(document):
    spec = document.get("spec") or {}
    template = spec.get("template", document if document["kind"] == "Pod" else {})
    return (template.get("spec") or {}).get("containers", ())


#: What kube-score says and we do not follow, each with its reason.
EXCEPTIONS = {
    "container-image-pull-policy": "tags are never moved; a release names a digest",
    "container-resources": "no CPU limit by default: throttling makes a healthy pod look ill",
    "pod-networkpolicy": "off by default, as not every cluster has a CNI for it; on in `hardened`",
    "statefulset-has-poddisruptionbudget": "the trial database is one pod",
    "statefulset-has-host-podantiaffinity": "the trial database is one pod",
    "deployment-has-poddisruptionbudget": "one replica: a budget would block every drain",
    "deployment-has-host-podantiaffinity": "spread by topologySpreadConstraints instead",
    "pod-probes": "the test pod ends by itself",
    "container-security-context-user-group-id": "the trial image's own user is 999",
}


@pytest.mark.parametrize("name", VALUES)
def test_kube_score_finds_nothing_unexplained(name):
    objects = [one for one in render(values=VALUES[name]) if one["kind"] not in CLUSTER_SCOPED]
    done = subprocess.run(
        [kubescore(), "score", "--output-format=json", "-"],
        input=yaml.safe_dump_all(objects),
        capture_output=True,
        text=True,
        check=False,
    )
    critical = {
        (scored["object_name"], check["check"]["id"])
        for scored in json.loads(done.stdout)
        for check in scored["checks"]
        if check["grade"] == 1 and not check["skipped"] and check["check"]["id"] not in EXCEPTIONS
    }

    assert critical == set()


def test_alerts_and_dashboard_name_metrics_that_exist():
    known = {"knect_resource_condition", "knect_leader", "knect_queue_oldest_seconds"}
    for registry in (WorkerMetrics().registry, OperatorMetrics().registry):
        for metric in registry.collect():
            known |= {metric.name, f"{metric.name}_total", f"{metric.name}_count"}
            known |= {f"{metric.name}_bucket"}
    text = (CHART / "files" / "rules.yaml").read_text()
    text += (CHART / "files" / "dashboard.json").read_text()
    named = set(re.findall(r"\bknect_[a-z_]+", text)) - {"knect_resource_condition"}
    assert named - known == set()


def test_an_alert_does_not_begin_anew_when_only_the_reason_changes():
    (group,) = yaml.safe_load((CHART / "files" / "rules.yaml").read_text())["groups"]
    rules = {one["alert"]: one for one in group["rules"]}
    for rule in rules.values():
        by = re.search(r"by \(([^)]*)\)", rule["expr"])
        assert "reason" not in (by[1] if by else ""), rule["alert"]
    assert "kind, name" in rules["KnectNotReady"]["expr"]
    # each label that a sentence names is one that is left
    for rule in rules.values():
        text = " ".join(rule["annotations"].values())
        for label in re.findall(r"\$labels\.([a-z]+)", text):
            assert re.search(rf"by \([^)]*\b{label}\b", rule["expr"]), (rule["alert"], label)


def test_a_job_that_was_not_done_and_a_hand_kept_away_are_alerts():
    text = (CHART / "files" / "rules.yaml").read_text()
    assert 'type="JobFailed"' in text
    assert 'type="ReconcileDisabled"' in text
