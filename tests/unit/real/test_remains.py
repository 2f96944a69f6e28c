"""What a local node left is found by its own name only, and process 0 is never among it."""

from tests.support.cluster import remains
from tests.support.cluster.network import SealedNetwork
from tests.support.cluster.node_files import NodeFiles


def test_processes_are_those_of_the_nodes_own_cgroup(monkeypatch, tmp_path):
    files = NodeFiles(tmp_path / "node", tmp_path / "run", SealedNetwork(9, "10.96.0.0/16"))
    monkeypatch.setattr(remains, "_CGROUPS", tmp_path / "cgroup")
    for place, text in (
        ("unified/knect-9/kubepods", "0\n41\n"),  # as v2 shows one that is just ending
        ("cpu/knect-9", "42\n"),
        ("cpu/knect-90", "43\n"),
        ("cpu/docker", "44\n"),
    ):
        folder = tmp_path / "cgroup" / place
        folder.mkdir(parents=True)
        (folder / "cgroup.procs").write_text(text)
    assert remains._pids_in_cgroups(files) == [41, 42]
    assert len(remains._cgroups(files)) == 2


def test_nothing_is_found_of_a_node_that_never_was(tmp_path):
    files = NodeFiles(tmp_path / "node", tmp_path / "run", SealedNetwork(200, "10.96.0.0/16"))
    assert remains.find_remains(files) == []
