"""Which contacts of a party are changed, and which are put beside what is there."""

from typing import Any

from knect_connectors.tryton.details import contact_edits

_US, _CLERK = 7, 8
_WANTED = {"email": "new@example.com", "phone": None}


def _email(identifier: int, value: str, user: int) -> dict[str, Any]:
    return {
        "id": identifier, "type": "email", "value": value, "create_uid": user, "write_uid": None,
    }  # fmt: skip


def test_one_of_ours_is_changed() -> None:
    there = [_email(1, "old@example.com", _US), _email(2, "clerk@example.com", _CLERK)]
    edits = contact_edits(_WANTED, there, _US)
    assert edits == [["write", [1], {"value": "new@example.com"}]]


def test_what_two_tries_at_one_moment_have_added_is_one() -> None:
    there = [_email(1, "old@example.com", _US), _email(2, "old@example.com", _US)]
    edits = contact_edits(_WANTED, there, _US)
    assert edits == [["write", [1, 2], {"value": "new@example.com"}]]


def test_beside_what_others_typed_and_beside_several_one_is_added() -> None:
    new = [["create", [{"type": "email", "value": "new@example.com"}]]]
    assert contact_edits(_WANTED, [_email(1, "a@example.com", _CLERK)], _US) == new
    several = [_email(1, "a@example.com", _US), _email(2, "b@example.com", _US)]
    assert contact_edits(_WANTED, several, _US) == new


def test_what_is_there_stays_whoever_typed_it() -> None:
    assert contact_edits(_WANTED, [_email(1, "New@Example.com", _CLERK)], _US) == []
