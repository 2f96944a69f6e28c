"""The landscape of files, and how its flows stand by what a ledger counts.

Must not: call anything well that nobody looked at.
"""

from knect.api.documents import DocumentSet
from knect.api.pipeline import Mode, SyncPipeline
from knect.cli.landscape.systems import Flow, Health, Landscape, Standing, System
from knect.gateway.answers import Sums
from knect.ledger import Fate
from knect.ledger.questions.queries import Equation

__all__ = ["of_files"]

#: Fates that are no end, and that work by itself may not leave.
_HELD = (Fate.REJECTED, Fate.UNKNOWN, Fate.WAITING)


def of_files(documents: DocumentSet, sums: Sums | None) -> Landscape:
    """Return what the files declare; without sums (nothing has run) nothing is known of it."""
    return Landscape(
        systems=[
            System(name=one.name, connector=one.spec.connector, role=one.spec.role)
            for one in documents.connections.values()
        ],
        flows=[
            Flow(
                name=one.name,
                entity=one.spec.entity,
                source=one.spec.source.connection_ref.name,
                destination=one.spec.destination.connection_ref.name,
                standing=_standing(one, sums),
            )
            for one in documents.pipelines.values()
        ],
    )


def _standing(pipeline: SyncPipeline, sums: Sums | None) -> Standing:
    if pipeline.spec.suspend:
        return Standing(Health.PAUSED, "suspended")
    counted = [one for one in sums.sums if one.name == pipeline.name] if sums else []
    if sums is None or not counted:
        return Standing(Health.UNKNOWN, "has not run here")
    for feed in sums.feeds:
        if feed.failing_since_us is None or feed.entity != pipeline.spec.entity:
            continue
        if feed.connection == pipeline.spec.source.connection_ref.name:
            return Standing(Health.STOPPED, f"reading fails: {feed.reason}")
    for left in sums.unattended:
        if left.pipeline == pipeline.name:
            return Standing(Health.STOPPED, f"nobody takes up {left.count}: knect stuck")
    return _counted(counted[0], observed=pipeline.spec.mode is Mode.OBSERVE)


def _counted(one: Equation, *, observed: bool) -> Standing:
    held = ", ".join(f"{one.fates[fate]} {fate}" for fate in _HELD if one.fates.get(fate))
    if not one.balanced:
        return Standing(Health.STOPPED, "does not add up: knect status")
    if observed:
        return Standing(Health.PAUSED, f"observed only; {held}" if held else "observed only")
    if held:
        return Standing(Health.PARTLY, held)
    delivered, moving = one.fates.get(Fate.DELIVERED, 0), one.fates.get(Fate.IN_FLIGHT, 0)
    told = f"{delivered} delivered"
    return Standing(Health.FLOWS, f"{told}, {moving} in flight" if moving else told)
