"""The two native Kubernetes kinds Knect reads from files: Secret and ConfigMap.

Why: `knect run -f DIR` works without a cluster, on the same files.
Must not: let a secret value reach a repr, a dump or a message; they are SecretText from the start.
"""

import base64
import binascii
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator

from knect.api.fields import ApiModel, Bool, SecretText, Text
from knect.api.metadata import ObjectMeta

__all__ = ["ConfigMap", "DataKey", "Secret"]

DataKey = Annotated[
    str, StringConstraints(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$", strict=True)
]
_Value = Annotated[SecretText, Field(max_length=65536)]


class Secret(ApiModel):
    """A Secret. `stringData` values may be `env:NAME` or `file:PATH` in local documents."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["Secret"] = "Secret"
    metadata: ObjectMeta
    type: Text = "Opaque"
    immutable: Bool = False
    data: Annotated[dict[DataKey, _Value], Field(max_length=64)] = Field(default_factory=dict)
    string_data: Annotated[dict[DataKey, _Value], Field(max_length=64)] = Field(
        default_factory=dict
    )

    @field_validator("data", mode="after")
    @classmethod
    def _is_base64(cls, data: dict[str, SecretText]) -> dict[str, SecretText]:
        for key, value in data.items():
            try:
                base64.b64decode(value.get_secret_value(), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise ValueError(
                    f"data.{key} is not base64 of a UTF-8 text; write it under stringData instead"
                ) from None
        return data

    @property
    def name(self) -> str:
        """Return the name."""
        return self.metadata.name

    def values(self) -> dict[str, SecretText]:
        """Return every key with its plain value; `stringData` wins, references unresolved."""
        plain = {
            key: SecretText(base64.b64decode(value.get_secret_value()).decode())
            for key, value in self.data.items()
        }
        return plain | self.string_data


class ConfigMap(ApiModel):
    """A ConfigMap: here, a table that translates values."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["ConfigMap"] = "ConfigMap"
    metadata: ObjectMeta
    immutable: Bool = False
    data: Annotated[
        dict[DataKey, Annotated[str, Field(max_length=1_048_576)]], Field(max_length=10_000)
    ] = Field(default_factory=dict)
    binary_data: Any = None

    @property
    def name(self) -> str:
        """Return the name."""
        return self.metadata.name

    @classmethod
    def named(cls, name: str, data: dict[str, str]) -> Self:
        """Return a ConfigMap with that content."""
        return cls(metadata=ObjectMeta(name=name), data=data)
