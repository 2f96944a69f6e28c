"""A world that lacks nothing: two Connections, their Secrets and a ledger."""

import copy

from tests.support.kube.bench import Bench
from tests.support.kube.objects import a_ledger_secret, a_secret, a_shop, an_erp

from knect.api.report import Verdict, VerdictState

WHOLE = (
    a_shop(),
    an_erp(),
    a_secret("shop", accessToken="shpat_x"),
    a_secret("erp", username="knect", password="pw"),
    a_ledger_secret(),
)


def whole(*more, **settings):
    """Return a bench of that world and more."""
    return Bench(*copy.deepcopy(WHOLE), *more, **settings)


def bad(reason, message="it says so"):
    """Return what a worker says of what is wrong."""
    return Verdict(state=VerdictState.FALSE, reason=reason, message=message)
