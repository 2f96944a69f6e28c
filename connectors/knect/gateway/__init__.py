"""`knect api`: the questions and wishes of people, asked over HTTP with a person's own rights.

Why: nobody needs a database's address on a laptop. Who somebody is and what they may, the cluster
decides (TokenReview, SubjectAccessReview); this asks it, and asks the ledger of one namespace.
The questions themselves are values and functions that the command line uses on a ledger, too, so
that both say the same. Must not: know how anything is printed, or import a Kubernetes client.
"""

from knect.gateway.refusal import Refusal

__all__ = ["Refusal"]
