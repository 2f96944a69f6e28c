"""What people and time do to a ledger: retry, skip, replay; and what is old enough is let go of.

Why: a person acts between any two steps of a worker, and retention removes what a worker may be about
to ask for. Must not: wait for workers; people do not.
"""

from tests.determ.losses import Losses

from knect.engine.working.requests import Request, perform
from knect.ledger.retention import RetentionPolicy, retire_slice

__all__ = ["People"]

#: Ages at which transactions are let go of, in seconds.
_AGES = (0, 5, 30, 120)


class People(Losses):
    """What people do to transactions, and the housekeeper to all of it."""

    def do_insist(self, a: int, b: int) -> None:
        """Somebody tries what is stopped again: one record, or all."""
        self._ask("retry", a, b)

    def do_skip(self, a: int, b: int) -> None:
        """Somebody ends what is stopped: one record, or all."""
        self._ask("skip", a, b)

    def do_replay(self, a: int, b: int) -> None:
        """Somebody has something delivered anew: one record, or all."""
        self._ask("replay", a, b)

    def _ask(self, verb: str, a: int, b: int) -> None:
        raw = self.database.raw
        keys = [row[0] for row in raw.execute("select distinct key from transactions order by key")]
        if not keys:
            return
        which = (keys[a % len(keys)],) if b % 4 else ()
        wish = Request(verb=verb, actor="ana", reason="as agreed", keys=which)
        now_us = int(self.clock.now().timestamp() * 1e6)
        with self.database.within():
            perform(self.database.connection, wish, now_us=now_us, new_id=self._new_id)

    def do_tidy(self, a: int, b: int) -> None:
        """What is old enough is let go of; contents sooner than the rest, or all at once."""
        age = _AGES[a % len(_AGES)]
        policy = RetentionPolicy(
            transactions_us=age * 1_000_000, payloads_us=age * (1 + b % 2) * 500_000
        )
        now_us = int(self.clock.now().timestamp() * 1e6)

        def retire() -> None:
            anything = True
            while anything:
                with self.database.within():
                    anything = retire_slice(self.database.connection, policy, now_us).anything

        self.memory.keep_what_goes(self.database.raw, retire)
