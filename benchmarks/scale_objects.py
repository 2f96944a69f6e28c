"""What the scale benchmark declares: shops, ERPs, and many pipelines between them.

Why hub and spokes: all pipelines meet at few Connections, which is how Knect is used and what an
operator finds hardest: one change of a hub concerns hundreds of pipelines.
Must not: hold a document that `knect validate` would refuse.
"""

from collections.abc import Iterator, Sequence
from itertools import cycle, islice, product
from typing import Any

from tests.support.kube.objects import a_ledger_secret, a_pipeline, a_secret, a_shop, an_erp

from knect.api.connection import Connection
from knect.api.pipeline import SyncPipeline
from knect_operator.render import Unit, render_worker
from knect_operator.render.names import unit_name
from knect_operator.settings import OperatorSettings

__all__ = ["NAMESPACE", "children_of", "connections", "pipelines", "secrets"]

NAMESPACE = "scale"
_HUBS = 2

Object = dict[str, Any]


def secrets() -> list[Object]:
    """Return the Secrets all Connections share."""
    return [
        a_ledger_secret(NAMESPACE),
        a_secret("shop", namespace=NAMESPACE, accessToken="shpat_x"),
        a_secret("erp", namespace=NAMESPACE, username="knect", password="pw"),  # noqa: S106 - nobody asks for it
    ]


def connections(count: int) -> list[Object]:
    """Return the Connections: two ERPs, the rest shops."""
    return [an_erp(name, namespace=NAMESPACE) for name in _hubs()] + [
        a_shop(name, namespace=NAMESPACE) for name in _shops(count)
    ]


def pipelines(count: int, connections: int) -> list[Object]:
    """Return the pipelines, spread evenly over all pairs of shop and ERP."""
    pairs = islice(cycle(product(_shops(connections), _hubs())), count)
    return [_pipeline(f"orders-{number:05}", *pair) for number, pair in enumerate(pairs)]


def _pipeline(name: str, shop: str, erp: str) -> Object:
    document = a_pipeline(
        name,
        namespace=NAMESPACE,
        source=shop,
        destination=erp,
        mapping={
            "admit": [
                {"when": "order.test", "then": "Skip", "reason": "test order"},
                {
                    "when": 'order.payment_status == "pending"',
                    "then": "Wait",
                    "reason": "waiting for payment",
                },
            ],
        },
    )
    # many pipelines may make orders at one ERP, and none owns a field of another's
    document["spec"]["destination"]["write"] = "Create"
    return document


def children_of(
    pipeline: Object, ends: Sequence[Object], settings: OperatorSettings
) -> list[Object]:
    """Return what the operator makes of a pipeline, by its own rendering."""
    read = SyncPipeline.model_validate(pipeline)
    unit = Unit(
        namespace=NAMESPACE,
        name=str(unit_name(read.name, None)),
        pipelines=(read,),
        connections=tuple(map(Connection.model_validate, ends)),
        tables={},
    )
    return render_worker(unit, settings)


def _hubs() -> list[str]:
    return [f"erp-{number:02}" for number in range(_HUBS)]


def _shops(connections: int) -> Iterator[str]:
    return (f"shop-{number:03}" for number in range(connections - _HUBS))
