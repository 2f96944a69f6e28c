"""The stages for what a person wants delivered by the mapping of another day.

Why: whoever brings back what an ERP lost wants the documents it had, though the mapping has
changed since. Of then are mapping, value tables and the connector's settings; where it is written,
what is masked and whether anything is written at all are of now.
Must not: be asked for what goes as now.
"""

from msgspec import structs

from knect.engine.delivering.means import Means
from knect.engine.delivering.settings import PipelineSettings
from knect.engine.delivering.stages import Stages
from knect.ledger.revisions import body_of

__all__ = ["AsThen", "MappingOfThenError"]


class MappingOfThenError(Exception):
    """A revision is none that can still be worked with; the text says which, and why."""


class AsThen:
    """Makes stages of a pipeline for its older mapping revisions, and keeps them."""

    def __init__(self, settings: PipelineSettings, means: Means) -> None:
        self._settings = settings
        self._means = means
        self._made: dict[int, Stages] = {}

    async def stages(self, mapping: int) -> Stages:
        """Return what maps by this revision's row. Raises MappingOfThenError."""
        if mapping not in self._made:
            number, body = await self._means.ledger.read(lambda c: body_of(c, mapping))
            try:
                plan = self._settings.plan_of(body, number)
            except ValueError as error:
                raise MappingOfThenError(
                    f"the mapping of then (revision {number}) cannot be used any more: {error}"
                ) from None
            then = structs.replace(self._settings, plan=plan, mapping=mapping)
            self._made[mapping] = Stages(then, self._means)
        return self._made[mapping]
