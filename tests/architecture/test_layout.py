"""The shape of the repository: what must be there, what must not, and how names are exported."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from knect.api.catalog import Catalog
from knect.seams import CRASH_POINTS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "connectors"
MODULES = sorted(
    p for p in PACKAGES.rglob("*.py") if "/tests/" not in str(p) and "/migrations/" not in str(p)
)
ALLOWED_AT_TOP = {
    ".ci", ".gitignore", ".dockerignore", "Dockerfile", "LICENSE", "Makefile", "README.md", "SECURITY.md",
    "benchmarks", "charts", "connectors", "crds", "decisions", "examples", "operator", "pyproject.toml",
    "tests", "uv.lock",
}  # fmt: skip


def _tracked() -> list[str]:
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip("not a git checkout: the list of tracked files is not at hand")
    return done.stdout.splitlines()


def test_operator_and_connectors_are_plain_folders() -> None:
    """With an __init__.py, every Python start from the root would break on `operator`."""
    for folder in (ROOT / "operator", ROOT / "connectors"):
        if folder.exists():
            assert not list(folder.glob("*.py")), f"{folder.name}/ has loose modules"


def test_the_standard_operator_module_is_found_from_the_root() -> None:
    subprocess.run([sys.executable, "-c", "import operator; operator.eq"], cwd=ROOT, check=True)


def test_the_suites_are_found_from_the_root_whoever_else_installs_a_folder_called_tests() -> None:
    code = "import tests.suites, sys; sys.exit(not tests.suites.__file__.startswith(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(ROOT)], cwd=ROOT, check=True)


def test_the_top_level_is_as_agreed() -> None:
    found = {name.split("/")[0] for name in _tracked()}
    assert found <= ALLOWED_AT_TOP, found - ALLOWED_AT_TOP


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(PACKAGES)))
def test_a_module_says_why_it_exists_and_stays_small(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), f"{module} has no docstring"
    assert len(text.splitlines()) <= 450, f"{module} is too long: split it"
    assert module.stem not in {"utils", "helpers", "common", "base", "manager", "misc"}


def _exports(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == "__all__":
            value = node.value  # type: ignore[attr-defined]
            return [element.value for element in value.elts]
    return None


@pytest.mark.parametrize(
    "module",
    [m for m in MODULES if m.name == "__init__.py"],
    ids=lambda p: str(p.relative_to(PACKAGES)),
)
def test_a_package_exports_a_sorted_list(module: Path) -> None:
    exports = _exports(ast.parse(module.read_text(encoding="utf-8")))
    assert exports is not None, f"{module} has no __all__"
    by_kind = sorted(exports, key=lambda n: (not n.isupper(), not n[:1].isupper(), n))
    assert exports == by_kind, f"{module}: __all__ is not sorted"


def test_every_crash_point_is_somewhere_and_every_passage_has_a_name() -> None:
    passages = {
        node.args[0].value
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "crash_point"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert passages <= set(CRASH_POINTS)
    assert set(CRASH_POINTS) - passages == set(), "named but nowhere in the code"


def test_time_and_chance_come_from_seams() -> None:
    """No module of the data plane asks the machine for the time by itself."""
    seams = {"seams", "cli", "testing", "simulator", "demo"}
    for module in MODULES:
        if seams & set(module.relative_to(PACKAGES).parts):
            continue
        text = module.read_text(encoding="utf-8")
        for forbidden in ("datetime.now(", "time.time(", "time.monotonic(", "uuid.uuid4("):
            assert forbidden not in text, f"{module} calls {forbidden}): use the Clock seam"


def test_every_manifest_is_read_and_complete() -> None:
    catalog = Catalog.installed()
    assert not catalog.problems
    assert {"shopify", "tryton"} <= set(catalog)
    for name in catalog:
        manifest = catalog[name]
        assert manifest.quality, f"{name} has no quality rules"
        assert "todo" not in manifest.quality.values(), f"{name} has open quality rules"
        folder = catalog.connector(name).folder
        assert (folder / "README.md").exists()
        assert list((folder / "tests").glob("test_*.py"))


def test_nothing_tracked_names_this_machine_or_a_registry() -> None:
    patterns = ("/" + "work/", "/" + "root/")
    for name in _tracked():
        if name.endswith(("uv.lock", "go.sum")):
            continue
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
        for pattern in patterns:
            assert pattern not in text, f"{name} names a path of one machine"
