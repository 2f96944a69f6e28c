"""From a payload to a document: extract, admit, check, map. Pure: values in, a value out.

Why: everything that can be said of a record without asking a remote is said here, before anything
is sent: not admitted, broken invariant, failing expression with the culprit's path.
Must not: call out, write, or catch what is a defect of ours.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from msgspec import Struct, field

from knect.api.mapping import Admittance, Guard, Unmapped
from knect.api.pipeline import SyncPipelineSpec
from knect.api.reasons import Reason
from knect.engine.holds import guarded, not_now
from knect.engine.keys import normalise
from knect.engine.mapping import (
    RECORD_VARIABLES,
    Expression,
    ExpressionError,
    LookupMissing,
    Template,
    compile_expression,
)
from knect.engine.masking import hidden_values, masked_texts
from knect.engine.policy import ENGINEER, MERCHANT, OPERATIONS, Verdict
from knect.engine.terms import AS_OF, is_withheld, terms_of
from knect.ledger.fates import Fate
from knect.ledger.instants import from_us
from knect.ledger.payload import content_hash
from knect.model import (
    RECORD_TYPES,
    InventoryLevel,
    Price,
    Record,
    check_record,
    encode_json,
    to_scope,
    view_of,
)
from knect.sdk.contract import Destination, Reference, Source
from knect.sdk.errors import BadRecord

__all__ = [
    "Around",
    "Extracted",
    "Mapped",
    "MappingPlan",
    "ValueTables",
    "extract",
    "map_record",
]

#: (kind, value) -> what people or ConfigMaps say it means at the destination.
ValueTables = Mapping[tuple[str, str], str]


_REASONS = frozenset(reason.value for reason in Reason)
#: What has a figure that holds for a time, and of which it is told what it was made of.
_FIGURES = (InventoryLevel, Price)
_NO_FUNCTIONS: Mapping[str, Callable[..., Any]] = {}


class _Admit(Struct, frozen=True):
    when: Expression
    then: Admittance
    reason: str


class MappingPlan(Struct, frozen=True, kw_only=True):
    """A pipeline's mapping, compiled once per revision."""

    entity: str
    where: str  # the destination Connection's name
    admit: tuple[_Admit, ...]
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
            _Admit(compile_expression(rule.when, revision=revision), rule.then, rule.reason)
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
    if kind is None or kind in _FIGURES:
        return to_scope
    ways = {way for one in expressions for way in one.ways if way[0] == RECORD_VARIABLES[entity]}
    return view_of(kind, [*(way[1:] for way in ways), *(path.split(".") for path in mask)])


class Mapped(Struct, frozen=True, kw_only=True):
    """A record ready to be resolved and delivered. `body` is the document's JSON."""

    record: Record
    document: dict[str, Any]
    body: bytes
    hash: str
    references: tuple[Reference, ...] = field(default=())
    terms: str = ""  # of stock and prices: what the expressions read, and what came of it


class Extracted(Struct, frozen=True, kw_only=True):
    """A payload read: the record, its values for expressions, and what of it nobody is shown: as
    hashes, and (`masked`) in plain.
    """

    record: Record
    scope: dict[str, Any]
    hidden: tuple[str, ...]
    masked: frozenset[str]


class Around(Struct, frozen=True, kw_only=True):
    """What is known around one record when it is mapped.

    `previous` is the document last delivered to its binding. `open_orders` are sold pieces the
    ERP's figure cannot include: (normalised SKU, location) -> quantity. `approved`: a person let it
    pass. `now_us` asks the ledger's clock.
    """

    by_hand: ValueTables
    now_us: Callable[[], int]
    previous: Mapping[str, Any] | None = None
    open_orders: Mapping[tuple[str, str | None], Decimal] = field(default_factory=dict)
    as_of: datetime | None = None
    approved: bool = False


def extract(
    plan: MappingPlan, source: Source, raw: Any, record: Record | None = None
) -> Extracted | Verdict:
    """Return the canonical record of a payload, or the verdict that says why there is none.

    `record` is what `raw` stands for, if that is known already.
    """
    try:
        record = record or source.to_record(plan.entity, raw)
    except BadRecord as error:
        reason = error.code if error.code in _REASONS else Reason.BAD_RECORD
        return _rejected(reason, error.message, error.path, error.value, MERCHANT)
    values = plan.view(record)
    scope = {plan.variable: values, "raw": raw}
    if not plan.mask:
        return Extracted(record=record, scope=scope, hidden=(), masked=frozenset())
    masked = masked_texts(values, plan.mask)
    return Extracted(record=record, scope=scope, hidden=hidden_values(masked), masked=masked)


