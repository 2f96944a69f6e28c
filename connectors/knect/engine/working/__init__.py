"""Processes: a run, a worker that stays, a receiver; how they begin, look after themselves and end.

Why: what reads and delivers is the same in all of them; what differs is how long it lives, who asks
it for something and whom it reports to. Must not: decide a fate.
"""

__all__: list[str] = []
