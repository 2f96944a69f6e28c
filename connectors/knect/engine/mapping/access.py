"""Fields, indices and has(): taking values out of records.

The quick way is plain dictionary look-up; only when it fails is the path walked again to find the
culprit and name it. Python attributes are never touched.
Must not: invent a value; what is missing is an error that says where.
"""

from dataclasses import dataclass
from typing import Any

from knect.engine.mapping.errors import ExpressionError
from knect.engine.mapping.frame import Frame, Run, Where
from knect.engine.mapping.paths import join
from knect.engine.mapping.values import describe

__all__ = ["MISSING", "Access", "Field", "Step"]

#: Stands for "there is none" where that is an answer.
MISSING: Any = object()

#: A field's name, or what works out an index.
Step = str | Run


@dataclass(frozen=True, slots=True)
class Field:
    """A field by its name, and the map it is of: by its way (`slot` if a loop's item is all of it),
    and as what gives it.
    """

    name: str
    way: tuple[str | int | None, ...]
    slot: int | None
    owner: Run


class Access:
    """A root and steps.

    `variable` is set when the root is a variable of the scope, `slot` when it is a loop's.
    """

    def __init__(
        self,
        root: Run,
        where_root: Where | None,
        variable: str | None,
        steps: tuple[Step, ...],
        slot: int | None = None,
    ) -> None:
        self._root = root
        self._where_root = where_root
        self._variable = variable
        self._steps = steps
        self._slot = slot

    def run(self) -> Run:
        """Return the closure that takes the value or raises ExpressionError."""
        steps, slow = self._steps, self._slow
        fields = tuple(step for step in steps if isinstance(step, str))
        if len(fields) != len(steps):
            return slow
        if self._variable is not None:
            return _quick(self._variable, fields, slow)
        if self._slot is not None and len(fields) == 1:
            return _quick_item(self._slot, fields[0], slow)
        return slow

    def field(self) -> Field | None:
        """Return what is accessed as a field of a map, None if it cannot be told from the text."""
        *before, last = self._steps
        way = tuple(step for step in before if isinstance(step, str))
        if len(way) != len(before) or not isinstance(last, str):
            return None
        if self._variable is None and self._slot is None:
            return None
        owner = Access(self._root, self._where_root, self._variable, way, self._slot)
        return Field(
            name=last,
            way=(self._variable, self._slot, *way),
            slot=None if way else self._slot,
            owner=owner.run() if way else self._root,
        )

    def soft(self, frame: Frame) -> Any:
        """Return the value, or MISSING if any step of the way is missing or null."""
        value = self._root(frame) if self._variable is None else frame.scope.get(self._variable)
        for step in self._steps:
            if value is None:
                return MISSING
            key = step if isinstance(step, str) else step(frame)
            try:
                value = _take(value, key)
            except KeyError:
                return MISSING
            except ValueError as error:
                raise ExpressionError(str(error), path=self.where(frame), value=value) from None
        return MISSING if value is None else value

    def where(self, frame: Frame) -> str | None:
        """Return the path of the value, for errors."""
        path = self._base(frame)
        if path is None:
            return None
        for step in self._steps:
            path = join(path, step if isinstance(step, str) else _key(step(frame)))
        return path

    def _base(self, frame: Frame) -> str | None:
        if self._variable is not None:
            return self._variable
        return None if self._where_root is None else self._where_root(frame)

    def _slow(self, frame: Frame) -> Any:
        """Walk step by step and raise at the one that fails."""
        value = self._root(frame)
        path = self._base(frame)
        for step in self._steps:
            key = step if isinstance(step, str) else step(frame)
            further = None if path is None else join(path, _key(key))
            try:
                value = _take(value, key)
            except KeyError as error:
                what = f"{key!r}" if further is None else further
                raise ExpressionError(str(error.args[0]), path=what) from None
            except ValueError as error:
                raise ExpressionError(str(error), path=path, value=value) from None
            path = further
        return value


def _key(key: Any) -> str | int:
    return key if isinstance(key, (str, int)) else str(key)


def _quick_item(slot: int, field: str, slow: Run) -> Run:
    """Return the quickest closure for a field of a loop's item."""

    def run(frame: Frame) -> Any:
        try:
            return frame.slots[slot][field]
        except (KeyError, TypeError):
            return slow(frame)

    return run


def _quick(variable: str, fields: tuple[str, ...], slow: Run) -> Run:
    """Return the quickest closure for a variable of the scope and one, two or more fields."""
    if len(fields) == 1:
        (only,) = fields

        def run_one(frame: Frame) -> Any:
            try:
                return frame.scope[variable][only]
            except (KeyError, TypeError):
                return slow(frame)

        return run_one
    if len(fields) == 2:
        first, second = fields

        def run_two(frame: Frame) -> Any:
            try:
                return frame.scope[variable][first][second]
            except (KeyError, TypeError):
                return slow(frame)

        return run_two

    def run_many(frame: Frame) -> Any:
        try:
            value = frame.scope[variable]
            for field in fields:
                value = value[field]
        except (KeyError, TypeError):
            return slow(frame)
        return value

    return run_many


def _take(value: Any, key: Any) -> Any:
    """Take one step. Raises KeyError if it is not there, ValueError if it cannot be."""
    kind = type(value)
    if kind is dict:
        if type(key) is not str:
            raise ValueError(f"is a map; its keys are texts, not {describe(key)}")
        if key in value:
            return value[key]
        raise KeyError("no such field")
    if kind in (list, tuple):
        if type(key) is not int:
            hint = f"; list.map(x, x.{key}) takes it of each" if isinstance(key, str) else ""
            raise ValueError(f"is a list; its items are taken by number{hint}")
        if 0 <= key < len(value):
            return value[key]
        raise KeyError(f"no such item; the list has {len(value)}")
    if value is None:
        raise ValueError(f"is null, so it has no field {key!r}")
    raise ValueError(f"is {describe(value)} and has no fields")
