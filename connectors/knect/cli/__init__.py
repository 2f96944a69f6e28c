"""The `knect` command: each subcommand in a module of its own, imported when it is called.

Why: `knect --help` answers in under 200 ms, and a command pays only for what it uses.
Must not: decide anything; the CLI asks and prints.
"""

__all__: list[str] = []
