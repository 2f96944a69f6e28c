"""The simulated SQL Server, spoken to by a plain driver and as a process of its own."""

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytds
import pytest
from tests.support.orders import a_line, an_order

from knect.sdk.errors import Fatal
from knect_connectors.dynamics_gp.procedures import CLAIM, NEXT_NUMBER
from knect_connectors.dynamics_gp.queries import QUERIES, full
from knect_connectors.dynamics_gp.simulator import Server, running
from knect_connectors.dynamics_gp.simulator.certificate import make_certificate
from knect_connectors.dynamics_gp.tests.conftest import Gp, deliver

CLOCK = QUERIES["clock"].text


def plain(port: int, **more: Any) -> Any:
    given = {"user": "knect", "password": "simulated", "database": "TWO", "login_timeout": 5}
    return pytds.connect("localhost", port=port, timeout=5, **{**given, **more})


async def test_a_plain_drivers_cursor_reads_what_gp_holds(gp: Gp) -> None:
    def work() -> None:
        with closing(plain(gp.port, autocommit=True)) as connection:
            cursor = connection.cursor()
            cursor.execute(CLOCK)
            assert isinstance(cursor.fetchone()[0], datetime)
            cursor.execute(QUERIES["items"].text, tuple(full(["KN-100", "KN-900"])))
            ((sku, title, *_),) = cursor.fetchall()
            assert (sku, title.rstrip()) == ("KN-100".ljust(31), "Kettle")  # padded, as GP's are
            cursor.execute(QUERIES["tax_details"].text)
            assert dict(cursor.fetchall())["VAT 5.5%".ljust(15)] == Decimal("5.5")
            assert [column[0] for column in cursor.description] == ["TAXDTLID", "TXDTLPCT"]

    await asyncio.to_thread(work)


async def test_a_plain_drivers_transactions_commit_and_roll_back(gp: Gp) -> None:
    values = {"external_id": "x", "SOPTYPE": 2, "SOPNUMBE": "N1", "CUSTNMBR": "C", "content": "",
              "trace": ""}  # fmt: skip

    def claim(cursor: Any, name: str) -> None:
        given = {f"@{k}": v for k, v in {**values, "external_id": name}.items()}
        cursor.callproc(CLAIM.statement().text, given)

    def work() -> list[str]:
        with closing(plain(gp.port)) as connection:  # transaction manager requests
            cursor = connection.cursor()
            claim(cursor, "kept")
            connection.commit()
            claim(cursor, "undone")
            connection.rollback()
            with pytest.raises(pytds.IntegrityError):
                claim(cursor, "kept")
            claim(cursor, "lost")  # and the connection ends
        with closing(plain(gp.port, autocommit=True)) as connection:
            cursor = connection.cursor()
            wanted = full(["kept", "undone", "lost"])
            cursor.execute(QUERIES["deliveries"].text, tuple(wanted))
            return [row[0] for row in cursor.fetchall()]

    assert await asyncio.to_thread(work) == ["kept"]


async def test_output_parameters_and_refusals_reach_a_plain_driver(gp: Gp) -> None:
    def work() -> None:
        with closing(plain(gp.port, autocommit=True)) as connection:
            cursor = connection.cursor()
            given = {"@SOPTYPE": 2, "@DOCID": "WEB", "@SOPNUMBE": pytds.output(param_type="varchar(21)"),
                     "@error": pytds.output(param_type="int")}  # fmt: skip
            assert cursor.callproc(NEXT_NUMBER.statement().text, given)[2:] == ["WEB000001", 0]
            assert cursor.callproc(NEXT_NUMBER.statement().text, given)[2:] == ["WEB000002", 0]
            for text, number in (("SELECT * FROM dbo.RM00101", 229), ("DROP TABLE RM00101", 229)):
                with pytest.raises(pytds.DatabaseError) as told:
                    cursor.execute(text)
                assert told.value.number == number
            with pytest.raises(pytds.DatabaseError, match="Could not find"):
                cursor.callproc("dbo.taSopHdrIvcInsert", {})

    await asyncio.to_thread(work)


