"""What people and time do to a ledger: retry, skip, replay, edit; and what is old enough is let go of.

Why: a person acts between any two steps of a worker, and retention removes what a worker may be about
to ask for. Must not: wait for workers; people do not.
"""

from typing import Any

from tests.determ.losses import Losses
from tests.determ.setting import BY_HAND, SKUS

from knect.engine.working.requests import Request, perform
from knect.ledger.retention import RetentionPolicy, retire_slice
from knect.model import Edit

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

    def do_approve(self, a: int, b: int) -> None:
        """Somebody lets pass what a rule holds: one record, or all."""
        self._ask("approve", a, b)
        rows = self.database.raw.execute(
            "select v.connection, t.source_id, v.token from transactions t "
            "join versions v on v.seq = t.version where t.approved is not null"
        )
        for shop, record, token in rows:
            self.approved |= {(shop, one) for one in self.shops[shop].notes[record, token]}

    def do_map(self, a: int, _b: int) -> None:
        """Somebody says what the ERP calls the SKU it does not know; or says it wrongly."""
        self._map(("KN-X", SKUS[0], SKUS[1])[a % 3])

    def correct(self) -> None:
        """What was said wrongly is said rightly, wherever it stands."""
        if self.database.raw.execute("select 1 from value_maps where mapped = 'KN-X'").fetchone():
            self._map(SKUS[0])

    def _map(self, mapped: str) -> None:
        self._perform(
            Request(
                verb="map", actor="ana", destination="erp", kind="sku", value=SKUS[2], mapped=mapped
            )
        )

    def do_amend(self, a: int, b: int) -> None:
        """Somebody sets another e-mail in a record, or takes that back: of one, or of all stopped."""
        as_read = b % 3 == 0
        edits = () if as_read else (Edit(path="customer.email", value=BY_HAND),)
        self._ask("edit", a, b, edits=edits, as_read=as_read)

    def want_back(self) -> None:
        """Somebody has all orders delivered anew, of which some were deleted in the ERP; what the
        ledger has let go of is entered there by hand.
        """
        known = "select 1 from transactions t join versions v on v.seq = t.version"
        for identifier, document in list(self.erp.gone.items()):
            shop, _, record = document["external_id"].partition(":")
            whose = f"{known} where v.connection = ? and v.source_id = ?"
            if not self.database.raw.execute(whose, (shop, record)).fetchone():
                self.erp.put_back(identifier)
        self._perform(Request(verb="replay", actor="ana", reason="they were deleted"))

    def _ask(self, verb: str, a: int, b: int, **more: Any) -> None:
        raw = self.database.raw
        keys = [row[0] for row in raw.execute("select distinct key from transactions order by key")]
        if not keys:
            return
        which = (keys[a % len(keys)],) if b % 4 else ()
        self._perform(Request(verb=verb, actor="ana", reason="as agreed", keys=which, **more))

    def _perform(self, wish: Request) -> None:
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
