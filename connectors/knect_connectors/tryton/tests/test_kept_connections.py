"""What trytond keeps of its connections to SQLite: nobody gets one that somebody else still has."""

import sqlite3
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

pytest.importorskip("trytond")

from knect_connectors.tryton.demo.connections import KeptConnections


class Trytonds:
    """As trytond's own class: one connection per object, made when it is first wanted."""

    made = 0

    def __init__(self, name: str) -> None:
        self.name = name
        self._conn: sqlite3.Connection | None = None

    def connect(self) -> "Trytonds":
        if self._conn is None:
            type(self).made += 1
            self._conn = sqlite3.connect(self.name)
        return self

    def get_connection(self) -> sqlite3.Connection | None:
        return self._conn

    def put_connection(self, connection: sqlite3.Connection | None = None) -> None:
        assert connection is self._conn


@pytest.fixture
def base(tmp_path: Path) -> Iterator[tuple[Callable[[], Any], type[Trytonds]]]:
    class Database(KeptConnections, Trytonds):
        _idle: ClassVar[defaultdict[str, deque[Any]]] = defaultdict(lambda: deque(maxlen=2))
        made = 0

    def opened() -> Any:
        return Database(str(tmp_path / "erp.sqlite")).connect()

    yield opened, Database
    for idle in Database._idle.values():
        for one in idle:
            one.close()


def test_what_was_given_back_is_taken_again(base: Any) -> None:
    opened, kind = base
    for _ in range(3):
        database = opened()
        database.put_connection(database.get_connection())
    assert kind.made == 1


def test_two_at_once_have_one_each(base: Any) -> None:
    opened, kind = base
    first, second = opened(), opened()
    one, other = first.get_connection(), second.get_connection()
    assert one is not other
    first.put_connection(one)
    second.put_connection(other)
    assert kind.made == 2


def test_who_gave_it_back_has_it_no_more(base: Any) -> None:
    opened, kind = base
    first = opened()
    first.put_connection(first.get_connection())
    second = opened()
    taken = second.get_connection()
    again = first.connect().get_connection()
    assert again is not taken
    first.put_connection(again)
    second.put_connection(taken)
    assert kind.made == 2


def test_what_a_transaction_asks_for_twice_is_kept_until_it_has_ended(base: Any) -> None:
    opened, kind = base
    database = opened()
    connection = database.get_connection()
    assert database.get_connection() is connection  # as trytond's cache does in the middle of one
    database.put_connection(connection)
    meanwhile = opened()
    another = meanwhile.get_connection()
    assert another is not connection
    database.put_connection(connection)
    meanwhile.put_connection(another)
    assert kind.made == 2


def test_nobody_gets_what_another_left_unsaid(base: Any) -> None:
    opened, _ = base
    database = opened()
    connection = database.get_connection()
    connection.execute("CREATE TABLE told (word TEXT)")
    connection.execute("INSERT INTO told VALUES ('half')")
    database.put_connection(connection)
    found = opened().get_connection()
    assert found is connection
    assert not found.in_transaction
    assert found.execute("SELECT count(*) FROM told").fetchone() == (0,)
    found.close()
