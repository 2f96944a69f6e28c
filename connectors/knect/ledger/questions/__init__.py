"""What is asked of a ledger: where is it, what is stuck, since when, does it add up.

Why: answers for people, metrics, stories and audits are read from the same rows that work is done
on. Must not: change them, but for noting what an audit found.
"""

__all__: list[str] = []
