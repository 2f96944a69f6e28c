"""A pipeline's mapping, compiled: what is worked out once per revision and not per record.

Must not: see a record.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from knect.api.mapping import Admittance, Guard, Unmapped
from knect.api.pipeline import SyncPipelineSpec
from knect.engine.mapping import RECORD_VARIABLES, Expression, Template, compile_expression
from knect.model import RECORD_TYPES, InventoryLevel, Price, Record, to_scope, view_of

__all__ = ["FIGURES", "Admit", "MappingPlan", "ValueTables"]

#: (kind, value) -> what people or ConfigMaps say it means at the destination.
ValueTables = Mapping[tuple[str, str], str]
#: What has a figure that holds for a time, and of which it is told what it was made of.
FIGURES = (InventoryLevel, Price)


class Admit(Struct, frozen=True):
    """A rule of `mapping.admit`: the first that holds says what becomes of a record."""

    when: Expression
    then: Admittance
    reason: str


class MappingPlan(Struct, frozen=True, kw_only=True):
    """A pipeline's mapping, compiled once per revision."""

    entity: str
    where: str  # the destination Connection's name
    admit: tuple[Admit, ...]
    template: Template
    calls: frozenset[str]  # functions its expressions ask for
    variable: str  # what its expressions call the record
    view: Callable[[Record], dict[str, Any]]  # what they, and masks, read of it
    tables: ValueTables
    defaults: Mapping[str, str]
    on_unmapped: Unmapped
    owns: frozenset[str]
    create_only: frozenset[str]
    settings: Mapping[str, Any]
    mask: tuple[str, ...] = ()
    guards: tuple[Guard, ...] = ()

    @classmethod
    def compile(
        cls,
        spec: SyncPipelineSpec,
        tables: Mapping[str, Mapping[str, str]],
        *,
        revision: int,
    ) -> "MappingPlan":
        """Compile a pipeline's mapping. Raises ExpressionSyntaxError."""
        mapping = spec.mapping
        admit = tuple(
            Admit(compile_expression(rule.when, revision=revision), rule.then, rule.reason)
            for rule in mapping.admit
        )
        template = Template(mapping.set, sent=mapping.owns or mapping.set, revision=revision)
        expressions = [*template.fields.values(), *(rule.when for rule in admit)]
        return cls(
            entity=spec.entity,
            where=spec.destination.connection_ref.name,
            admit=admit,
            template=template,
            calls=frozenset().union(*(one.host_calls for one in expressions)),
            variable=RECORD_VARIABLES.get(spec.entity, spec.entity),
            view=_view(spec.entity, expressions, spec.privacy.mask),
            tables={
                (name, value): mapped
                for name, table in tables.items()
                for value, mapped in table.items()
            },
            defaults={
                table.name: table.default
                for table in mapping.value_maps
                if table.default is not None
            },
            on_unmapped=mapping.on_unmapped,
            owns=frozenset(mapping.owns),
            create_only=frozenset(mapping.create_only),
            settings={
                **spec.destination.settings,
                "write": spec.destination.write.value,
                "match": list(spec.destination.match),
            },
            mask=tuple(spec.privacy.mask),
            guards=mapping.guards,
        )

    @property
    def counts_open_orders(self) -> bool:
        """Tell whether an expression asks for what orders take."""
        return "open_orders" in self.calls


def _view(
    entity: str, expressions: Iterable[Expression], mask: Iterable[str]
) -> Callable[[Record], dict[str, Any]]:
    """Return what gives the values of a record that may be asked for."""
    kind = RECORD_TYPES.get(entity)
    if kind is None or kind in FIGURES:
        return to_scope
    ways = {way for one in expressions for way in one.ways if way[0] == RECORD_VARIABLES[entity]}
    return view_of(kind, [*(way[1:] for way in ways), *(path.split(".") for path in mask)])
