"""What is asked and answered, as values: the same on the wire and beside a ledger.

Why: a command prints one of these, wherever it came from. Must not: hold what is masked, or how.
"""

from msgspec import Struct, field

from knect.ledger.questions.activity import Action
from knect.ledger.questions.checks import Finding
from knect.ledger.questions.connections import ConnectionState
from knect.ledger.questions.details import CallLine, EffectLine
from knect.ledger.questions.explaining import Explained
from knect.ledger.questions.queries import Coverage, Equation, Summary
from knect.ledger.questions.stopped import StuckGroup
from knect.ledger.questions.unattended import Unattended
from knect.ledger.questions.waits import UnmappedValue
from knect.model import Edit

__all__ = [
    "Activity",
    "Connections",
    "Done",
    "Explanation",
    "Found",
    "Groups",
    "Listed",
    "Mapped",
    "Mapping",
    "Shown",
    "Sums",
    "Values",
    "Wish",
]


class Found(Struct, frozen=True, kw_only=True):
    """Where a key leads. `others`: row id -> how many more wait for the same. `like`: names like a
    key that leads nowhere.
    """

    items: list[Summary]
    feeds: list[Coverage]
    others: dict[int, int] = field(default_factory=dict)
    forgotten: int = 0
    truncated: bool = False
    trace: str | None = None
    like: list[str] = field(default_factory=list)


class Listed(Struct, frozen=True, kw_only=True):
    """Transactions, newest first; a page of them."""

    items: list[Summary]
    truncated: bool = False
    trace: str | None = None


class Shown(Struct, frozen=True, kw_only=True):
    """One transaction; or the `several` its beginning fits, and nothing else.

    `payloads`: side -> JSON text, with what is masked blanked out.
    """

    one: Summary | None = None
    several: list[Summary] = field(default_factory=list)
    effects: list[EffectLine] = field(default_factory=list)
    calls: list[CallLine] = field(default_factory=list)
    payloads: dict[str, str] = field(default_factory=dict)
    trace: str | None = None


class Explanation(Struct, frozen=True, kw_only=True):
    """What is known of the numbers behind a SKU."""

    sku: str
    items: list[Explained]
    feeds: list[Coverage]


class Groups(Struct, frozen=True, kw_only=True):
    """What is stopped, by cause; a page of it. `unread`: the feeds whose reading fails.
    `unattended`: what nobody works on.
    """

    items: list[StuckGroup]
    truncated: bool = False
    unread: list[Coverage] = field(default_factory=list)
    unattended: list[Unattended] = field(default_factory=list)


class Values(Struct, frozen=True, kw_only=True):
    """What destinations do not know; a page of it."""

    items: list[UnmappedValue]
    truncated: bool = False


class Activity(Struct, frozen=True, kw_only=True):
    """What people did, newest first; a page of it."""

    items: list[Action]
    truncated: bool = False


class Connections(Struct, frozen=True, kw_only=True):
    """How each Connection is, with its calls since `since_us`."""

    items: list[ConnectionState]
    since_us: int


class Sums(Struct, frozen=True, kw_only=True):
    """Does it add up? `held`: something waits, was rejected or is unknown.

    `more_warnings`: so many are not among the `warnings`, of which there may be as many as records.
    """

    sums: list[Equation]
    feeds: list[Coverage]
    warnings: list[Finding]
    stopped: int
    oldest_us: int | None
    held: bool
    more_warnings: int = 0
    unattended: list[Unattended] = field(default_factory=list)


class Wish(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Act on what all parts of the selector name. `yes`: also more than 100.

    `edits`: what is set in the records; `as_read`: and nothing of what was set before. `as_then`:
    replayed by the mapping of that time.
    """

    words: tuple[str, ...] = ()
    because: str | None = None
    pipeline: str | None = None
    everything: bool = False
    reason: str | None = None
    dry_run: bool = False
    yes: bool = False
    edits: tuple[Edit, ...] = ()
    as_read: bool = False
    as_then: bool = False


class Mapping(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a value means at a destination; without one, the only place where it is waited for."""

    kind: str
    value: str
    mapped: str
    destination: str | None = None
    reason: str | None = None


class Done(Struct, frozen=True, kw_only=True):
    """How many transactions a wish meant; `ids` are those of new ones, a hundred at most."""

    count: int
    ids: list[str] = field(default_factory=list)


class Mapped(Struct, frozen=True, kw_only=True):
    """Where the value was mapped, and how many that waited for it go on."""

    destination: str
    woke: int
