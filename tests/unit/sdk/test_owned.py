"""What a pipeline has to own is told by name, all of it at once."""

import pytest

from knect.sdk.errors import Fatal
from knect.sdk.owned import require_owned


def test_what_cannot_be_left_out_is_named() -> None:
    names = ("lines", "trackings", "order")
    require_owned({"lines": [], "trackings": None, "order": "1"}, "a shipment", names)
    with pytest.raises(Fatal, match="a shipment cannot be written without trackings, order;") as e:
        require_owned({"lines": []}, "a shipment", names)
    assert e.value.path == "mapping.owns.trackings"
