"""The operator with the chart's own rights: enough for everything it does, and for nothing else."""

import asyncio

import pytest
import yaml
from tests.support.chart.render import render
from tests.support.cluster.crds import installed_crds
from tests.support.kube.objects import a_config_map, a_pipeline, a_secret, a_shop
from tests.support.kube.process import OperatorProcess, in_namespace, ready, until, whole
from tests.support.kube.stage import Stage

from knect_operator.kube.aio import AioClient

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ACCOUNT = "system:serviceaccount:knect-system:knect"
#: Granted and never asked for by a request: the API server asks itself, for blockOwnerDeletion.
SILENT = {
    ("update", "knect.dev", "connections/finalizers"),
    ("update", "knect.dev", "syncpipelines/finalizers"),
}


def granted(roles):
    return {
        (verb, group, resource)
        for role in roles
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


async def test_what_is_granted_is_what_is_used(plane, tmp_path):
    installed_crds(plane)
    for name in ("knect-system", "rights"):
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        plane.kubectl.apply(space)
    wanted = {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount"}
    objects = [one for one in render() if one["kind"] in wanted]
    plane.kubectl.apply(*objects)
    account = plane.service_account("knect-system", "knect")
    roles = [
        one
        for one in objects
        if one["kind"] in {"ClusterRole", "Role"}
        and one["metadata"]["name"] in {"knect", "knect-leader"}
    ]

    def get(*words):
        return plane.kubectl.get(*words, "--namespace=rights")

    def put(*documents):
        plane.kubectl.apply(*in_namespace("rights", *documents))

    settings = {"namespace": "knect-system", "leaseName": "knect"}
    async with await AioClient.connect(str(plane.kubeconfig)) as kube, Stage(kube):
        async with OperatorProcess(account, tmp_path, **settings):
            maps = {"valueMaps": [{"name": "carriers", "configMapRef": {"name": "carriers"}}]}
            plane.kubectl.apply(*whole("rights"))
            put(
                a_shop(webhooks={"host": "hooks.example.com"}),
                a_secret("erp", watched=False, username="knect", password="pw"),
                a_config_map("carriers", DHL="7"),
                a_pipeline(
                    mapping=maps, annotations={"knect.dev/backfill": "2026-01-01T00:00:00Z"}
                ),
            )
            await until(lambda: get("pipe", "orders"), lambda one: ready(one)[0] == "True")

            put(a_shop())
            put(a_pipeline(worker={"group": "night"}))
            await until(lambda: get("ingress")["items"], lambda items: not items)
            await until(
                lambda: [one["metadata"]["name"] for one in get("deployments")["items"]],
                lambda names: names == ["night-group"],
            )
            await until(lambda: get("jobs")["items"], lambda items: not items)
            await asyncio.to_thread(plane.kubectl.run, "delete", "pipe", "--all", "-n", "rights")

        used = plane.audited(ACCOUNT)
    print(yaml.safe_dump({"granted, not used": sorted(granted(roles) - used)}))
    assert plane.forbidden(ACCOUNT) == []
    # everybody may ask what the API server serves
    asked = {one for one in used if one[1:] != ("authorization.k8s.io", "selfsubjectrulesreviews")}
    assert asked - granted(roles) == set()
    # server-side apply makes what is not there: the request is a patch, the right asked for create
    makes = {("create", *one[1:]) for one in used if one[0] == "patch" and "/" not in one[2]}
    assert granted(roles) - used == SILENT | (makes & granted(roles))
