"""Subscriptions are kept alive, declared audits are held, expectations are spoken of."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.support.toy import World, a_pipeline, an_order

from knect.engine.working.housekeeping import Housekeeper
from knect.engine.working.repair import Repairer
from knect.engine.working.upkeep import Upkeep, webhook_paths
from knect.engine.working.worker import Worker
from knect.ledger import schema as s
from knect.ledger.instants import to_us
from knect.ledger.questions.checks import Finding
from knect.ledger.questions.health import last_findings, store_findings, unmet_expectations
from knect.ledger.retention import RetentionPolicy
from knect.sdk.contract import CheckReport, Hint, WebhookRequest
from knect.sdk.errors import Unreachable
from knect.sdk.exchange import current_recorder

CALLS = "c" * 32


def _traced() -> str:
    """Return the trace id a call made now would carry."""
    recorder = current_recorder.get()
    return recorder.begin(method="GET", template="/", host="x").id if recorder else ""


class Subscribing:
    """A receiving side that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[list[str], str]] = []
        self.traced: list[str] = []

    def verify(self, request: WebhookRequest) -> list[Hint]:
        return []

    async def subscribe(self, entities: list[str], url: str) -> None:
        self.told.append((list(entities), url))
        self.traced.append(_traced())


class Connected:
    source = None
    destination = None

    def __init__(self) -> None:
        self.webhooks = Subscribing()

    async def check(self) -> CheckReport:
        return CheckReport(product="Toy", version="1", entities=())

    async def close(self) -> None:
        return None


async def test_the_address_platforms_were_told_stays_the_same(tmp_path: Path) -> None:
    pipeline = a_pipeline()
    pipeline["spec"]["trigger"] = {"webhook": {"reconcileEvery": "15m"}}
    async with World(tmp_path, pipeline) as world:
        document = world.document()
        shop = document.connections[0]
        assert shop.name == "shop"
        endpoint = {"webhooks": {"host": "hooks.example.com"}}
        changed = shop.model_copy(
            update={
                "spec": shop.spec.model_validate(
                    {**shop.spec.model_dump(by_alias=True, exclude_none=True), **endpoint}
                )
            }
        )
        document = document.model_copy(update={"connections": (changed, document.connections[1])})
        connected = Connected()
        first = await webhook_paths(world.ledger, {"shop": connected}, "first")
        second = await webhook_paths(world.ledger, {"shop": connected}, "second")
        assert first == second
        upkeep = Upkeep(
            ledger=world.ledger,
            document=document,
            catalog=world.catalog,
            connectors={"shop": connected},
            paths=second,
            clock=world.clock,
            calls=CALLS,
        )
        await upkeep.subscribe("shop")
        url = f"https://hooks.example.com/webhooks/shop/{first['shop']}"
        assert connected.webhooks.told == [(["orders"], url)]
        assert connected.webhooks.traced == [CALLS]
        assert _traced() == "", "only these calls are the worker's own"


async def test_an_audit_names_a_document_that_was_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with World(tmp_path, a_pipeline(audit={"schedule": "0 3 * * *"})) as world:
        for number in ("1001", "1002"):
            world.shop.put(f"g{number}", **an_order(number))
        world.clock.advance(60)
        worker = world.worker()
        await worker.start()
        await worker.run_once()
        upkeep = Upkeep(
            ledger=world.ledger,
            document=world.document(),
            catalog=world.catalog,
            connectors=worker.connectors,
            paths={},
            clock=world.clock,
            calls=CALLS,
        )
        pipeline = world.document().pipelines[0]
        destination, traced = worker.connectors["erp"].destination, set()
        assert destination is not None
        ask = destination.present

        async def asking(documents: Any) -> Any:
            traced.add(_traced())
            return await ask(documents)

        monkeypatch.setattr(destination, "present", asking)
        assert await upkeep.audit(pipeline) == 0
        gone = next(i for i, d in world.erp.documents.items() if d["number"] == "1002")
        del world.erp.documents[gone]
        assert await upkeep.audit(pipeline) == 1
        ((finding,), _) = await world.ledger.read(last_findings)
        assert (finding.kind, finding.key) == ("MissingAtDestination", "1002")
        assert gone in finding.sentence
        assert traced == {CALLS}
        await worker.close()


def _auditing(world: World, worker: Worker) -> Upkeep:
    return Upkeep(
        ledger=world.ledger, document=world.document(), connectors=worker.connectors, paths={},
        catalog=world.catalog, clock=world.clock, calls=CALLS,
        repairer=Repairer(
            world.ledger, worker.feeds, clock=world.clock, new_id=worker.options.ids
        ),
    )  # fmt: skip


def _numbers(world: World) -> list[str]:
    return sorted(one["number"] for one in world.erp.documents.values())


