"""From a claimed transaction to a known fate at its destination.

Why: section 4 of the design after "discovered": map, resolve, plan, write ahead, call, settle; each
write at most once in effect, whatever dies on the way. Must not: read feeds, or know of processes.
"""

__all__: list[str] = []
