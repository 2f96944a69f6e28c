"""What the API server refuses by itself: each rule of the CRDs, both ways, and the schema's types."""

import copy
import json

import pytest
from tests.support.cluster.crds import installed_crds
from tests.support.cluster.kubectl import KubectlFailed
from tests.support.kube.objects import a_pipeline, a_shop, an_erp

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def kubectl(plane):
    installed_crds(plane)
    return plane.kubectl


def without(document, *path):
    """Return a copy without one field."""
    changed = copy.deepcopy(document)
    place = changed
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return changed


def starting(start, name="orders"):
    """Return a pipeline that begins at `start`."""
    document = a_pipeline(name)
    document["spec"]["source"]["start"] = start
    return document


MAP = {"name": "m", "configMapRef": {"name": "m"}}

GOOD = {
    "a poll": a_pipeline(),
    "a webhook": a_pipeline(trigger={"webhook": {}}),
    "a schedule": a_pipeline(trigger={"schedule": {"cron": "*/15 * * * *"}}),
    "every map has a default": a_pipeline(
        mapping={"onUnmapped": "Default", "valueMaps": [{**MAP, "default": "x"}]}
    ),
    "no default where none is used": a_pipeline(mapping={"valueMaps": [MAP]}),
    "an instant": starting("2026-11-01T00:00:00Z"),
    "settings of any shape": a_shop(config={"shop": "a", "deep": {"list": [1, {"x": None}]}}),
}

BAD = {
    "two triggers": (
        a_pipeline(trigger={"poll": {"every": "1m"}, "webhook": {}}),
        "set exactly one of schedule, poll, webhook",
    ),
    "no trigger": (a_pipeline(trigger={}), "set exactly one of schedule, poll, webhook"),
    "one end": (
        a_pipeline(source="erp", destination="erp"),
        "source and destination must be different Connections",
    ),
    "a map without its default": (
        a_pipeline(mapping={"onUnmapped": "Default", "valueMaps": [MAP]}),
        "each of valueMaps needs a default",
    ),
    "four fields of cron": (
        a_pipeline(trigger={"schedule": {"cron": "*/15 * * *"}}),
        "five fields",
    ),
    "an audit's schedule": (
        a_pipeline(audit={"schedule": "every day"}),
        "five fields",
    ),
    "an enum": (a_pipeline(mode="Dry"), "Unsupported value"),
    "a duration": (a_pipeline(trigger={"poll": {"every": "often"}}), "spec.trigger.poll.every"),
    "a start": (starting("yesterday"), "spec.source.start"),
    "a batch of nothing": (
        a_pipeline(delivery={"batchSize": 0}),
        "should be greater than or equal",
    ),
    "a text for a number": (
        a_pipeline(delivery={"batchSize": "100"}),
        'got "string", expected "integer"',
    ),
    "no entity": (without(a_pipeline(), "spec", "entity"), 'missing required field "entity"'),
    "no start": (
        without(a_pipeline(), "spec", "source", "start"),
        'missing required field "start"',
    ),
    "a typo": (a_pipeline(delivary={}), 'unknown field "delivary"'),
    "a role": (a_shop(role="Middle"), "Unsupported value"),
    "a share": (a_shop(rateLimit={"sharePercent": 101}), "should be less than or equal"),
    "a host": (a_shop(webhooks={"host": "https://hooks.example.com"}), "spec.webhooks.host"),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_is_right_is_taken(kubectl, case):
    kubectl.apply(copy.deepcopy(GOOD[case]), dry_run=True)


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_refused_with_its_path(kubectl, case):
    document, words = BAD[case]
    with pytest.raises(KubectlFailed) as refused:
        kubectl.apply(copy.deepcopy(document), dry_run=True)
    assert words in str(refused.value)


IMMUTABLE = {
    "connector": (a_shop("fixed"), an_erp("fixed"), "connector is immutable"),
    "start": (
        a_pipeline("fixed"),
        starting("Beginning", "fixed"),
        "start is immutable",
    ),
}


@pytest.mark.parametrize("case", IMMUTABLE)
def test_what_may_not_change_does_not(kubectl, case):
    first, second, words = IMMUTABLE[case]
    kubectl.apply(copy.deepcopy(first))
    with pytest.raises(KubectlFailed, match=words):
        kubectl.apply(copy.deepcopy(second))
    kubectl.apply(copy.deepcopy(first))  # the same again is no change


def test_defaults_are_written_by_the_api_server(kubectl):
    kubectl.apply(a_pipeline("defaults"))
    spec = kubectl.get("pipe", "defaults")["spec"]
    assert spec["mode"] == "Live"
    assert spec["destination"]["write"] == "Upsert"


def test_what_is_not_known_is_pruned_where_nobody_is_strict(kubectl):
    document = a_pipeline("pruned", delivary={"batchSize": 3})
    kubectl.run("apply", "--validate=ignore", "-f", "-", stdin=json.dumps(document))
    assert "delivary" not in kubectl.get("pipe", "pruned")["spec"]
