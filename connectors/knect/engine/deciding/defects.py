"""What is said when Knect itself, or a connector, fails on what it was given.

Why: nobody foresees all that a system sends. Whatever it is, it stops the record or the feed it
came with, in a sentence, and never the process with all that others have in hand.
Must not: say what the error says; it may hold what nobody is to see. The log has where it was.
"""

from knect.sdk.errors import Fatal

__all__ = ["failed_on_it", "failed_while"]


def failed_on_it(error: Exception) -> Fatal:
    """Return what is said of a record that something failed on."""
    return Fatal(f"Knect itself failed on it ({type(error).__name__}); the log says where")


def failed_while(what: str, error: Exception) -> Fatal:
    """Return what is said of `what` was being done: reading acme-shop/orders."""
    return Fatal(f"Knect itself failed while {what} ({type(error).__name__}); the log says where")
