"""Subscriptions are kept alive, declared audits are held, expectations are spoken of."""

from pathlib import Path

from tests.support.toy import World, a_pipeline, an_order

from knect.engine.upkeep import Upkeep, webhook_paths
from knect.ledger.health import last_findings, unmet_expectations
from knect.ledger.instants import to_us
from knect.sdk.contract import CheckReport, Hint, WebhookRequest

CALLS = "c" * 32


class Subscribing:
    """A receiving side that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[list[str], str]] = []

    def verify(self, request: WebhookRequest) -> list[Hint]:
        return []

    async def subscribe(self, entities: list[str], url: str) -> None:
        self.told.append((list(entities), url))


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
            connectors={"shop": connected},
            paths=second,
            clock=world.clock,
            calls=CALLS,
        )
        await upkeep.subscribe("shop")
        url = f"https://hooks.example.com/webhooks/shop/{first['shop']}"
        assert connected.webhooks.told == [(["orders"], url)]


async def test_an_audit_names_a_document_that_was_deleted(tmp_path: Path) -> None:
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
            connectors=worker.connectors,
            paths={},
            clock=world.clock,
            calls=CALLS,
        )
        pipeline = world.document().pipelines[0]
        assert await upkeep.audit(pipeline) == 0
        gone = next(i for i, d in world.erp.documents.items() if d["number"] == "1002")
        del world.erp.documents[gone]
        assert await upkeep.audit(pipeline) == 1
        (finding,) = await world.ledger.read(last_findings)
        assert (finding.kind, finding.key) == ("MissingAtDestination", "1002")
        assert gone in finding.sentence
        await worker.close()


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
