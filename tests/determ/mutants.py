"""The engine with one important step taken away: what the schedules must be able to find.

Why: a search that finds nothing in broken code proves nothing about whole code.
Must not: break more than the one step each names.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import true

from knect.engine.delivering import delivery, effect_rows, hindsight, looks, planning, stages
from knect.engine.delivering.job import Job
from knect.engine.reading import audience, feed_windows
from knect.engine.working import receiver
from knect.ledger import actions, anew, claims, inbox, outcomes, retention, sightings, supersede
from knect.ledger.store.sets import Rows

__all__ = ["KEPT", "MUTANTS", "SELDOM"]

Mutate = Callable[[pytest.MonkeyPatch], None]


def _no_fence(patch: pytest.MonkeyPatch) -> None:
    """Whoever lost its lease commits all the same."""
    patch.setattr(outcomes, "_still_held", lambda _c, fences: set(fences))


def _no_write_ahead(patch: pytest.MonkeyPatch) -> None:
    """Nothing is written before it is sent."""
    patch.setattr(outcomes, "write_effects", _only_settled(outcomes.write_effects))


def _only_settled(write: Any) -> Any:
    return lambda c, effects: write(c, [e for e in effects if e.state != "ahead"])


def _no_look_up(patch: pytest.MonkeyPatch) -> None:
    """What may exist is not looked for."""
    patch.setattr(delivery, "may_exist", lambda _job, _spec: False)


def _no_settle(patch: pytest.MonkeyPatch) -> None:
    """A look-up that finds nothing is believed at once."""
    patch.setattr(delivery, "settles_in", lambda _job, _spec, **_: 0.0)


def _no_key_lease(patch: pytest.MonkeyPatch) -> None:
    """Everybody may write every business key."""
    patch.setattr(outcomes, "take_keys", lambda _c, names, _now: set(names))


def _unknown_is_failed(patch: pytest.MonkeyPatch) -> None:
    """A write without an answer is taken for one that did not happen."""
    patch.setattr(effect_rows, "UNCERTAIN", ())


def _no_lease_check(patch: pytest.MonkeyPatch) -> None:
    """A request is sent without asking whose it is by now."""
    patch.setattr(delivery.Courier, "_still_ours", lambda _self, jobs: list(jobs))
    patch.setattr(looks.Looks, "deadline", lambda _self: 60.0)
    patch.setattr(delivery, "covers_all", lambda _lease, _moments: True)


def _no_last_look(patch: pytest.MonkeyPatch) -> None:
    """The lease is looked at, but not when the first byte leaves."""
    patch.setattr(delivery, "covers_all", lambda _lease, _moments: True)


def _takeover_keeps_time(patch: pytest.MonkeyPatch) -> None:
    """Settle times are counted from when a dead worker wrote ahead."""
    patch.setattr(claims, "_mark_interrupted", lambda *_a, **_w: {})


def _cursor_before_rows(patch: pytest.MonkeyPatch) -> None:
    """The cursor moves when a window begins."""
    bound = feed_windows.bound_window

    def early(connection: Any, window: int, since_us: int, until_us: int, whom: Any) -> None:
        bound(connection, window, since_us, until_us, whom)
        connection.exec_driver_sql(
            "update feeds set cursor_us = ? where seq = (select feed from windows where seq = ?)",
            (until_us + 180_000_000, window),
        )
        connection.exec_driver_sql("update windows set closed_us = 1 where seq = ?", (window,))

    patch.setattr(feed_windows, "bound_window", early)


def _no_repeat_check(patch: pytest.MonkeyPatch) -> None:
    """What was seen before is recorded again."""
    patch.setattr(feed_windows, "latest_versions", lambda *_a: {})


def _repeated_hints(patch: pytest.MonkeyPatch) -> None:
    """An event that comes twice is another event."""
    store, number = inbox.store_hints, iter(range(10**9))

    def every(connection: Any, name: str, hints: Any) -> int:
        there = {row[0] for row in connection.exec_driver_sql("select event_id from inbox")}
        again = [
            {**h, "event_id": f"{h['event_id']}/{next(number)}" if h["event_id"] in there else h["event_id"]}
            for h in hints
        ]  # fmt: skip
        return store(connection, name, again)

    patch.setattr(receiver, "store_hints", every)


def _acknowledge_first(patch: pytest.MonkeyPatch) -> None:
    """A webhook is answered before it is on disk."""

    async def nothing(_self: Any, _name: str, _rows: Any) -> None:
        return None

    patch.setattr(receiver.Receiver, "_store", nothing)


def _no_order_per_key(patch: pytest.MonkeyPatch) -> None:
    """A newer version does not wait for the older one."""
    patch.setattr(claims, "_is_first", true)
    patch.setattr(claims, "_DUE", Rows(claims._due(), claims.Claimed))
    patch.setattr(supersede, "supersede_idle", lambda *_a: [])
    patch.setattr(sightings, "supersede_idle", lambda *_a: [])
    patch.setattr(planning.Planner, "nothing_to_do", _always_something)


def _always_something(self: Any, job: Any) -> Any:
    return None


def _supersede_uncertain(patch: pytest.MonkeyPatch) -> None:
    """A newer version ends an older one though nobody knows what that one wrote."""
    patch.setattr(
        sightings,
        "supersede_idle",
        _without_doubt(sightings.supersede_idle),
    )


def _without_doubt(ends: Any) -> Any:
    def every(connection: Any, pipelines: Any, ids: Any, now_us: int) -> Any:
        connection.exec_driver_sql(
            "update effects set state = 'failed' where state in ('ahead', 'unknown') and "
            '"transaction" in (select seq from transactions where holder is null)'
        )
        return ends(connection, pipelines, ids, now_us)

    return every


def _uncounted(patch: pytest.MonkeyPatch) -> None:
    """A page's second half is not counted."""
    count = sightings.count_seen
    patch.setattr(sightings, "count_seen", lambda c, w, p, n: count(c, w, p, n if n < 2 else n - 1))


