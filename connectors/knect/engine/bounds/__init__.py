"""Until when, how often, and whether at all: what every kind of work keeps to.

Why: leases, the clock they are measured on, a Connection's allowance and its gate, and the pulse of
a process hold for reading and delivering alike. Must not: know what the work is.
"""

__all__: list[str] = []