async def test_encryption_is_real_and_the_certificate_is_checked(gp: Gp, tmp_path: Path) -> None:
    authority, other = tmp_path / "ca.pem", tmp_path / "other.pem"
    tls = make_certificate(authority)
    make_certificate(other)
    seen = bytearray()
    async with running(Server(gp.company, tls=tls)) as port:

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)

            async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
                while data := await source.read(65_536):
                    seen.extend(data)
                    sink.write(data)
                sink.close()

            await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))

        tapped = await asyncio.start_server(relay, "localhost", 0)
        async with tapped:
            where = {"host": "localhost", "port": tapped.sockets[0].getsockname()[1],
                     "encryption": "Verified"}  # fmt: skip
            trusted = gp.connect(**where, certificateAuthority=authority.read_text())
            outcome = await deliver(trusted, an_order("10.00", a_line("KN-100")))
            assert outcome.error is None, outcome.error
            for secret in ("simulated", "Ann Example", "KN-100"):
                assert secret.encode() not in seen
                assert secret.encode("utf-16-le") not in seen
            await trusted.close()
            strange = gp.connect(**where, certificateAuthority=other.read_text())
            with pytest.raises(Fatal, match="certificate verify failed") as told:
                await strange.check()
            assert told.value.path == "config.encryption"
            misnamed = gp.connect(**where, certificateName="sql.acme.com",
                                  certificateAuthority=authority.read_text())  # fmt: skip
            with pytest.raises(Fatal, match=r"does not match host name 'sql\.acme\.com'"):
                await misnamed.check()
            with pytest.raises(Fatal, match="encryption"):  # the server insists, too
                await gp.connect(host="localhost", port=where["port"]).check()


# ---------------------------------------------------------------- as a process


@contextmanager
def simulated(*words: str) -> Iterator[tuple[str, int]]:
    """Start `knect simulate dynamics-gp`; yield the control port's URL and the data port."""
    command = [str(Path(sys.executable).parent / "knect"), "simulate", "dynamics-gp", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            control = process.stdout.readline().split()[-1]
            port = int(process.stdout.readline().rpartition(":")[2])
            yield control, port
        finally:
            process.terminate()
            process.wait(10)


def do(control: str, action: str, **arguments: Any) -> Any:
    body = json.dumps(arguments).encode()
    with urllib.request.urlopen(f"{control}/_knect/do/{action}", body, timeout=10) as answer:
        return json.load(answer)


async def test_the_simulator_is_a_process_with_a_control_port_and_a_log(
    gp: Gp, tmp_path: Path
) -> None:
    log = tmp_path / "gp.jsonl"

    def get(control: str) -> Any:
        with urllib.request.urlopen(f"{control}/_knect/state", timeout=10) as answer:
            return json.load(answer)

    with simulated("--log", str(log), "control=0", "skus=A=Thing=10.00", "stock=7") as (
        control,
        port,
    ):
        connector = gp.connect(port=port)
        outcome = await deliver(connector, an_order("10.00", a_line("A")))
        assert outcome.found is not None, outcome.error
        invoice = await asyncio.to_thread(do, control, "ship", order="WEB000001", tracking=["T1"])
        state = await asyncio.to_thread(get, control)
    assert invoice == {"done": "INV000001"}
    assert [(x["type"], x["number"], x["stage"]) for x in state["documents"]] == [
        (2, "WEB000001", "history"),
        (3, "INV000001", "history"),
    ]
    assert state["quantities"][0]["on_hand"] == "6"
    assert state["deliveries"][0]["external_id"].startswith("customer:")
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    commits = [(x["path"], x["key"]) for x in entries if x["committed"] and x["method"] == "COMMIT"]
    assert [path for path, _ in commits] == ["/customers", "/documents"]
    assert commits[1][1] == "shop:1001"
    assert {"time", "method", "path", "key", "traceparent", "status", "fault"} <= set(entries[0])
