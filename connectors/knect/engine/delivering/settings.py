"""What a pipeline was declared to be, as its working parts need it.

Must not: hold anything that changes while a worker runs.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b

from msgspec import Struct

from knect.api.manifest import WriteManifest
from knect.api.pipeline import Mode, SourceDelete, Write
from knect.engine.deciding.mapping_plan import MappingPlan
from knect.engine.deciding.policy import RetryPolicy

__all__ = ["PipelineSettings", "external_id"]

#: What belongs to an order.
_CHILDREN = frozenset({"payments", "refunds", "shipments"})
_EXTERNAL_ID_LIMIT = 64


def external_id(source: str, entity: str, source_id: str) -> str:
    """Return the id under which the destination keeps a source record; at most 64 characters.

    The same for all time: it is what makes a second create impossible. What belongs to an order
    says so: a shop may number orders and refunds alike, and an ERP keep both in one table.
    """
    plain = f"{source}:{entity}/{source_id}" if entity in _CHILDREN else f"{source}:{source_id}"
    if len(plain) <= _EXTERNAL_ID_LIMIT:
        return plain
    return f"{source[:23]}:{blake2b(plain.encode(), digest_size=20).hexdigest()}"


class PipelineSettings(Struct, frozen=True, kw_only=True):
    """What a pipeline was declared to be, as the engine needs it. Times in seconds."""

    name: str
    entity: str
    source: str
    destination: str
    plan: MappingPlan
    mapping: int  # row of the mapping revision
    plan_of: Callable[[str, int], MappingPlan]  # of a revision's body and number; raises ValueError
    writes: Mapping[str, WriteManifest]
    retry: RetryPolicy
    write: Write
    mode: Mode
    on_source_delete: SourceDelete
    batch_size: int
    max_in_flight: int
    stalled_after: float
    mask: frozenset[str]
    holder: str
    lease_seconds: float
    request_seconds: float
