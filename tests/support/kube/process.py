"""The operator as a process of its own, and waiting for what it makes of a cluster."""

import asyncio
import sys
import time

import yaml
from tests.support.cluster.kubectl import KubectlFailed
from tests.support.kube.objects import a_ledger_secret, a_secret, a_shop, an_erp
from tests.support.real.ports import free_ports

__all__ = ["OperatorProcess", "in_namespace", "ready", "until", "whole"]

SETTINGS = {
    "namespace": "default",
    "observeEvery": "1s",
    "resync": "30s",
    "lease": "6s",
    "worker": {"image": "knect:test"},
}


class OperatorProcess:
    """`knect operator` as a child process."""

    def __init__(self, kubeconfig, folder, **settings):
        self.port = free_ports(1)[0]
        self.path = folder / f"operator-{self.port}.yaml"
        self.log = folder / f"operator-{self.port}.log"
        told = {**SETTINGS, "listen": f"127.0.0.1:{self.port}", **settings}
        self.path.write_text(yaml.safe_dump(told))
        self.kubeconfig = kubeconfig
        self.process = None

    async def __aenter__(self):
        self._output = self.log.open("wb")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "knect_operator",
            f"--settings={self.path}",
            f"--kubeconfig={self.kubeconfig}",
            stdout=self._output,
            stderr=self._output,
        )
        return self

    async def __aexit__(self, *_):
        if self.process.returncode is None:
            self.process.terminate()
            async with asyncio.timeout(30):
                await self.process.wait()
        self._output.close()
        text = self.log.read_text()
        print(text[-6000:])
        assert "Traceback" not in text


def in_namespace(namespace, *documents):
    for one in documents:
        one["metadata"]["namespace"] = namespace
    return documents


def whole(namespace):
    return in_namespace(
        namespace,
        a_shop(),
        an_erp(),
        a_secret("shop", accessToken="shpat_x"),
        a_secret("erp", username="knect", password="pw"),
        a_ledger_secret(),
    )


async def until(ask, holds, *, seconds=60):
    deadline = time.monotonic() + seconds
    pause = 0.2
    last = None
    while time.monotonic() < deadline:
        try:
            last = await asyncio.to_thread(ask)
        except KubectlFailed as error:
            last = str(error)  # not there yet, or no API server
        else:
            if holds(last):
                return last
        await asyncio.sleep(pause)
        pause = min(pause * 1.2, 0.5)  # each look is a process
    raise AssertionError(f"not within {seconds} s; last: {yaml.safe_dump(last)}")


def ready(document):
    found = {one["type"]: one for one in (document.get("status") or {}).get("conditions", ())}
    one = found.get("Ready", {})
    return one.get("status"), one.get("reason")
