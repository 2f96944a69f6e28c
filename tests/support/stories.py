"""Builders of transaction stories for the tests of telemetry."""

from datetime import UTC, datetime

from knect.ledger.instants import to_us
from knect.seams import new_id
from knect.telemetry import AttemptStory, EffectStory, LinkStory, StageStory, TransactionStory

__all__ = ["NOON", "a_stage", "a_story", "a_whole_journey"]

NOON = to_us(datetime(2026, 11, 24, 12, tzinfo=UTC))


def a_stage(stage: str, second: float = 1, **more: object) -> StageStory:
    """Return a stage that took 20 ms from `second` after noon on."""
    start = NOON + int(second * 1_000_000)
    return StageStory(stage=stage, start=start, end=start + 20_000, **more)


def a_story(**changes: object) -> TransactionStory:
    """Return an order's story without attempts."""
    fields: dict[str, object] = {
        "id": new_id(),
        "pipeline": "orders-to-erp",
        "entity": "orders",
        "key": "1001",
        "source_id": "gid://shopify/Order/1",
        "discovered": NOON,
    }
    return TransactionStory(**{**fields, **changes})


def a_whole_journey(**changes: object) -> TransactionStory:
    """Return a delivered order's story: four stages, two effects, one exchange."""
    exchange = LinkStory(trace_id=new_id(), span_id="1234567890abcdef", relation="exchange")
    deliver = a_stage("deliver", 4)
    stages = (a_stage("extract", 1), a_stage("map", 2), a_stage("resolve", 3), deliver)
    effects = tuple(
        EffectStory(
            name=name,
            start=deliver.start,
            end=deliver.end,
            destination_id=f"{name}-7",
            exchanges=(exchange,),
        )
        for name in ("party", "sale")
    )
    attempt = AttemptStory(number=1, stages=stages, effects=effects)
    return a_story(
        **{"attempts": (attempt,), "fate": "delivered", "destination_id": "sale-7", **changes}
    )
