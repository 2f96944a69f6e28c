"""Which of the changes a source shows are versions not seen before, and what they are called.

Why: a version is an ordering token and a content; what is stale, what is our own write coming
back and what a record is found by is decided here, once, for all pipelines that read the feed.
Must not: call out, touch the ledger, or decide a fate.
"""

import logging
from collections.abc import Mapping, Sequence

from knect.engine.bounds.ledger_clock import LedgerClock
from knect.engine.deciding.goods import pieces_of
from knect.engine.deciding.keys import keys_of, label_of, normalise
from knect.engine.reading.feed_turn import FeedSettings
from knect.engine.reading.fresh import Fresh, Read
from knect.ledger.instants import to_us
from knect.ledger.payload import content_hash
from knect.ledger.sightings import Latest, Sighting
from knect.model import Record, decode_json, encode_json
from knect.sdk import errors
from knect.sdk.contract import LONGEST_ID, Change, Source

__all__ = ["Sighter", "content_of"]

_log = logging.getLogger("knect.feed")

#: Fields that often hold what people call a record, for records that cannot be read.
_LABELS = ("number", "order_number", "increment_id", "sku", "name")
#: Fields it may be found by as well; a person's address is no label, for labels go into traces.
_NAMES = (*_LABELS, "email")
#: The token of what was asked for and is not there, of which nothing was ever seen: a webhook can
#: come before its record can be read, so whatever is seen of it later is newer.
_NEVER_SEEN = ""
#: The length of an instant in a token without parts of a second.
_SECOND = len("2026-01-01T00:00:00")


class Sighter:
    """Compares what a source shows of one feed with what is recorded."""

    def __init__(
        self, settings: FeedSettings, *, source: Source, clock: LedgerClock, fresh: Fresh
    ) -> None:
        self._settings = settings
        self._key = settings.feed.key
        self._source = source
        self._clock = clock
        self._fresh = fresh

    def new_ones(
        self,
        changes: Sequence[Change],
        known: Mapping[str, Latest],
        own: Mapping[str, str],
        *,
        elsewhere: Mapping[str, Latest],
        takes: bool = False,
    ) -> list[Sighting]:
        """Return what of a page is not recorded yet.

        `known` is the latest recorded version of each id, `own` the version of our own last write,
        `elsewhere` that of ids which only other feeds know. Orders are asked what they take of the
        stock if it `takes` any.
        """
        latest = dict(known)
        found: list[Sighting] = []
        for change in changes:
            name, deleted = change.id, change.deleted
            if len(name) > LONGEST_ID:
                raise errors.UnexpectedAnswer(
                    f"{self._settings.name} has a record with an id of more than {LONGEST_ID}"
                    " characters, which is none; nothing after it is read before it is gone",
                    value=name,
                )
            body, digest = content_of(change)
            before, token = latest.get(name), change.token
            if not token:  # the source orders nothing: what it shows now is the newest
                same = before is not None and before.hash == digest
                token = before.token if same and before else _now_token(self._clock)
            stale = False
            earlier = before or elsewhere.get(name)
            is_first = earlier is None or earlier.token == _NEVER_SEEN
            if deleted and earlier is not None:
                token = _of_the_second(change, token, earlier.token)
            if deleted and is_first:
                token = _NEVER_SEEN
            if before is not None:
                if before.token == token and before.hash == digest:
                    continue
                stale = token < before.token
            if not stale:
                latest[name] = Latest(token, digest)
            label, keys, record = self._names(change, digest, body)
            found.append(
                Sighting(
                    source_id=name,
                    label=label,
                    token=token,
                    hash=digest,
                    at_us=to_us(change.at),
                    deleted=deleted,
                    payload=None if deleted else body,
                    keys=keys,
                    echo=own.get(name) == token,
                    stale=stale,
                    is_first=is_first,
                    pieces=pieces_of(record) if takes else (),
                )
            )
        return found

    @staticmethod
    def old_ones(
        changes: Sequence[Change], known: Mapping[str, Latest]
    ) -> dict[str, tuple[str, bytes]]:
        """Return id -> (hash, content) of what of a page is recorded as it is."""
        found: dict[str, tuple[str, bytes]] = {}
        for change in changes:
            body, digest = content_of(change)
            before = known.get(change.id)
            if before is not None and before.hash == digest and not change.deleted:
                found[change.id] = digest, body
        return found

    def _names(
        self, change: Change, digest: str, body: bytes
    ) -> tuple[str, list[tuple[str, str]], Record | None]:
        """Return what a record is called and found by, and itself; keep it for who maps it.

        It is made of the bytes that are stored, so that it is the same whenever it is mapped.
        """
        if change.deleted:
            return change.id, [("id", normalise(change.id))], None
        try:
            key, wanted = self._key, len(self._settings.pipelines)
            raw = decode_json(body)
            record = self._source.to_record(key.entity, raw)
            name = (key.connection, key.entity, digest)
            self._fresh.keep(name, Read(raw, record), size=len(body), wanted=wanted)
            keys = keys_of(record)
            if record.source_id != change.id:
                keys.append(("id", normalise(change.id)))
            return label_of(record), keys, record
        except errors.BadRecord:
            return *_rescued_names(change), None
        except Exception as error:  # noqa: BLE001 - a record nobody foresaw must not end all reading
            _log.error(
                "defect while reading a record", exc_info=error, extra={"feed": self._settings.name}
            )
            return *_rescued_names(change), None


def content_of(change: Change) -> tuple[bytes, str]:
    """Return what a change shows as it is stored, and the hash of it."""
    if change.deleted:
        return b"", "deleted"
    body = encode_json(change.raw)
    return body, content_hash(body)


def _now_token(clock: LedgerClock) -> str:
    return clock.now().isoformat(timespec="microseconds")


def _of_the_second(gone: Change, token: str, before: str) -> str:
    """Return a tombstone's token, moved up to that of a change in the same second.

    That something is gone is often known by an answer's Date only, which has whole seconds, while
    the change before has parts of one.
    """
    by_seconds = gone.at.microsecond == 0 and token[:_SECOND] == before[:_SECOND]
    return max(token, before) if by_seconds else token


def _rescued_names(change: Change) -> tuple[str, list[tuple[str, str]]]:
    """Return what an unreadable record can be found by: a bad order must be found as well."""
    raw = change.raw if isinstance(change.raw, dict) else {}
    named = {name: str(raw[name]) for name in _NAMES if isinstance(raw.get(name), str | int)}
    keys = [("id", normalise(change.id)), *(("number", normalise(x)) for x in named.values())]
    label = next((named[name] for name in _LABELS if name in named), change.id).removeprefix("#")
    return label, [key for key in keys if key[1]]
