"""Free loopback ports and waiting for a server to answer, for the real parts of the tests."""

import socket
import time
import urllib.error
import urllib.request
from collections import deque
from subprocess import Popen

__all__ = ["free_ports", "wait_for_http"]

_HELD: deque[socket.socket] = deque()
_MOST_HELD = 400  # far more than the parts of one test have; the oldest is let go


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on, all different, and that nobody else is given.

    They stay bound, without listening: a kernel that chooses a port for another process passes
    them over, a server that is told one of them (and says SO_REUSEADDR, as servers do) gets it, as
    often as it starts, and who connects before that is refused.
    """
    held = []
    for _ in range(count):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", 0))
        held.append(one)
    _HELD.extend(held)
    while len(_HELD) > _MOST_HELD:
        _HELD.popleft().close()
    return [one.getsockname()[1] for one in held]


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
