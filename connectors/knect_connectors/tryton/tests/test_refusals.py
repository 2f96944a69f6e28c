"""Each sentence of Tryton becomes the right class, field and value."""

from typing import Any

import pytest

from knect.sdk import errors
from knect_connectors.tryton.refusals import error_of, is_duplicate


def user_error(message: Any, description: Any = "", domain: Any = None) -> Any:
    return error_of("model.sale.sale.create", ["UserError", [message, description, domain]])


@pytest.mark.parametrize(
    ("message", "kind", "path", "value"),
    [
        (
            'The value "Ann, A 1" for field "Invoice Address" in record "[1001]" of "Sale" is not'
            " valid according to its domain.",
            errors.Refused,
            "Invoice Address",
            "Ann, A 1",
        ),
        (
            'A value is required for field "Party" in record "[1001]" of "Sale".',
            errors.Refused,
            "Party",
            None,
        ),
        (
            'The number of digits in the value "\'2.5\'" for field "Quantity" in record "3 u" of'
            ' "Sale Line" exceeds the limit of "(None, 0)".',
            errors.Refused,
            "Quantity",
            "'2.5'",
        ),
        ("Something a module of the customer says.", errors.Refused, None, None),
        ('You are not allowed to access "Product".', errors.ScopeMissing, None, None),
        ('Calling button "confirm on "Sale" is not allowed.', errors.ScopeMissing, None, None),
        ('You can not call "confirm" on "1" of "Sale".', errors.Refused, None, None),
    ],
)
def test_a_refusal_names_field_and_value(message: Any, kind: Any, path: Any, value: Any) -> None:
    error = user_error(message)
    assert type(error) is kind
    assert (error.path, error.value) == (path, value)
    assert error.answered


def test_the_groups_that_lack_a_right_are_told() -> None:
    error = user_error('You are not allowed to access "Product".', "Within groups: Sales")
    assert error.message.endswith("Within groups: Sales")


def test_the_listing_of_the_whole_model_is_left_out() -> None:
    error = user_error("No.", "", [[["party", "=", None]], {"party": {"string": "Party"}}])
    assert "Party" not in error.message


@pytest.mark.parametrize(
    "error",
    [
        ["UserError", ["The code on party must be unique.", "", None]],
        ["ConcurrencyException", "Records were modified in the meanwhile"],
    ],
)
def test_a_clash_of_two_writers_is_tried_again_and_known_not_to_have_written(error: Any) -> None:
    clash = error_of("model.party.party.create", error)
    assert type(clash) is errors.RetryLater
    assert clash.answered


def test_our_own_id_being_there_already_is_told_apart() -> None:
    assert is_duplicate(user_error("The web ID on the sale must be unique per shop."))
    assert not is_duplicate(user_error("The code of the party must be unique."))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (["UserWarning", ["key", "Really?", ""]], errors.WaitForPerson),
        (["ConcurrencyException", "Records were modified in the meanwhile"], errors.RetryLater),
        (["'web.shop'", ""], errors.Fatal),
        (["division by zero", "Traceback …"], errors.UnexpectedAnswer),
        ({"unheard": "of"}, errors.UnexpectedAnswer),
        (None, errors.UnexpectedAnswer),
    ],
)
def test_other_errors_are_what_they_mean(error: Any, kind: Any) -> None:
    assert type(error_of("model.sale.sale.create", error)) is kind


def test_a_traceback_of_the_server_is_not_passed_on() -> None:
    error = error_of("m", ["division by zero", "Traceback: /srv/secret/path.py"])
    assert "Traceback" not in error.message
