"""From a payload to a document: extract, admit, check, map. Pure: values in, a value out.

Why: everything that can be said of a record without asking a remote is said here, before anything
is sent: not admitted, broken invariant, failing expression with the culprit's path.
Must not: call out, write, or catch what is a defect of ours.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from knect.api.mapping import Admittance, Unmapped
from knect.api.pipeline import SyncPipelineSpec
from knect.api.reasons import Reason
from knect.engine.mapping import (
    RECORD_VARIABLES,
    Expression,
    ExpressionError,
    LookupMissing,
    compile_expression,
)
from knect.engine.masking import hidden_values
from knect.engine.policy import ENGINEER, MERCHANT, OPERATIONS, Verdict
from knect.ledger.fates import Fate
from knect.ledger.payload import content_hash
from knect.model import Record, check_record, encode_json, to_scope
from knect.sdk.contract import Destination, Reference, Source
from knect.sdk.errors import BadRecord

__all__ = ["Mapped", "MappingPlan", "ValueTables", "map_payload"]

#: (kind, value) -> what people or ConfigMaps say it means at the destination.
ValueTables = Mapping[tuple[str, str], str]


_REASONS = frozenset(reason.value for reason in Reason)


class _Admit(Struct, frozen=True):
    when: Expression
    then: Admittance
    reason: str


class MappingPlan(Struct, frozen=True, kw_only=True):
    """A pipeline's mapping, compiled once per revision."""

    entity: str
    where: str  # the destination Connection's name
    admit: tuple[_Admit, ...]
    fields: Mapping[str, Expression]
    tables: ValueTables
    defaults: Mapping[str, str]
    on_unmapped: Unmapped
    owns: frozenset[str]
    create_only: frozenset[str]
    settings: Mapping[str, Any]
    mask: tuple[str, ...] = ()

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
        return cls(
            entity=spec.entity,
            where=spec.destination.connection_ref.name,
            admit=tuple(
                _Admit(compile_expression(rule.when, revision=revision), rule.then, rule.reason)
                for rule in mapping.admit
            ),
            fields={
                name: compile_expression(text, revision=revision)
                for name, text in mapping.set.items()
            },
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
        )


class Mapped(Struct, frozen=True, kw_only=True):
    """A record ready to be resolved and delivered. `body` is the document's JSON."""

    record: Record
    document: dict[str, Any]
    body: bytes
    hash: str
    references: tuple[Reference, ...] = field(default=())


def map_payload(
    plan: MappingPlan,
    source: Source,
    destination: Destination,
    raw: Any,
    by_hand: ValueTables,
    *,
    record: Record | None = None,
) -> tuple[Mapped | Verdict, tuple[str, ...] | None]:
    """Return the mapped record, or the verdict that says why there is none; and what to hide.

    `record` is what `raw` stands for, if that is known already. The second are hashes of the masked
    fields' values; None if the record could not be read.
    """
    try:
        record = record or source.to_record(plan.entity, raw)
    except BadRecord as error:
        return _rejected(Reason.BAD_RECORD, error.message, error.path, error.value, MERCHANT), None
    builtin = to_scope(record)
    hidden = hidden_values(builtin, plan.mask)
    return _map(plan, destination, record, {**_named(plan, builtin), "raw": raw}, by_hand), hidden


def _named(plan: MappingPlan, builtin: dict[str, Any]) -> dict[str, Any]:
    return {RECORD_VARIABLES[plan.entity]: builtin}


def _map(
    plan: MappingPlan,
    destination: Destination,
    record: Record,
    scope: dict[str, Any],
    by_hand: ValueTables,
) -> Mapped | Verdict:
    functions = {"lookup": _lookup(plan, by_hand)}
    try:
        verdict = _admit(plan, scope, functions)
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
        for name, expression in plan.fields.items():
            document[name] = expression.evaluate(scope, functions)
    except LookupMissing as error:
        return _unmapped(plan, error)
    except ExpressionError as error:
        return _rejected(Reason.MAPPING_ERROR, str(error), error.path, error.value, ENGINEER)
    except BadRecord as error:
        return _rejected(Reason.BAD_RECORD, error.message, error.path, error.value, MERCHANT)
    if plan.owns:
        document = {name: value for name, value in document.items() if name in plan.owns}
    body = encode_json(document)
    return Mapped(
        record=record,
        document=document,
        body=body,
        hash=content_hash(body),
        references=tuple(destination.references(plan.entity, record)),
    )


def _reason(rule: str) -> str:
    return rule if rule in _REASONS else Reason.INVARIANT_BROKEN


def _admit(
    plan: MappingPlan, scope: dict[str, Any], functions: Mapping[str, Any]
) -> Verdict | None:
    for rule in plan.admit:
        if not rule.when.holds(scope, functions):
            continue
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
