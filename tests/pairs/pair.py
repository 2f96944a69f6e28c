"""Plays one pair: both ends, wires between them, the play, the verdict, and a quiet pass.

Must not: let a pair pass in which nothing failed or nobody did anything.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct
from tests.pairs.bigcommerce import BigCommerce
from tests.pairs.documents import declared
from tests.pairs.ends import Erp, Shop
from tests.pairs.gp import Gp
from tests.pairs.magento import Magento
from tests.pairs.magento2 import Magento2
from tests.pairs.play import Plan, Play
from tests.pairs.shopify import Shopify
from tests.pairs.stage import Stage
from tests.pairs.verdict import judge, judge_history
from tests.pairs.woocommerce import WooCommerce
from tests.support.fault_wire import Wires

__all__ = ["PAIRS", "Came", "play_pair"]

_WIRE = {"reset-before": 0.01, "reset-after": 0.02, "half-close": 0.01, "delay": 0.01}
_SHOP_FAULTS = {"5xx": 0.02, "429": 0.02, "commit-then-drop": 0.01, "html-200": 0.01}
_GP_FAULTS = {"hang": 0.002, "commit-then-drop": 0.01}
#: Calls a quiet pass may make at one end for each flow; at GP each statement is one.
_QUIET = 10


class Came(Struct, kw_only=True):
    """What came of a pair. Seconds; calls as (shop, ERP)."""

    pair: str
    seed: int
    orders: int
    seconds: float
    acts: Mapping[str, int]
    deaths: Mapping[str, int]
    wires: Mapping[str, int]
    faults: Mapping[str, int]  # that the ends injected themselves
    equation: Mapping[str, Any]
    calls: tuple[int, int]
    quiet: tuple[int, int]  # calls of the second pass
    violations: Sequence[str]

    def told(self) -> str:
        """Return it in a few lines."""
        return (
            f"{self.pair}, seed {self.seed}: {self.orders} orders in {self.seconds:.0f} s, "
            f"{sum(self.deaths.values())} kills {dict(self.deaths)}\n"
            f"  people did {dict(self.acts)}\n"
            f"  on the wires {dict(self.wires)}, at the ends {dict(self.faults)}\n"
            f"  equation {dict(self.equation)}\n"
            f"  calls (shop, ERP) {self.calls}, of a quiet pass {self.quiet}\n"
            + "".join(f"  WRONG: {one}\n" for one in self.violations)
        )


_Opens = Callable[[Stage, int], AbstractContextManager[Any]]


@contextmanager
def _shopify(stage: Stage, seed: int) -> Iterator[Shop]:
    yield Shopify(stage, seed=seed, faults=_SHOP_FAULTS)


@contextmanager
def _tryton(stage: Stage, _: int) -> Iterator[Erp]:
    from tests.pairs.tryton import a_tryton  # noqa: PLC0415 - the extra `tryton`

    with a_tryton(stage) as erp:
        yield erp


@contextmanager
def _magento1(stage: Stage, seed: int) -> Iterator[Shop]:
    yield Magento(stage, seed=seed, faults=_SHOP_FAULTS)


@contextmanager
def _magento2(stage: Stage, seed: int) -> Iterator[Shop]:
    yield Magento2(stage, seed=seed, faults=_SHOP_FAULTS)


@contextmanager
def _bigcommerce(stage: Stage, seed: int) -> Iterator[Shop]:
    yield BigCommerce(stage, seed=seed, faults=_SHOP_FAULTS)


@contextmanager
def _gp(stage: Stage, seed: int) -> Iterator[Erp]:
    yield Gp(stage, seed=seed, faults=_GP_FAULTS)


@contextmanager
def _woocommerce(stage: Stage, seed: int) -> Iterator[Shop]:
    yield WooCommerce(stage, seed=seed, faults=_SHOP_FAULTS)


_SHOPS: Mapping[str, _Opens] = {
    "shopify": _shopify,
    "magento1": _magento1,
    "magento2": _magento2,
    "bigcommerce": _bigcommerce,
    "woocommerce": _woocommerce,
}
_ERPS: Mapping[str, _Opens] = {"tryton": _tryton, "gp": _gp}
#: Shops that are played against one ERP only: what is theirs shows against any.
_ONLY: Mapping[str, str] = {"bigcommerce": "tryton", "magento2": "gp", "woocommerce": "tryton"}
PAIRS = [f"{shop}-{erp}" for shop in _SHOPS for erp in _ERPS if _ONLY.get(shop, erp) == erp]


def play_pair(pair: str, folder: Path, seed: int, plan: Plan) -> Came:
    """Play, come to rest, judge, and let a second pass find nothing to do."""
    shop_name, _, erp_name = pair.partition("-")
    with Wires(seed) as wires:
        for name in ("acme-shop", "acme-erp"):
            wires.lay(name, _WIRE)
        stage = Stage(folder, wires)
        try:
            with _SHOPS[shop_name](stage, seed) as shop, _ERPS[erp_name](stage, seed) as erp:
                return _played(pair, stage, shop, erp, seed, plan)
        finally:
            stage.stop()


def _played(pair: str, stage: Stage, shop: Shop, erp: Erp, seed: int, plan: Plan) -> Came:
    assert stage.wires is not None
    documents = stage.folder / "documents"
    documents.mkdir()
    (documents / "all.yaml").write_text(declared(shop, erp))
    play = Play(stage, shop, erp, seed)
    play.run(plan, lambda: list(judge(stage, shop, erp, play.done)))
    wrong = list(judge(stage, shop, erp, play.done))
    wrong += judge_history(stage, shop, erp)
    missing = [one for one in play.acts if not play.done.acts[one]]
    if missing:
        wrong.append(f"nobody did: {', '.join(missing)}")
    wires = Counter[str]()
    for name in stage.wires.names:
        wires.update(stage.wires.counts(name))
    if not wires:
        wrong.append("nothing failed on the wires")
    calls, quiet = _quiet(play, plan, shop, erp, wrong)
    began, ended = play.done.kept
    return Came(
        pair=pair,
        seed=seed,
        orders=len(play.done.orders),
        seconds=ended - began,
        acts=dict(play.done.acts),
        deaths=dict(play.done.deaths),
        wires=dict(wires),
        faults=dict(shop.injected() + erp.injected()),
        equation=stage.status(),
        calls=calls,
        quiet=quiet,
        violations=wrong,
    )


def _quiet(
    play: Play, plan: Plan, shop: Shop, erp: Erp, wrong: list[str]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Run once more; note what it wrote, and how much it read."""
    before = shop.requests(), erp.requests()
    if not before[0][1] or not before[1][1]:
        wrong.append(f"the request logs tell of no write: {before}")
    play.one_pass(plan)
    after = shop.requests(), erp.requests()
    calls = [new[0] - old[0] for old, new in zip(before, after, strict=True)]
    writes = [new[1] - old[1] for old, new in zip(before, after, strict=True)]
    if any(writes):
        wrong.append(f"a quiet pass wrote (shop, ERP): {writes}")
    # what changed a moment ago is listed again by every read: a query takes five orders at least
    most = _QUIET * len(shop.flows & erp.flows) + len(play.done.orders) // 5
    if max(calls) > most:
        wrong.append(f"a quiet pass made {calls} calls (shop, ERP); {most} are enough")
    return (before[0][0], before[1][0]), (calls[0], calls[1])
