"""The write-once rule is tried too, on a destination in memory with one thing wrong at a time."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from knect.api.manifest import Manifest
from knect.sdk.contract import Call, Effect, Found, Operation, Outcome
from knect.sdk.errors import Unreachable
from knect.sdk.testing.conformance import run_rule

MANIFEST = Manifest.model_validate(
    {
        "id": "toy",
        "title": "Toy",
        "roles": ["Hub"],
        "apiVersion": {"current": "1", "sunset": date(2030, 1, 1)},
        "auth": ["None"],
        "rateLimit": {"model": "None"},
        "entities": {"orders": {"write": True}},
        "writes": {
            "head": {"entity": "orders", "once": "UniqueKey"},
            "post": {"entity": "orders", "once": "NativeKey"},
        },
    }
)


class Memory:
    """A destination that keeps documents by external id."""

    def __init__(self, wrong: str) -> None:
        self.wrong = wrong
        self.kept: dict[str, str] = {}

    def _name(self, call: Call) -> str:
        return f"{call.effect.write}:{call.effect.external_id}"

    async def lookup(self, calls: Sequence[Call]) -> list[Found | None]:
        if self.wrong == "finds anything":
            return [Found(destination_id="1") for _ in calls]
        if self.wrong == "finds nothing":
            return [None for _ in calls]
        if self.wrong == "finds another":
            return [
                Found(destination_id="x") if self._name(c) in self.kept else None for c in calls
            ]
        return [
            Found(destination_id=self.kept[name])
            if (name := self._name(call)) in self.kept
            else None
            for call in calls
        ]

    async def write(self, calls: Sequence[Call]) -> list[Outcome]:
        (call,) = calls
        if call.effect.needs:
            assert set(call.given) == set(call.effect.needs)
        name = self._name(call)
        if name in self.kept and self.wrong == "unknown again":
            return [Outcome(error=Unreachable("lost"))]
        if name in self.kept and self.wrong == "makes two":
            self.kept[f"{name}#2"] = "2"
        if self.wrong == "answers nothing":
            return [Outcome()]
        self.kept.setdefault(name, str(len(self.kept) + 1))
        return [Outcome(found=Found(destination_id=self.kept[name]))]


class MemoryBench:
    def __init__(self, wrong: str) -> None:
        self.memory = Memory(wrong)
        self.connector: Any = type("Toy", (), {"destination": self.memory})()

    async def effects(self) -> list[Effect]:
        head = Effect(
            name="head", write="head", entity="orders", operation=Operation.CREATE, key="1",
            external_id="1", body={},
        )  # fmt: skip
        post = Effect(
            name="post", write="post", entity="orders", operation=Operation.ACT, key="1",
            external_id="1", body={}, needs=("head",), primary=True,
        )  # fmt: skip
        return [head, post]

    async def documents(self) -> int:
        return len(self.memory.kept)


async def test_a_good_destination_passes() -> None:
    bench: Any = MemoryBench("")
    await run_rule("write-once", bench, MANIFEST, None)
    assert await bench.documents() == 2


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("makes two", "made twice"),
        ("finds nothing", "not found"),
        ("finds anything", "before it was written"),
        ("finds another", "another id"),
        ("answers nothing", "neither found nor error"),
        ("unknown again", "unknown"),
    ],
)
async def test_a_broken_destination_is_named(wrong: str, says: str) -> None:
    bench: Any = MemoryBench(wrong)
    with pytest.raises(AssertionError, match=says):
        await run_rule("write-once", bench, MANIFEST, None)
