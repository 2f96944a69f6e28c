"""`knect check` on a GP that is not as it should be, in sentences."""

from typing import Any

import pytest

from knect.sdk.contract import EntityCheck
from knect.sdk.errors import Fatal
from knect_connectors.dynamics_gp.tests.conftest import Gp


async def checked(gp: Gp, **config: Any) -> dict[str, EntityCheck]:
    report = await gp.connect(**config).check()
    assert report.product == "Microsoft Dynamics GP (TWO)"
    return {one.entity: one for one in report.entities}


async def test_a_gp_as_it_should_be(gp: Gp) -> None:
    found = await checked(gp, priceLevels=["RETAIL"], currencies={"EUR": "EUR"})
    assert [one.problem for one in found.values()] == [None] * 7
    assert {name for name, one in found.items() if one.write} == {
        *("customers", "orders", "refunds")
    }


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"documents": {"order": "NOPE"}}, "no document id 'NOPE' for orders"),
        ({"site": "NOPE"}, "no site 'NOPE'; correct config.site"),
        ({"priceLevels": ["NOPE"]}, "no price level 'NOPE'"),
        ({"currencies": {"USD": "Z-US$"}}, "functional currency is 'EUR'"),
    ],
)
async def test_what_is_not_set_up_is_said(gp: Gp, config: Any, sentence: str) -> None:
    found = await checked(gp, **config)
    assert sentence in str(found["orders"].problem)
    assert not found["orders"].write
    assert found["orders"].read
    assert found["customers"].write


async def test_a_company_without_multicurrency_has_an_empty_id(gp: Gp) -> None:
    found = await checked(gp, currencies={"EUR": ""})
    assert found["orders"].problem is None


async def test_a_closed_period_is_said(gp: Gp) -> None:
    gp.people.close_period("2000-01-01", "2100-01-01")
    assert "period is closed" in str((await checked(gp))["orders"].problem)


async def test_an_econnect_that_takes_other_parameters_is_said(gp: Gp) -> None:
    gp.company.books.run("DELETE FROM knect_parameter WHERE parameter_name = '@I_vQtyShrtOpt'")
    gp.company.books.run("DELETE FROM knect_parameter WHERE procedure_name = 'taSopVoidDocument'")
    gp.company.books.run(
        "UPDATE knect_parameter SET length = 30 WHERE procedure_name = 'taUpdateCreateCustomerRcd'"
        " AND parameter_name = '@I_vADDRESS1'"
    )
    found = await checked(gp)
    assert "would cut them without a word: @I_vADDRESS1 (30 instead of 60)" in str(
        found["customers"].problem
    )
    assert not found["customers"].write
    problem = str(found["orders"].problem)
    assert "taSopLineIvcInsert of this GP does not take @I_vQtyShrtOpt" in problem
    assert "this GP has no procedure taSopVoidDocument" in problem


@pytest.mark.parametrize("kind", ["deny", "missing"])
async def test_a_view_that_cannot_be_read_is_said_for_its_entity_alone(gp: Gp, kind: str) -> None:
    gp.plan("levels", kind)
    found = await checked(gp)
    assert not found["inventory"].read
    assert "install.sql" in str(found["inventory"].problem)
    assert found["orders"].read


async def test_another_version_of_the_script_is_said(gp: Gp) -> None:
    gp.company.books.db.execute('DROP VIEW "knect.facts"')
    gp.company.books.db.execute(
        "CREATE VIEW \"knect.facts\" AS SELECT 'install' AS name, '0' AS value"
    )
    with pytest.raises(Fatal, match=r"version 0.*needs 1; run its install.sql"):
        await gp.connect().check()
