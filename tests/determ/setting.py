"""What one schedule is played in: drawn from its seed, so that each explores another corner.

Why: with every fault on at once nothing gets far enough to meet the rarer ones (swarm testing).
Must not: depend on anything but the dice.
"""

import random
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct
from tests.determ.wire import FAULTS

from knect.api.catalog import Catalog, InstalledConnector
from knect.api.manifest import Manifest
from knect.api.worker import WorkerDocument

__all__ = [
    "BY_HAND",
    "LIMIT",
    "NORTH",
    "SKUS",
    "WATCHER",
    "Setting",
    "Watcher",
    "catalog_of",
    "document_of",
    "draw",
]

#: The ERP knows the first two; the third it may learn.
SKUS = ("KN-1", "KN-2", "KN-9")
#: The pod of the second pipeline, where it has one of its own.
WATCHER = "x0"
#: The Connection, and the pipeline, of a second shop: its records have the same ids as the first one's.
NORTH = "north"
#: What costs more waits for somebody's word, where there is a rule.
LIMIT = 60
#: The e-mail that somebody sets by hand.
BY_HAND = "canary-hand@example.com"


class Setting(Struct, frozen=True, kw_only=True):
    """`shared`: the ledger is a server's, several workers use it. Times in seconds."""

    shared: bool
    workers: int
    once: str
    batch: int
    parties: bool
    payments: bool
    coarse: bool
    page_size: int
    lease: float
    latency: float
    transit: float
    shuffled: bool
    hooks: bool
    cancels: bool
    rates: Mapping[str, float]
    trouble: float

    @property
    def settle(self) -> int:
        """Seconds after which a look-up proves something."""
        return 10 if self.once == "LookupAfterSettle" else 0

    @property
    def latest(self) -> float:
        """How late a write that was not answered may still be done."""
        return 6.0

    @property
    def lag(self) -> float:
        """How long what was made cannot be found."""
        return 2.0 if self.once == "LookupAfterSettle" else 0.0


class Watcher(Struct, kw_only=True):
    """A second pipeline of the orders: in a pod of its own, or in that of the first."""

    is_alone: bool
    start: str
    rests: bool = False


def draw(dice: random.Random) -> Setting:
    """Draw a setting."""
    shared = dice.random() < 0.7
    some = [name for name in FAULTS if dice.random() < 0.4] or ["commit-then-drop"]
    harsh = dice.choice((0.05, 0.2, 0.4))
    return Setting(
        shared=shared,
        workers=dice.choice((1, 2, 2)) if shared else 1,
        once=dice.choice(("UniqueKey", "LookupAfterSettle", "LookupAfterSettle")),
        batch=dice.choice((1, 3)),
        parties=dice.random() < 0.5,
        payments=dice.random() < 0.3,
        coarse=dice.random() < 0.3,
        page_size=dice.choice((1, 2, 50)),
        lease=dice.choice((9.0, 20.0)),
        latency=dice.choice((0.0, 0.002, 0.05, 0.4)),
        transit=dice.choice((0.01, 0.3)),
        shuffled=dice.random() < 0.8,
        hooks=dice.random() < 0.6,
        cancels=dice.random() < 0.5,
        rates={name: harsh / max(2, len(some)) for name in some},
        trouble=dice.choice((0.0, 0.0, 0.02, 0.1)) if shared else 0.0,
    )


@cache
def catalog_of(once: str, settle: int, batch: int) -> Catalog:
    """Return manifests of both ends."""
    writes = {
        "create": {
            "entity": "orders", "once": once, "settleSeconds": settle, "maxBatch": batch,
        },
        "update": {"entity": "orders", "once": "UniqueKey", "maxBatch": batch},
        "party": {"entity": "customers", "once": once, "settleSeconds": settle},
    }  # fmt: skip
    entity = {
        "read": True, "write": True, "removals": ["Cancel"],
        "cursor": {"field": "updated_at", "semantics": "UpdatedAt", "overlapSeconds": 120},
    }  # fmt: skip
    manifest = {
        "title": "sim", "roles": ["Hub", "Spoke"], "apiVersion": {"current": "1"},
        "auth": ["None"], "rateLimit": {"model": "None"}, "writes": writes,
        "entities": dict.fromkeys(("orders", "customers", "payments"), entity),
    }  # fmt: skip
    return Catalog(
        InstalledConnector(
            "tests.determ.connector", Path(), Manifest.model_validate({"id": name, **manifest})
        )
        for name in ("simshop", "simerp")
    )


@cache
def document_of(
    *,
    payments: bool,
    hooks: bool,
    cancels: bool,
    mapping: int,
    filtered: bool = False,
    orders: bool = True,
    paused: bool = False,
    watches: str = "",
    rests: bool = False,
    north: bool = False,
    ruled: bool = False,
) -> WorkerDocument:
    """Return a worker document; `mapping` is a revision: each sets another field.

    With the pipelines that write, or without; `watches` is from when on a second pipeline does.
    `filtered` makes another feed of the orders, though all of them pass; `paused` are they alone.
    `north`: a second shop sells into the same ERP. `ruled`: what costs more than LIMIT waits.
    """
    trigger: dict[str, Any] = {"poll": {"every": "10s"}}
    if hooks:
        trigger = {"webhook": {"reconcileEvery": "10s"}}

    def pipeline(
        name: str, entity: str, start: str = "Beginning", shop: str = "shop", **more: Any
    ) -> dict[str, Any]:
        return {
            "name": name,
            "spec": {
                "entity": entity,
                "source": {"connectionRef": {"name": shop}, "start": start},
                "destination": {
                    "connectionRef": {"name": "erp"},
                    "onSourceDelete": "Cancel" if cancels else "Ignore",
                },
                "trigger": trigger,
                "delivery": {
                    "batchSize": 10,
                    "maxInFlight": 4,
                    "retry": {"attempts": 50, "initial": "1s", "max": "20s"},
                },
                **more,
            },
        }

    wanted: dict[str, Any] = {"set": {"revision": f'"r{mapping}"'}} if mapping else {}
    if ruled:
        dear = f"order.totals.total > {LIMIT}"
        wanted["admit"] = [{"when": dear, "then": "Wait", "reason": "somebody has to look"}]
    masked = {"privacy": {"mask": ["customer.email"]}}
    pipelines = []
    if orders:
        pipelines.append(pipeline("orders", "orders", mapping=wanted, suspend=paused, **masked))
        if filtered:
            pipelines[0]["spec"]["source"]["filter"] = {"status": "any"}
    if orders and north:
        pipelines.append(pipeline(NORTH, "orders", shop=NORTH, mapping=wanted, **masked))
    if orders and payments:
        pipelines.append(pipeline("payments", "payments"))
    if watches:
        watch = pipeline("watch", "orders", watches, mode="Observe", suspend=rests, **masked)
        pipelines.append(watch)
    return WorkerDocument.model_validate(
        {
            "pipelines": pipelines,
            "connections": [
                {"name": name, "spec": {"connector": "simerp" if name == "erp" else "simshop"}}
                for name in ("shop", "erp", *([NORTH] if north else []))
            ],
        }
    )
