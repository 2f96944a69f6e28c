"""The catalog: the manifests of all installed connectors.

Why: a document can be checked, a page drawn, a NetworkPolicy rendered for a connector without
running a line of it. Manifests are package data; connectors announce their package by entry point.
Must not: import a connector, or fail as a whole because one manifest is broken.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import yaml
from pydantic import ValidationError

from knect.api.manifest import Manifest
from knect.api.names import CONNECTOR_ENTRY_POINTS

__all__ = ["BadManifest", "Catalog", "InstalledConnector", "read_manifest"]

_FILE = "manifest.yaml"


class BadManifest(ValueError):
    """A manifest that cannot be used: which file, and every reason."""


@dataclass(frozen=True, slots=True)
class InstalledConnector:
    """A connector and where it is. `package` is what to import to run it."""

    package: str
    folder: Path
    manifest: Manifest


def read_manifest(path: Path) -> Manifest:
    """Read one manifest. Raises BadManifest with every problem."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_loader())  # noqa: S506 - safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadManifest(f"{path}: cannot be read: {error}") from None
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        raise BadManifest(f"{path}: {problems}") from None


def _loader() -> type[yaml.SafeLoader]:
    """Return the C loader where PyYAML has it: a manifest in a tenth of the time."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _folder_of(package: str) -> Path | None:
    """Return a package's folder; imports its parent package only, which is empty."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


class Catalog(Mapping[str, Manifest]):
    """Manifests by connector id, and what could not be read (`problems`, sentences)."""

    def __init__(
        self, connectors: Iterable[InstalledConnector], problems: Iterable[str] = ()
    ) -> None:
        self._connectors: dict[str, InstalledConnector] = {}
        self.problems = list(problems)
        for connector in sorted(connectors, key=lambda one: one.manifest.id):
            known = self._connectors.get(connector.manifest.id)
            if known is not None:
                self.problems.append(
                    f"connector id {connector.manifest.id!r} is claimed by both {known.package} "
                    f"and {connector.package}; the first is used"
                )
                continue
            self._connectors[connector.manifest.id] = connector

    @classmethod
    def of_manifests(cls, manifests: Iterable[Manifest]) -> Self:
        """Return a catalog of manifests that are not installed anywhere (tests, images)."""
        return cls(InstalledConnector(one.id, Path(), one) for one in manifests)

    @classmethod
    def installed(cls, also: Path | None = None) -> Self:
        """Read the manifests of all installed connectors, and the YAML files of a folder.

        The folder holds manifests of connectors that are installed elsewhere, in a worker's image.
        """
        connectors: list[InstalledConnector] = []
        problems: list[str] = []
        for path in sorted(also.glob("*.yaml")) if also else ():
            try:
                connectors.append(InstalledConnector(path.stem, path.parent, read_manifest(path)))
            except BadManifest as error:
                problems.append(str(error))
        points = entry_points(group=CONNECTOR_ENTRY_POINTS)
        for point in sorted(points, key=lambda one: (one.name, one.value)):
            package = point.value.partition(":")[0]
            try:
                folder = _folder_of(package)
                if folder is None:
                    problems.append(f"connector {point.name!r}: package {package} is not there")
                    continue
                manifest = read_manifest(folder / _FILE)
            except (BadManifest, ImportError) as error:
                problems.append(f"connector {point.name!r}: {error}")
                continue
            connectors.append(InstalledConnector(package, folder, manifest))
        return cls(connectors, problems)

    def connector(self, identifier: str) -> InstalledConnector:
        """Return an installed connector. Raises KeyError."""
        return self._connectors[identifier]

    def __getitem__(self, identifier: str) -> Manifest:
        return self._connectors[identifier].manifest

    def __iter__(self) -> Iterator[str]:
        return iter(self._connectors)

    def __len__(self) -> int:
        return len(self._connectors)
