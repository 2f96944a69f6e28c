"""The images beside Knect's own run restricted on a node: PostgreSQL, Jaeger, the demo's parts."""

import pytest
from tests.e2e.restricted import has_phase, is_ready, pod
from tests.support.cluster.images import demo_image, jaeger_image, postgres_image

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]  # the first build takes minutes

TEMPORARY = {"name": "tmp", "emptyDir": {}}


def service(name, port):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": port}]},
    }


def probe(path, port):
    return {"readinessProbe": {"httpGet": {"path": path, "port": port}, "periodSeconds": 1}}


def load(node, image):
    node.load_image(image)
    return image.name


def ask(strict, image, name, url):
    """Read a URL from a pod of its own, by the name of its Service.

    A pod is ready a moment before the node's proxy knows the way to it: the pod asks until it is told.
    """
    program = f"""
import time, urllib.request
deadline = time.monotonic() + 30
while True:
    try:
        print(urllib.request.urlopen({url!r}, timeout=10).read().decode())
        break
    except OSError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.2)
"""
    strict.apply(pod(name, image, "python", "-c", program, restartPolicy="Never"))
    strict.until("pod", name, holds=has_phase("Succeeded"), seconds=60)
    return strict.run("logs", name)


def test_postgresql_keeps_its_data_and_its_password_over_a_restart(local_node, strict, image):
    name = load(local_node, postgres_image())
    environment = [
        {"name": "POSTGRES_USER", "value": "knect"},
        {"name": "POSTGRES_PASSWORD", "value": "of the test"},
        {"name": "POSTGRES_DB", "value": "ledger"},
        {"name": "PGDATA", "value": "/data/pgdata"},
    ]
    ready = {"exec": {"command": ["pg_isready", "-h", "127.0.0.1"]}, "periodSeconds": 1}
    template = pod(
        "database", name, volumes=[TEMPORARY],
        container={"env": environment, "readinessProbe": ready},
        securityContext={"fsGroup": 999},
    )  # fmt: skip
    mounts = template["spec"]["containers"][0]["volumeMounts"]
    mounts.append({"name": "data", "mountPath": "/data"})
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    stateful = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "database"},
        "spec": {
            "serviceName": "database",
            "selector": {"matchLabels": {"app": "database"}},
            "template": {"metadata": template["metadata"], "spec": template["spec"]},
            "volumeClaimTemplates": [claim],
        },
    }
    del template["metadata"]["name"]
    strict.apply(service("database", 5432), stateful)
    strict.until("pod", "database-0", holds=is_ready, seconds=90)
    assert query(strict, image, "first", "CREATE TABLE kept (n int)") == "CREATE TABLE"
    assert query(strict, image, "second", "INSERT INTO kept VALUES (41)") == "INSERT 0 1"
    before = strict.get("pod", "database-0")["metadata"]["uid"]
    strict.run("delete", "pod", "database-0")
    strict.until(
        "pod", "database-0", seconds=90,
        holds=lambda got: got["metadata"]["uid"] != before and is_ready(got),
    )  # fmt: skip
    assert query(strict, image, "third", "UPDATE kept SET n = n + 1 WHERE n = 41") == "UPDATE 1"
    wrong = query(strict, image, "fourth", "SELECT 1", password="wrong")
    assert "password authentication failed" in wrong


def query(strict, image, name, sql, password="of the test"):
    """Run a statement from Knect's image with the driver Knect uses; give its tag or its error.

    As in `ask`, the way to the Service may not be known yet.
    """
    program = f"""
import asyncio, asyncpg, time
async def main():
    deadline = time.monotonic() + 30
    while True:
        try:
            there = await asyncpg.connect(
                host="database", user="knect", password={password!r}, database="ledger")
        except asyncpg.PostgresError as error:
            return str(error)
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            return await there.execute({sql!r})
print(asyncio.run(main()))
"""
    strict.apply(pod(f"query-{name}", image, "python", "-c", program, restartPolicy="Never"))
    strict.until("pod", f"query-{name}", holds=has_phase("Succeeded"), seconds=60)
    return strict.run("logs", f"query-{name}").strip()


def test_jaeger_takes_traces_and_answers(local_node, strict, image):
    name = load(local_node, jaeger_image())
    strict.apply(
        service("jaeger", 16686), pod("jaeger", name, container=probe("/api/services", 16686))
    )
    strict.until("pod", "jaeger", holds=is_ready, seconds=60)
    assert '"data"' in ask(strict, image, "asks-jaeger", "http://jaeger:16686/api/services")


def test_the_demos_shop_and_erp_run_as_pods(local_node, strict, image):
    name = load(local_node, demo_image())
    shop = pod(
        "shop", name, "knect", "simulate", "shopify", "--host=0.0.0.0", "--port=8080",
        "--url=http://shop:8080", "orders=5", "let-in=5",
        volumes=[TEMPORARY],
        container={"readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1}},
    )  # fmt: skip
    erp = pod(
        "erp", name, "python", "-m", "knect_connectors.tryton.demo", "--port=8000",
        volumes=[TEMPORARY],
        container={"readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1}},
    )  # fmt: skip
    strict.apply(service("shop", 8080), service("erp", 8000), shop, erp)
    strict.until("pod", "shop", holds=is_ready, seconds=60)
    strict.until("pod", "erp", holds=is_ready, seconds=120)
    log = strict.run("logs", "shop")
    assert "listening on http://shop:8080" in log
    assert "database acme" in strict.run("logs", "erp")