def _mask_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Sentences show what a mask covers."""
    patch.setattr(Job, "_is_hidden", lambda _self, _path, _value: False)
    patch.setattr(Job, "_without_masked", lambda _self, sentence, _value: sentence)


def _no_binding(patch: pytest.MonkeyPatch) -> None:
    """What a record became is not remembered."""
    patch.setattr(outcomes, "write_bindings", lambda _c, _b: None)


def _no_hindsight(patch: pytest.MonkeyPatch) -> None:
    """A ledger is believed to know all that was done."""
    patch.setattr(hindsight.Hindsight, "doubt", lambda _self, _jobs: None)


def _any_try_is_known(patch: pytest.MonkeyPatch) -> None:
    """A try that failed in an earlier life is the last one there was."""
    patch.setattr(
        hindsight.Hindsight, "_is_known", lambda _self, job: job.effect_name in job.written
    )


def _ended_is_believed(patch: pytest.MonkeyPatch) -> None:
    """What is cancelled is not looked for: this ledger never made it."""
    patch.setattr(planning.Planner, "had_it_lived", lambda _self, _job: None)


def _nothing_missed(patch: pytest.MonkeyPatch) -> None:
    """What only others were given is not remembered."""
    patch.setattr(sightings, "note_missed", lambda *_a, **_w: None)


def _read_on_by_anybody(patch: pytest.MonkeyPatch) -> None:
    """A window that was left open is read on for whoever is there, and no other."""
    patch.setattr(audience.Audience, "is_still", lambda *_a: True)


def _skipped_for_good(patch: pytest.MonkeyPatch) -> None:
    """What a person ends while nobody can tell of its write is forgotten with it."""
    patch.setattr(actions, "let_arrive", lambda *_a: None)


def _behind_what_waits(patch: pytest.MonkeyPatch) -> None:
    """A replay of what has not ended makes a new transaction behind it."""
    patch.setattr(anew, "OPEN", ())


def _counted_where_seen(patch: pytest.MonkeyPatch) -> None:
    """Retention takes what a later window gave for what the first one showed."""
    patch.setattr(retention, "min", max, raising=False)


def _edited_halfway(patch: pytest.MonkeyPatch) -> None:
    """What is half written goes on with what is set meanwhile."""
    patch.setattr(anew, "_begun", lambda _c, _seqs: set())


def _held_without_a_look(patch: pytest.MonkeyPatch) -> None:
    """A new rule holds what was sent, and nobody looks whether it is there."""
    whole = stages.map_record
    patch.setattr(
        stages, "map_record",
        lambda plan, end, read, around: whole(plan, end, read, structs.replace(around, sent=False)),
    )  # fmt: skip


def _wanted_and_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    """What a person wants anew is taken for there, as it was bound."""
    patch.setattr(stages, "wanted_anew", lambda _jobs: [])


def _bound_to_what_is_gone(patch: pytest.MonkeyPatch) -> None:
    """What is made once more is bound to what was deleted."""
    patch.setattr(delivery, "is_of_what_is_gone", lambda _job, _binding: False)


#: What is taken away, by the sentence that says what happens then.
MUTANTS: Mapping[str, Mutate] = {
    mutate.__name__.strip("_"): mutate
    for mutate in (
        _no_fence, _no_write_ahead, _no_look_up, _no_settle, _no_key_lease, _unknown_is_failed,
        _no_lease_check, _no_last_look, _takeover_keeps_time, _cursor_before_rows, _no_repeat_check,
        _repeated_hints, _acknowledge_first, _no_order_per_key, _supersede_uncertain,
        _uncounted, _mask_forgotten, _no_binding, _no_hindsight, _any_try_is_known,
        _ended_is_believed, _nothing_missed, _read_on_by_anybody, _skipped_for_good,
        _behind_what_waits, _counted_where_seen, _held_without_a_look, _edited_halfway,
        _wanted_and_not_looked_for, _bound_to_what_is_gone,
    )
}  # fmt: skip
#: Those that show themselves in one schedule of many, by one before which they did not:
#: looking there again takes longer than half of the others do together.
SELDOM: Mapping[str, int] = {
    "no_fence": 105, "supersede_uncertain": 50, "no_key_lease": 50, "no_last_look": 390,
    "any_try_is_known": 3260, "nothing_missed": 9465, "read_on_by_anybody": 1450,
    "ended_is_believed": 585, "skipped_for_good": 675, "behind_what_waits": 480,
    "counted_where_seen": 1320, "edited_halfway": 5650535, "wanted_and_not_looked_for": 5700106,
    "bound_to_what_is_gone": 5700135,
}  # fmt: skip
#: Those that show themselves in none of thousands, by the kept schedule that found the same.
KEPT: Mapping[str, str] = {
    "held_without_a_look": "a new rule holds nothing before it is known what was sent",
}
