"""`knect run` ends, and says so, when nobody can find out whether something was written."""

from pathlib import Path

from tests.faults.declared import declared
from tests.faults.scene import a_scene

RUN = ("run", "-f", "documents", "--allow", "127.0.0.1", "-q")


def test_a_run_ends_with_what_nobody_could_find_out(tmp_path: Path) -> None:
    with a_scene(tmp_path) as scene:
        scene.start_shop(seed=5, faults={}, orders=1, skus="KN-1=Thing=10.00")
        spare = ("/products", "/parties")
        scene.start_erp(seed=5, faults={"malformed": 1.0}, skus=("KN-1",), spare=spare)
        scene.control(scene.erp, "faults", {"force": [None]})  # the look before the first try
        scene.declare(declared().replace("attempts: 8", "attempts: 3"))
        done = scene.knect(*RUN, "--ledger", str(scene.ledger))
        assert done.returncode == 1, done.stderr
        (said,) = [line for line in done.stderr.splitlines() if line.startswith("✗")]
        assert said.startswith("✗ orders: 1 may or may not be in acme-erp (")
        assert "was sent to acme-erp, and 3 attempts have not told whether it was written" in said
        key = said.partition("(")[2].partition(")")[0]

        found = scene.knect("find", key).stdout
        assert "may or may not be in acme-erp; nobody could find out yet." in found
        assert f"Operations can act, then:  knect retry {key}" in found
        assert "by itself" not in found

        scene.control(scene.erp, "faults", {"hang": 0.0})
        assert scene.knect("retry", key).returncode == 0
        done = scene.knect(*RUN)
        assert done.returncode == 0, done.stderr
        assert "is in acme-erp as SO-" in scene.knect("find", key).stdout
        assert [call.committed for call in scene.calls("acme-erp")].count(
            True
        ) == 2  # with the party