@pytest.mark.parametrize("repair", ["None", "Missing"])
async def test_an_audit_brings_in_what_nobody_saw_where_that_is_wanted(
    tmp_path: Path, repair: str
) -> None:
    audit = {"schedule": "0 3 * * *", "repair": repair}
    async with World(tmp_path, a_pipeline(audit=audit)) as world:
        world.clock.advance(60)
        began = world.clock.now()
        world.clock.advance(6 * 3600)
        worker = world.worker()
        await worker.start()
        await worker.run_once()
        world.shop.put("g1", at=began, **an_order("1001"))  # a long import ends only now
        await worker.run_once()
        assert _numbers(world) == []
        upkeep, pipeline = _auditing(world, worker), world.document().pipelines[0]
        assert await upkeep.audit(pipeline) == 1
        await worker.run_once()
        assert _numbers(world) == (["1001"] if repair == "Missing" else [])
        ((finding,), _) = await world.ledger.read(last_findings)
        said = "the audit has brought it in" if repair == "Missing" else "bring it in with knect"
        assert said in finding.sentence
        assert await upkeep.audit(pipeline) == (repair == "None")
        await worker.close()


@pytest.mark.parametrize(
    ("error", "words"),
    [(Unreachable("erp did not answer"), "erp did not answer"), (KeyError("location"), "KeyError")],
)
async def test_an_audit_that_cannot_ask_an_end_says_so_until_one_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    async with World(tmp_path, a_pipeline(audit={"schedule": "0 3 * * *"})) as world:
        for number in ("1001", "1002"):
            world.shop.put(f"g{number}", **an_order(number))
        world.clock.advance(60)
        worker = world.worker()
        await worker.start()
        await worker.run_once()
        upkeep, pipeline = _auditing(world, worker), world.document().pipelines[0]
        gone = next(i for i, d in world.erp.documents.items() if d["number"] == "1002")
        del world.erp.documents[gone]
        await upkeep.audit(pipeline)
        destination = worker.connectors["erp"].destination
        assert destination is not None

        async def fails(_: Any) -> Any:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(destination, "present", fails)
            for _ in range(2):
                await upkeep.audit(pipeline)
                found, _count = await world.ledger.read(last_findings)
                assert [one.kind for one in found] == ["MissingAtDestination", "NotAudited"]
                assert "erp could not be asked for what orders delivered" in found[1].sentence
                assert words in found[1].sentence
            healed = Finding(kind="Unbalanced", pipeline="orders", key="orders", sentence="1 = 2")
            now = to_us(world.clock.now())
            await world.ledger.write(lambda c: store_findings(c, ["orders"], [*found, healed], now))
            await upkeep.audit(pipeline)
            told, _count = await world.ledger.read(last_findings)
            assert told == found, "what the ledger says of itself was asked anew"
        await upkeep.audit(pipeline)
        found, _count = await world.ledger.read(last_findings)
        assert [one.kind for one in found] == ["MissingAtDestination"]
        await worker.close()


async def test_what_somebody_deleted_is_not_made_once_more(tmp_path: Path) -> None:
    audit = {"schedule": "0 3 * * *", "repair": "Missing"}
    async with World(tmp_path, a_pipeline(audit=audit)) as world:
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        worker = world.worker()
        await worker.start()
        await worker.run_once()
        world.erp.documents.clear()
        for _ in range(2):
            assert await _auditing(world, worker).audit(world.document().pipelines[0]) == 1
            await worker.run_once()
        assert _numbers(world) == []
        await worker.close()


async def test_a_life_is_in_the_ledger_from_its_start_and_for_as_long_as_it_goes_on(
    tmp_path: Path,
) -> None:
    policy = RetentionPolicy()
    days = policy.transactions_us / 1e6 / 86_400
    async with World(tmp_path) as world:

        async def lives() -> set[tuple[str, str]]:
            query = select(s.lives.c.holder, s.lives.c.calls)
            return {
                (r.holder, r.calls) for r in await world.ledger.read(lambda c: c.execute(query))
            }

        first = world.worker()
        await first.start()
        assert await lives() == {(first.holder, first.calls)}
        await first.close()
        second = world.worker()
        await second.start()
        both = {(first.holder, first.calls), (second.holder, second.calls)}
        assert await lives() == both
        assert first.calls != second.calls
        keeper = Housekeeper(world.ledger, policy, world.clock, holder=second.holder)
        for _ in range(2):
            world.clock.advance((days - 1) * 86_400 / 2)
            await keeper.clean()
        assert await lives() == both, "what is young is kept"
        world.clock.advance(2 * 86_400)
        await keeper.clean()
        assert await lives() == {(second.holder, second.calls)}
        await second.close()


async def test_silence_and_too_many_stuck_are_spoken_of(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline(expect={"minPerDay": 5, "maxStuck": 0})) as world:
        world.shop.put(
            "g1", **an_order("1001", lines=[{"sku": "NO", "quantity": "2", "price": "10.00"}])
        )
        world.clock.advance(60)
        await world.run()
        now = to_us(world.clock.now())
        kinds = [f.kind for f in await world.ledger.read(lambda c: unmet_expectations(c, now))]
        assert kinds == ["StuckBeyondLimit"]
        world.clock.advance(2 * 86_400)
        later = to_us(world.clock.now())
        kinds = [f.kind for f in await world.ledger.read(lambda c: unmet_expectations(c, later))]
        assert kinds == ["SuspiciousSilence", "StuckBeyondLimit"]
