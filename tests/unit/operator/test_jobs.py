"""Jobs of wishes and checks: run once, never changed, and told of when they fail."""

import pytest
from tests.support.kube.objects import a_pipeline, a_pod, a_shop
from tests.unit.operator.world import whole

from knect_operator.kube import Forbidden, Refused

BACKFILL = "knect.dev/backfill"
SINCE = "2026-01-01T00:00:00Z"


def jobs_are_immutable(bench):
    """Refuse what the API server refuses: another template for a Job that is there."""

    def fault(verb, kind, name):
        if verb == "apply" and kind == "Job" and name in bench.kube.of("Job"):
            raise Refused(f"Job.batch {name!r} is invalid: spec.template: field is immutable")

    bench.kube.fault = fault


def left_behind(name, message, exit_code=2):
    """A Job's pod that ended and said why."""
    ended = {"terminated": {"exitCode": exit_code, "message": message}}
    pod = a_pod(
        "orders-worker",
        component="job",
        phase="Failed",
        conditions=[],
        containerStatuses=[{"name": "knect", "ready": False, "state": ended}],
    )
    pod["metadata"]["name"] = f"{name}-z9"
    pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] = name
    return pod


def failed(job, reason="BackoffLimitExceeded"):
    job["status"] = {
        "conditions": [
            {"type": "Failed", "status": "True", "reason": reason, "message": "it has failed"}
        ]
    }


