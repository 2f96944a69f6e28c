"""From a payload to a document: extract, admit, check, map. Pure: values in, a value out.

Why: everything that can be said of a record without asking a remote is said here, before anything
is sent: not admitted, broken invariant, failing expression with the culprit's path.
Must not: call out, write, or catch what is a defect of ours.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct, field, structs

from knect.api.mapping import Unmapped
from knect.api.reasons import Reason
from knect.engine.deciding.admitting import held_back
from knect.engine.deciding.editing import Edited, Edits, edited
from knect.engine.deciding.holds import guarded, not_now
from knect.engine.deciding.host_calls import Around, host_calls
from knect.engine.deciding.mapping_plan import FIGURES, MappingPlan
from knect.engine.deciding.masking import hidden_values, masked_texts, parts_in, texts_in
from knect.engine.deciding.policy import ENGINEER, MERCHANT, OPERATIONS, Verdict
from knect.engine.deciding.terms import is_withheld, terms_of
from knect.engine.mapping import ExpressionError, LookupMissing
from knect.ledger.fates import Fate
from knect.ledger.instants import from_us
from knect.ledger.payload import content_hash
from knect.model import EditError, Price, Record, check_record, encode_json
from knect.model.record import is_cancelled
from knect.sdk.contract import Destination, Reference, Source
from knect.sdk.errors import BadRecord

__all__ = ["Extracted", "Mapped", "extract", "map_record"]

_REASONS = frozenset(reason.value for reason in Reason)
_NO_FUNCTIONS: Mapping[str, Callable[..., Any]] = {}


class Mapped(Struct, frozen=True, kw_only=True):
    """A record ready to be resolved and delivered. `body` is the document's JSON, of a figure with
    what it is of.

    `instead`: what becomes of it, where nothing of it is at the destination, if the rules do not
    let it in: of an order that is cancelled, or of what was sent when they did.
    """

    record: Record
    document: dict[str, Any]
    body: bytes
    hash: str
    references: tuple[Reference, ...] = field(default=())
    instead: Verdict | None = None
    terms: str = ""  # of stock and prices: what the expressions read, and what came of it


class Extracted(Struct, frozen=True, kw_only=True):
    """A payload read: the record, its values for expressions, and what of it nobody is shown: as
    hashes, and (`masked`) in plain.
    """

    record: Record
    scope: dict[str, Any]
    hidden: tuple[str, ...]
    masked: frozenset[str]


def extract(
    plan: MappingPlan,
    source: Source,
    raw: Any,
    record: Record | None = None,
    edits: Edits | None = None,
) -> Extracted | Verdict:
    """Return the canonical record of a payload, or the verdict that says why there is none.

    `record` is what `raw` stands for, if that is known already; `edits` what a person set in it.
    """
    was: Edited | None = None
    as_read = raw
    try:
        if edits is not None:
            was = edited(source, plan.entity, raw, record, edits)
            raw, record = was.raw, was.record
        record = record or source.to_record(plan.entity, raw)
    except BadRecord as error:
        reason = error.code if error.code in _REASONS else Reason.BAD_RECORD
        return _rejected(reason, error.message, error.path, error.value, MERCHANT)
    except EditError as error:
        return _rejected(Reason.EDIT_DOES_NOT_FIT, error.message, error.path, None, OPERATIONS)
    values = plan.view(record)
    scope = {plan.variable: values, "raw": raw}
    if not plan.mask:
        return Extracted(record=record, scope=scope, hidden=(), masked=frozenset())
    masked = masked_texts(values, plan.mask)
    if was is not None:
        masked |= masked_texts(plan.view(was.before), plan.mask) | texts_in(was.replaced)
        masked |= parts_in(as_read, masked)
    masked |= parts_in(raw, masked)
    return Extracted(record=record, scope=scope, hidden=hidden_values(masked), masked=masked)


def map_record(
    plan: MappingPlan, destination: Destination, extracted: Extracted, around: Around
) -> Mapped | Verdict:
    """Return the mapped record, or the verdict that says why there is none."""
    record = extracted.record
    scope = {**extracted.scope, "previous": around.previous}
    counted: dict[str, Any] = {}
    functions = host_calls(plan, around, counted) if plan.calls else _NO_FUNCTIONS
    held = None
    try:
        if plan.admit:
            held = held_back(plan, record, scope, functions, around)
            if held is not None and not (around.sent or is_cancelled(record)):
                return held
        if type(record) in FIGURES:
            verdict = not_now(record, from_us(around.now_us()))
            if verdict is not None:
                return verdict
        outcome = _mapped(plan, destination, extracted, around, scope, functions, counted)
    except LookupMissing as error:
        outcome = _unmapped(plan, error)
    except ExpressionError as error:
        outcome = _rejected(Reason.MAPPING_ERROR, str(error), error.path, error.value, ENGINEER)
    except BadRecord as error:
        outcome = _rejected(Reason.BAD_RECORD, error.message, error.path, error.value, MERCHANT)
    if held is None:
        return outcome
    return structs.replace(outcome, instead=held) if isinstance(outcome, Mapped) else held


def _mapped(
    plan: MappingPlan,
    destination: Destination,
    extracted: Extracted,
    around: Around,
    scope: dict[str, Any],
    functions: Mapping[str, Callable[..., Any]],
    counted: dict[str, Any],
) -> Mapped | Verdict:
    """Check a record that is let in, and map it. Raises what an expression raises."""
    record = extracted.record
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
    references = tuple(destination.references(plan.entity, record))
    is_figure = type(record) in FIGURES
    body = encode_json(_said_of(record, references, document) if is_figure else document)
    plan.template.weigh(document, len(body))
    terms = _terms(plan, extracted, scope, counted, document) if is_figure else ""
    parked = None
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
            parked = structs.replace(parked, terms=terms)
            if not around.sent:
                return parked
    return Mapped(
        record=record,
        document=document,
        body=body,
        hash=content_hash(body),
        references=references,
        instead=parked,
        terms=terms,
    )


def _said_of(
    record: Record, references: Sequence[Reference], document: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return a figure's document with what it is of: the same figure of another SKU, at another
    place or in another currency, is another one.
    """
    what = {one.kind: one.value for one in references}
    if isinstance(record, Price):
        what["currency"] = record.currency
    return {"of": what, **document}


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
