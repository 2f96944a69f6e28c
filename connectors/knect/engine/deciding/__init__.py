"""What a record means and what is to become of it, decided from values alone.

Why: whoever asks "why did it do that?" finds the answer here, and can ask it again in a test with
nothing but values: keys, masks, mapping, guard rails, verdicts, the policy for what goes wrong.
Must not: wait, call out, read a clock or a ledger.
"""

__all__: list[str] = []
