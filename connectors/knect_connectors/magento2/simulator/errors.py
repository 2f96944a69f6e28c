"""What the API refuses with: a template and what belongs into it, as the platform's own.

Must not: know a route.
"""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["ApiError", "gone", "missing", "not_allowed", "price_error"]

_GONE = "No such entity with %fieldName = %fieldValue"


class ApiError(Exception):
    """A refusal. `parameters` fill the slots of `message`, by number or by name."""

    def __init__(
        self,
        message: str,
        parameters: Sequence[Any] | Mapping[str, Any] = (),
        *,
        status: int = 400,
        errors: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message}
        if errors:
            self.body["errors"] = list(errors)
        if parameters:
            self.body["parameters"] = (
                dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
            )


def gone(field: str, value: Any) -> ApiError:
    """Return the refusal of what is not there."""
    return ApiError(_GONE, {"fieldName": field, "fieldValue": value}, status=404)


def missing(field: str) -> ApiError:
    """Return the refusal of what lacks a field."""
    return ApiError('"%fieldName" is required. Enter and try again.', {"fieldName": field})


def not_allowed(resource: str) -> ApiError:
    """Return the refusal of who may not, or is nobody."""
    message = "The consumer isn't authorized to access %resources."
    return ApiError(message, {"resources": resource}, status=401)


def price_error(message: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row's error of a price call: the names of its parameters are lost on the way."""
    return {"message": message, "parameters": [str(value) for value in parameters.values()]}
