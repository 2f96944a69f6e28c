"""What all ledgers of this suite share."""

from tests.support.statements import keep_compiled

keep_compiled()
