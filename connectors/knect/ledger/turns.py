"""Whose turn something is that only one process may do at a time, by a row of the ledger.

Must not: be held across anything that may take longer than its lease.
"""

from sqlalchemy import Connection, or_, update

from knect.ledger import schema as s
from knect.ledger.store.upserts import insert_ignore

__all__ = ["give_turn_back", "take_turn"]


def take_turn(
    connection: Connection, name: str, *, holder: str, now_us: int, lease_us: int
) -> bool:
    """Take a turn unless another holder has it; return whether it is ours until the lease ends."""
    row = {"name": name, "holder": holder, "fence": 0, "expires_us": 0}
    connection.execute(insert_ignore(connection, s.leases), row)
    lease = s.leases.c
    taken = connection.execute(
        update(s.leases)
        .where(lease.name == name, or_(lease.holder == holder, lease.expires_us <= now_us))
        .values(holder=holder, fence=lease.fence + 1, expires_us=now_us + lease_us)
    )
    return bool(taken.rowcount)


def give_turn_back(connection: Connection, name: str, *, holder: str) -> None:
    """Let the next one have it."""
    lease = s.leases.c
    connection.execute(
        update(s.leases).where(lease.name == name, lease.holder == holder).values(expires_us=0)
    )