async def test_an_upgrade_leaves_the_job_of_a_standing_wish_alone():
    bench = whole(a_pipeline(annotations={BACKFILL: SINCE}))
    await bench.settle()
    assert bench.ready("orders") == ("True", "Succeeded")
    jobs_are_immutable(bench)

    bench.settings = bench.settings.model_copy(
        update={"worker": bench.settings.worker.model_copy(update={"image": "knect:next"})}
    )
    bench.restart()
    await bench.settle()

    template = bench.kube.of("Deployment")["orders-worker"]["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == "knect:next"
    assert bench.ready("orders") == ("True", "Succeeded")


async def test_a_job_that_waits_for_a_node_says_nothing_of_the_worker():
    bench = whole(a_pipeline(annotations={BACKFILL: SINCE}))
    await bench.settle()
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    pod = left_behind(next(iter(bench.kube.of("Job"))), "")
    pod["status"] = {"phase": "Pending", "podIP": "", "conditions": [scheduled]}
    bench.kube.put(pod)

    await bench.settle()

    assert bench.ready("orders") == ("True", "Succeeded")


async def test_a_backfill_that_failed_is_told_with_its_own_words():
    bench = whole(a_pipeline(annotations={BACKFILL: SINCE}))
    await bench.settle()
    assert bench.condition("orders", "JobFailed") == {}
    (job,) = bench.kube.of("Job")
    bench.kube.put(left_behind(job, "there is no pipeline\n'orders' in force"))
    failed(bench.kube.of("Job")[job])

    await bench.settle()

    found = bench.condition("orders", "JobFailed")
    assert (found["status"], found["reason"]) == ("True", "JobFailed")
    assert "there is no pipeline 'orders' in force" in found["message"]
    assert f"Job {job} of knect.dev/backfill" in found["message"]
    assert bench.ready("orders") == ("True", "Succeeded")
    notes = [one["note"] for one in bench.kube.of("Event").values() if one["type"] == "Warning"]
    assert any(f"Job {job}" in note for note in notes)

    bench.kube.put(a_pipeline())
    await bench.settle()
    assert bench.condition("orders", "JobFailed") == {}


async def test_a_failed_job_without_a_pod_says_what_kubernetes_says():
    bench = whole(a_pipeline(annotations={"knect.dev/replay": "because=UnknownSku"}))
    await bench.settle()
    (job,) = bench.kube.of("Job")
    failed(bench.kube.of("Job")[job])

    await bench.settle()

    message = bench.condition("orders", "JobFailed")["message"]
    assert "BackoffLimitExceeded: it has failed" in message
    assert "knect.dev/replay" in message


@pytest.mark.parametrize(
    ("annotation", "wish", "words"),
    [
        ("knect.dev/replay", "everything", "neither because=REASON nor key=KEY"),
        (BACKFILL, "/2026-01-01T00:00:00Z", "is not SINCE or SINCE/UNTIL"),
        (BACKFILL, "2026-01-01", "is not SINCE or SINCE/UNTIL, instants with a zone"),
        (BACKFILL, "2026-01-01T00:00:00Z/yesterday", "is not SINCE or SINCE/UNTIL"),
    ],
)
async def test_a_wish_nobody_can_read_is_told_on_the_pipeline_that_has_it(annotation, wish, words):
    group = {"worker": {"group": "night"}}
    bench = whole(
        a_pipeline("a", **group),
        a_pipeline("b", entity="customers", annotations={annotation: wish}, **group),
    )

    await bench.settle()

    assert bench.kube.of("Job") == {}
    found = bench.condition("b", "JobFailed")
    assert found["reason"] == "InvalidSpec"
    assert annotation in found["message"]
    assert words in found["message"]
    assert bench.condition("a", "JobFailed") == {}
    told = [one for one in bench.kube.of("Event").values() if words in one["note"]]
    assert {one["regarding"]["name"] for one in told} == {"b"}


def done(bench):
    """The Job of a wish, ended well."""
    (job,) = bench.kube.of("Job").values()
    job["status"] = {
        "completionTime": "2026-11-25T12:05:00Z",
        "conditions": [{"type": "Complete", "status": "True"}],
    }
    return job["metadata"]["name"]


async def test_a_backfill_that_was_done_is_not_done_again_when_its_job_is_tidied_away():
    bench = whole(a_pipeline(annotations={BACKFILL: SINCE}))
    await bench.settle()
    job = done(bench)
    await bench.settle()
    said = bench.kube.of("SyncPipeline")["orders"]["status"]["fulfilled"]
    assert said == [{"job": job, "endedAt": "2026-11-25T12:05:00Z"}]

    bench.kube.drop("Job", job)  # by its time to live, or by whoever tidies up
    bench.restart()
    await bench.settle()

    assert bench.kube.of("Job") == {}
    assert bench.kube.of("SyncPipeline")["orders"]["status"]["fulfilled"] == said
    bench.kube.put(a_pipeline(annotations={BACKFILL: f"{SINCE}#again"}))
    await bench.settle()
    (again,) = bench.kube.of("Job")
    assert again != job
    assert "fulfilled" not in bench.kube.of("SyncPipeline")["orders"]["status"]


def backfills(bench):
    return [name for name in bench.kube.of("Job") if name.startswith("orders-backfill")]


async def test_a_backfill_that_was_done_is_not_done_again_after_a_mistake_was_mended():
    bench = whole(a_pipeline(annotations={BACKFILL: SINCE}))
    await bench.settle()
    done(bench)
    await bench.settle()

    mistaken = {"set": {"comment": '"web " + order.nummer'}}
    bench.kube.put(a_pipeline(annotations={BACKFILL: SINCE}, mapping=mistaken))
    await bench.settle()
    assert backfills(bench) == []
    bench.kube.put(a_pipeline(annotations={BACKFILL: SINCE}))
    await bench.settle()

    assert backfills(bench) == []
    assert bench.ready("orders") == ("True", "Succeeded")


async def test_a_backfill_that_was_not_done_is_begun_again():
    bench = whole(a_pipeline(annotations={BACKFILL: SINCE}))
    await bench.settle()
    (job,) = bench.kube.of("Job")

    bench.kube.drop("Job", job)
    await bench.settle()

    assert set(bench.kube.of("Job")) == {job}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Forbidden("jobs.batch is forbidden: exceeded quota: small"), "QuotaExceeded"),
        (Refused("Job is invalid: spec.template"), "NotAllowed"),
    ],
)
async def test_a_job_that_may_not_be_made_says_nothing_of_the_worker(error, reason):
    bench = whole(a_pipeline(annotations={BACKFILL: SINCE}))

    def fault(verb, kind, name):
        if verb == "apply" and kind == "Job" and name.startswith("orders"):
            raise error

    bench.kube.fault = fault
    await bench.settle()

    assert bench.ready("orders") == ("True", "Succeeded")
    found = bench.condition("orders", "JobFailed")
    assert found["reason"] == reason
    assert f"nothing was started yet for {BACKFILL}" in found["message"]
    assert str(error) in found["message"]
    bench.kube.fault = lambda *_: None
    await bench.settle()
    assert len(backfills(bench)) == 1
    assert bench.condition("orders", "JobFailed") == {}


async def test_a_check_that_may_not_be_made_says_nothing_of_the_receiver():
    bench = whole()
    bench.kube.put(a_shop(webhooks={"host": "hooks.example.com"}))

    def fault(verb, kind, _name):
        if verb == "apply" and kind == "Job":
            raise Forbidden("jobs.batch is forbidden: exceeded quota: small")

    bench.kube.fault = fault
    await bench.settle()

    assert bench.condition("acme-shop", "ReceiverAvailable", "Connection")["status"] == "True"
    assert bench.connection_ready("acme-shop") == ("False", "QuotaExceeded")
