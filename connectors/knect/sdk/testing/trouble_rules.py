"""Rules for bad days: error classes, webhooks, secrets; and writing once.

Must not: know a connector; what a rule needs is done through the bench.
"""

import re
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from knect.api.manifest import EntityManifest, Manifest, Once
from knect.sdk import errors
from knect.sdk.contract import Call, Delivered
from knect.sdk.testing.bench import Bench
from knect.sdk.testing.faults import Fault
from knect.sdk.testing.source_rules import START

__all__ = [
    "credentials_refused_wait_for_a_person",
    "errors_are_classified",
    "webhooks_are_verified",
    "what_was_written_is_there",
    "writes_are_made_once",
]

#: No document of a bench has this number.
_NO_NUMBER = "98765"
#: More requests than any connector tries by itself.
_LASTING = 60
#: By the system itself, or by what stands in front of it.
_NOT_ANSWERED = (errors.UnexpectedAnswer, errors.Unreachable)
_CLASSES: Mapping[Fault, tuple[type[errors.ConnectorError], ...]] = {
    Fault.SERVER_ERROR: _NOT_ANSWERED,
    Fault.HTML: _NOT_ANSWERED,
    Fault.MALFORMED: (errors.UnexpectedAnswer,),
    Fault.TRUNCATED: (errors.Unreachable,),
    Fault.COMMIT_THEN_DROP: (errors.Unreachable,),
}


async def _error(act: Callable[[], Awaitable[object]]) -> errors.ConnectorError:
    try:
        result = await act()
    except errors.ConnectorError as error:
        return error
    raise AssertionError(f"no error, but {result!r}")


async def errors_are_classified(bench: Bench, entity: str, _: EntityManifest) -> None:
    """A lasting trouble is a retry class of its own; a passing one harms no record."""
    del entity
    for fault, expected in _CLASSES.items():
        await bench.connector.check()  # it is logged in, so that the check itself meets the fault
        bench.fail(*[fault] * _LASTING)
        error = await _error(bench.connector.check)
        bench.fail()
        assert isinstance(error, expected), f"{fault}: {type(error).__name__}: {error.message}"
        assert error.could_have_been_seen, f"{fault}: the server did see it"
    await bench.connector.check()
    bench.fail(*[Fault.THROTTLED] * _LASTING)
    throttled = await _error(bench.connector.check)
    bench.fail()
    assert isinstance(throttled, errors.Throttled)
    assert throttled.retry_after is not None, "the server's advice was lost"
    await bench.connector.check()


async def credentials_refused_wait_for_a_person(
    bench: Bench, entity: str, _: EntityManifest
) -> None:
    """Refused credentials are no retry, and no secret is in what is said of them."""
    del entity
    bench.revoke()
    error = await _error(bench.connector.check)
    assert isinstance(error, errors.CredentialsRejected), type(error).__name__
    said = f"{error!r} {error.message} {error.value} {error.__cause__!r} {error.__context__!r}"
    assert not [secret for secret in bench.secrets if secret in said], "a secret was said"


async def webhooks_are_verified(bench: Bench, entity: str, _: EntityManifest) -> None:
    """A genuine one says where to look, always by the same name; anything altered is refused."""
    webhooks = bench.connector.webhooks
    assert webhooks is not None, "the manifest has webhooks, but the connector has none"
    (identifier,) = await bench.create(entity, [START])
    request = bench.webhook(entity, identifier)
    hints = webhooks.verify(request)
    assert [(hint.entity, hint.id) for hint in hints] == [(entity, identifier)]
    assert webhooks.verify(request) == hints, "a repeated delivery has another event id"
    unsigned = {name: value for name, value in request.headers.items() if "hmac" not in name}
    unsigned = {name: value for name, value in unsigned.items() if "signature" not in name}
    for altered in (
        msgspec.structs.replace(request, body=request.body + b" "),
        msgspec.structs.replace(request, body=b""),
        msgspec.structs.replace(request, headers=unsigned),
    ):
        try:
            webhooks.verify(altered)
        except errors.CredentialsRejected:
            continue
        raise AssertionError("a forged webhook was accepted")


async def writes_are_made_once(bench: Bench, manifest: Manifest) -> None:
    """Every write is found by its external id, and sending it again makes nothing new."""
    destination = bench.connector.destination
    assert destination is not None, "the manifest writes, but there is no destination"
    given: dict[str, str] = {}
    for effect in await bench.effects():
        needed = {name: given[name] for name in effect.needs}
        call = Call(effect=effect, given=needed, idempotency_key=f"{effect.external_id}-key")
        write = manifest.writes[effect.write]
        if write.once is not Once.NONE:
            before = list(await destination.lookup([call]))
            assert before == [None], f"{effect.name}: found before it was written"
        (outcome,) = await destination.write([call])
        assert outcome.error is None, f"{effect.name}: {outcome.error}"
        assert outcome.found is not None, f"{effect.name}: neither found nor error"
        given[effect.name] = outcome.found.destination_id
        if write.once is Once.NONE:
            continue
        (found,) = await destination.lookup([call])
        assert found is not None, f"{effect.name}: not found by its external id"
        assert found.destination_id == outcome.found.destination_id, f"{effect.name}: another id"
        count = await bench.documents()
        (again,) = await destination.write([call])
        assert await bench.documents() == count, f"{effect.name}: sent twice, made twice"
        if again.found is not None:
            assert again.found.destination_id == found.destination_id, f"{effect.name}: another id"
        else:
            assert again.error is not None
            assert again.error.answered, f"{effect.name}: a repeated write ends as unknown"


async def what_was_written_is_there(bench: Bench, manifest: Manifest) -> None:
    """An audit, which has no content, finds what was delivered, and does not find what was not."""
    del manifest
    destination = bench.connector.destination
    assert destination is not None, "the manifest writes, but there is no destination"
    given: dict[str, str] = {}
    for effect in await bench.effects():
        needed = {name: given[name] for name in effect.needs}
        call = Call(effect=effect, given=needed, idempotency_key=f"{effect.external_id}-key")
        (outcome,) = await destination.write([call])
        assert outcome.found is not None, f"{effect.name}: {outcome.error}"
        given[effect.name] = outcome.found.destination_id
        if not effect.primary:
            continue
        made = Delivered(
            entity=effect.entity,
            external_id=effect.external_id,
            destination_id=outcome.found.destination_id,
        )
        gone = msgspec.structs.replace(
            made,
            external_id=f"{made.external_id}-gone",
            destination_id=re.sub(r"\d+", _NO_NUMBER, made.destination_id),
        )
        asked = list(await destination.present([gone, made, gone]))
        assert asked == [False, True, False], f"{effect.name}: of one that is there: {asked}"
    assert list(await destination.present([])) == []