def map_record(
    plan: MappingPlan, destination: Destination, extracted: Extracted, around: Around
) -> Mapped | Verdict:
    """Return the mapped record, or the verdict that says why there is none."""
    record = extracted.record
    is_figure = type(record) in _FIGURES
    scope = {**extracted.scope, "previous": around.previous}
    counted: dict[str, Any] = {}
    functions = _functions(plan, around, counted) if plan.calls else _NO_FUNCTIONS
    try:
        verdict = None
        if plan.admit:
            verdict = _admit(plan, scope, functions, approved=around.approved)
        if verdict is None and is_figure:
            verdict = not_now(record, from_us(around.now_us()))
        if verdict is not None:
            return verdict
        violation = check_record(record)
        if violation is not None:
            return _rejected(
                _reason(violation.rule),
                violation.message,
                violation.path,
                violation.value,
                MERCHANT,
            )
        document = destination.to_document(plan.entity, record, plan.settings)
        plan.template.fill(document, scope, functions)
        if plan.owns:
            document = {name: value for name, value in document.items() if name in plan.owns}
        body = encode_json(document)
        plan.template.weigh(document, len(body))
    except LookupMissing as error:
        return _unmapped(plan, error)
    except ExpressionError as error:
        return _rejected(Reason.MAPPING_ERROR, str(error), error.path, error.value, ENGINEER)
    except BadRecord as error:
        return _rejected(Reason.BAD_RECORD, error.message, error.path, error.value, MERCHANT)
    if plan.guards and not around.approved:
        parked = guarded(
            plan.guards,
            document,
            around.previous,
            is_withheld=partial(
                is_withheld,
                fields=plan.template.fields,
                scope=extracted.scope,
                mask=plan.mask,
                hidden=extracted.hidden,
            ),
        )
        if parked is not None:
            return parked
    return Mapped(
        record=record,
        document=document,
        body=body,
        hash=content_hash(body),
        references=tuple(destination.references(plan.entity, record)),
        terms=_terms(plan, extracted, scope, counted, document) if is_figure else "",
    )


def _terms(
    plan: MappingPlan,
    extracted: Extracted,
    scope: dict[str, Any],
    counted: dict[str, Any],
    document: dict[str, Any],
) -> str:
    fields = plan.template.fields
    return terms_of(fields, scope, counted, document, mask=plan.mask, hidden=extracted.hidden)


def _reason(rule: str) -> str:
    return rule if rule in _REASONS else Reason.INVARIANT_BROKEN


def _admit(
    plan: MappingPlan, scope: dict[str, Any], functions: Mapping[str, Any], *, approved: bool
) -> Verdict | None:
    for rule in plan.admit:
        if not rule.when.holds(scope, functions):
            continue
        if approved and rule.then is Admittance.WAIT:
            return None
        match rule.then:
            case Admittance.DELIVER:
                return None
            case Admittance.SKIP:
                return Verdict(fate=Fate.SKIPPED, reason=Reason.ADMIT_SKIP, message=rule.reason)
            case Admittance.REJECT:
                return Verdict(
                    fate=Fate.REJECTED,
                    reason=Reason.ADMIT_REJECT,
                    message=rule.reason,
                    acts=MERCHANT,
                )
            case Admittance.WAIT:
                return Verdict(
                    fate=Fate.WAITING,
                    reason=Reason.ADMIT_WAIT,
                    message=rule.reason,
                    acts=MERCHANT,
                    waits_for="reason:AdmitWait",
                    counts=False,
                )
    return None


def _functions(
    plan: MappingPlan, around: Around, counted: dict[str, Any]
) -> Mapping[str, Callable[..., Any]]:
    return {
        "lookup": _lookup(plan, around.by_hand),
        "open_orders": _open_orders(around, counted),
    }


def _lookup(plan: MappingPlan, by_hand: ValueTables) -> Any:
    def lookup(table: str, value: Any) -> str:
        key = (str(table), str(value))
        mapped = by_hand.get(key, plan.tables.get(key))
        if mapped is None and plan.on_unmapped is Unmapped.DEFAULT:
            mapped = plan.defaults.get(key[0])
        if mapped is None:
            raise LookupMissing(*key)
        return mapped

    return lookup


def _open_orders(around: Around, counted: dict[str, Any]) -> Any:
    def open_orders(sku: Any, location: Any = None) -> Decimal:
        if not isinstance(sku, str):
            raise ValueError("takes a SKU, and a location where one is meant")  # noqa: TRY004
        name = normalise(sku)
        pieces = sum(
            (
                quantity
                for (one, where), quantity in around.open_orders.items()
                if one == name and (location is None or where in (None, location))
            ),
            Decimal(0),
        )
        counted[f"open_orders({sku if location is None else f'{sku}, {location}'})"] = pieces
        counted[AS_OF] = around.as_of
        return pieces

    return open_orders


def _unmapped(plan: MappingPlan, error: LookupMissing) -> Verdict:
    message = f"the table {error.name!r} does not say what {error.value!r} means at {plan.where}"
    if plan.on_unmapped is Unmapped.REJECT:
        return _rejected(Reason.UNMAPPED, message, error.path, str(error.value), OPERATIONS)
    return Verdict(
        fate=Fate.WAITING,
        reason=Reason.UNMAPPED,
        message=message,
        field=error.path,
        value=str(error.value),
        acts=OPERATIONS,
        waits_for=f"{error.name}:{error.value}@{plan.where}",
        counts=False,
    )


def _rejected(reason: str, message: str, path: str | None, value: str | None, acts: str) -> Verdict:
    return Verdict(
        fate=Fate.REJECTED, reason=reason, message=message, field=path, value=value, acts=acts
    )
