"""Free loopback ports and waiting for a server to answer, for the real parts of the tests."""

import socket
import time
import urllib.error
import urllib.request
from subprocess import Popen

__all__ = ["free_ports", "wait_for_http"]


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on at this moment, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def wait_for_http(url: str, process: Popen[bytes], *, seconds: float) -> None:
    """Return once `url` answers anything below 500; fail if the process ends or time is up."""
    deadline = time.monotonic() + seconds
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"the server of {url} ended with exit code {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise RuntimeError(f"{url} did not answer within {seconds:.0f} s")
        time.sleep(0.02)
