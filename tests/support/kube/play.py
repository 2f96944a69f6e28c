"""A cluster played by events alone: a user who edits, a watch that tells, keys looked at when woken.

Why: `Bench.settle` lists everything and looks at every key, so a wake that is missing goes unseen.
Must not: look at a key that nobody woke and whose own wait is not over.
"""

import copy
import random
from typing import Any

from tests.support.kube.bench import Bench
from tests.support.kube.objects import (
    a_config_map,
    a_ledger_secret,
    a_pipeline,
    a_secret,
    a_shop,
)

from knect.api.reasons import ConditionReason
from knect.api.report import Verdict, VerdictState
from knect_operator.controllers import ConnectionKey, UnitKey
from knect_operator.controllers.wakes import all_keys
from knect_operator.kube import KubeError, Unavailable
from knect_operator.resync import SELECTORS

__all__ = ["Play"]

_REJECTED = Verdict(
    state=VerdictState.FALSE, reason=ConditionReason.CREDENTIALS_REJECTED, message="401"
)
_ENTITIES = {"p": "orders", "q": "customers", "z": "orders"}
_Key = tuple[str, str, str]


class Play:
    """One play; `log` is what was done, by which a failure can be told."""

    def __init__(self, seed: int, *documents: dict[str, Any]) -> None:
        self.bench = Bench(*copy.deepcopy(documents))
        self.log: list[str] = []
        self._chance = random.Random(seed)
        self._seen: dict[_Key, dict[str, Any]] = {}

    async def begin(self) -> None:
        """Start an operator: it lists, and looks at every key."""
        self.bench.restart()
        self._woken: set[ConnectionKey | UnitKey] = set()
        self._waits: dict[ConnectionKey | UnitKey, float] = {}
        self.bench.operator.queue.add = lambda key, after=0.0: self._woken.add(key)  # type: ignore[method-assign]
        self.bench.world.wake = self._woken.add
        await self.bench.operator.resync.list_all()
        self._woken |= set(all_keys(self.bench.world.store))
        self._seen = self._watched()

    async def act(self) -> None:
        """Do one thing a user, a kubelet or a network would."""
        name = self._chance.choice(sorted(_ENTITIES))
        acts = {
            "put": lambda: self.bench.kube.put(self._pipeline(name)),
            "put once more": lambda: self.bench.kube.put(self._pipeline(name)),
            "drop": lambda: self._drop("SyncPipeline", name),
            "make anew": lambda: self._anew(name),
            "drop secret": lambda: self._drop("Secret", self._chance.choice(["shop", "erp"])),
            "drop ledger": lambda: self._drop("Secret", "knect-ledger"),
            "ledger": lambda: self.bench.kube.put(a_ledger_secret()),
            "erp's secret": lambda: self._secret("erp", username="knect", password="pw"),
            "shop's secret": lambda: self._secret("shop", accessToken="x"),
            "shop's secret without its key": lambda: self._secret("shop", other="x"),
            "drop connection": lambda: self._drop("Connection", "acme-shop"),
            "connection": lambda: self.bench.kube.put(a_shop()),
            "suspend connection": lambda: self.bench.kube.put(a_shop(suspend=True)),
            "webhooks": lambda: self.bench.kube.put(a_shop(webhooks={"host": "h.example.com"})),
            "drop table": lambda: self._drop("ConfigMap", "carriers"),
            "table": self._table,
            "drop worker": lambda: self._drop("Deployment", f"{name}-worker"),
            "silence": self._silence,
            "reject": self._reject,
            "fault": self._fault,
        }
        what = self._chance.choice([*acts, "restart"])
        self.log.append(f"{what} {name}")
        if what == "restart":
            await self.begin()
        else:
            acts[what]()

    async def live(self) -> None:
        """Let the operator do some of what it wants to, or all, and let time pass."""
        await self.run(self._chance.choice([0, 1, 3, 60]))
        if self._chance.random() < 0.2:
            await self.tick(self._chance.choice([3.0, 15.0, 61.0]))

    async def calm(self) -> None:
        """Take all faults away and give it five minutes."""
        self.bench.kube.fault = lambda *_: None
        self.bench.workers.silent = False
        for seconds in (5.0, 15.0, 61.0, 61.0, 61.0, 61.0, 15.0, 15.0):
            await self.tick(seconds)

    async def run(self, most: int = 60) -> None:
        """Tell what happened, and look at woken keys."""
        for _ in range(most):
            self._tell()
            if not self._woken:
                return
            key = self._woken.pop()
            try:
                wait = await self.bench.operator._reconcile(key)
            except KubeError:
                self._waits[key] = 1.0
            else:
                self._waits.pop(key, None)
                if wait is not None:
                    self._waits[key] = wait

    async def tick(self, seconds: float) -> None:
        """Let time pass, and look at the keys whose wait is over."""
        self.bench.pass_time(seconds)
        self._woken |= {key for key, wait in self._waits.items() if wait <= seconds}
        await self.run()

    def shape(self) -> dict[_Key, Any]:
        """Return all there is, without times and versions; checks come and go by the hour."""
        return {
            key: _shape(one)
            for key, one in self.bench.kube.objects.items()
            if key[0] not in {"Event", "Pod", "Secret"} and "-check" not in key[2]
        }

    def _tell(self) -> None:
        kube = self.bench.kube
        for name, deployment in kube.of("Deployment").items():
            before = copy.deepcopy(deployment.get("status"))
            self.bench._come_up(name, deployment)
            if before != deployment["status"]:
                kube._store(("Deployment", "default", name), deployment)
        alive = {one["metadata"]["uid"] for one in kube.of("Deployment").values()}
        for name, pod in kube.of("Pod").items():
            if pod["metadata"]["ownerReferences"][0]["uid"] not in alive:
                kube.drop("Pod", name)
        now, seen = self._watched(), self._seen
        self._seen = now
        for key, one in seen.items():
            if key not in now or now[key]["metadata"]["uid"] != one["metadata"]["uid"]:
                # its last version, or the one at which it lost its label
                kept = kube.objects.get(key, {}).get("metadata", {})
                same = kept.get("uid") == one["metadata"]["uid"]
                version = kept["resourceVersion"] if same else str(next(kube._versions))
                metadata = {**one["metadata"], "resourceVersion": version}
                self.bench.operator.observed("DELETED", {**one, "metadata": metadata})
        for key, one in now.items():
            if one != seen.get(key):
                self.bench.operator.observed("MODIFIED", copy.deepcopy(one))

    def _watched(self) -> dict[_Key, dict[str, Any]]:
        found = {}
        for key, one in self.bench.kube.objects.items():
            name, _, value = SELECTORS.get(key[0], "no=").partition("=")
            labels = one["metadata"].get("labels") or {}
            if not name or labels.get(name) == value:
                found[key] = copy.deepcopy(one)
        return found

    def _pipeline(self, name: str) -> dict[str, Any]:
        def sometimes(value: Any) -> Any:
            return value if self._chance.random() < 0.25 else None

        table = {"valueMaps": [{"name": "carriers", "configMapRef": {"name": "carriers"}}]}
        broken = {"set": {"comment": '"x" + order.nummer'}}
        group = {"group": self._chance.choice(["g", "h"])}
        spec = {
            "worker": sometimes(group),
            "suspend": sometimes(True),
            "mapping": sometimes(broken) or sometimes(table),
            "source": sometimes(sometimes("nowhere")),
        }
        annotations = {
            "knect.dev/backfill": sometimes("2026-01-01T00:00:00Z") or sometimes("junk"),
            "knect.dev/requested-at": sometimes(self._chance.choice(["t1", "t2"])),
            "knect.dev/reconcile": sometimes(sometimes("disabled")),
        }
        return a_pipeline(
            name,
            entity=_ENTITIES[name],
            annotations={key: one for key, one in annotations.items() if one},
            **{key: one for key, one in spec.items() if one},
        )

    def _drop(self, kind: str, name: str) -> None:
        if (kind, "default", name) in self.bench.kube.objects:
            self.bench.kube.drop(kind, name)

    def _anew(self, name: str) -> None:
        self._drop("SyncPipeline", name)
        self.bench.kube.put(self._pipeline(name))

    def _secret(self, name: str, **values: str) -> None:
        watched = self._chance.random() < 0.6
        self.bench.kube.put(a_secret(name, watched=watched, **values))

    def _table(self) -> None:
        self.bench.kube.put(a_config_map("carriers", DHL=self._chance.choice(["7", "8", ""])))

    def _silence(self) -> None:
        self.bench.workers.silent = not self.bench.workers.silent

    def _reject(self) -> None:
        said = self._chance.choice([{}, {"credentials": _REJECTED}])
        self.bench.workers.connections["acme-shop"] = said

    def _fault(self) -> None:
        left = [self._chance.randrange(1, 4)]

        def fault(verb: str, _kind: str, _name: str) -> None:
            left[0] -= verb not in {"get", "list"}
            if left[0] == 0:
                left[0] -= 1
                raise Unavailable("no answer")

        self.bench.kube.fault = fault


def _shape(one: dict[str, Any]) -> Any:
    if one["kind"] not in {"SyncPipeline", "Connection"}:
        plain = {name: value for name, value in one.items() if name not in {"metadata", "status"}}
        return plain, one["metadata"].get("ownerReferences")
    status = one.get("status") or {}
    said = sorted(
        tuple(condition[name] for name in ("type", "status", "reason", "message"))
        for condition in status.get("conditions", ())
    )
    kept = ("observedGeneration", "worker", "lastHandledReconcileAt")
    return said, {name: status.get(name) for name in kept}
