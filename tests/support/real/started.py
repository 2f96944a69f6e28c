"""What a `with` starts and ends: a server, a cluster, anything made of processes.

Why: what began to start and then failed has to be ended as well, in one way for all of them.
Must not: know what is started.
"""

from abc import ABC, abstractmethod
from typing import Self

__all__ = ["Started"]


class Started(ABC):
    """A context manager; `stop` also ends what was started by half."""

    @abstractmethod
    def start(self) -> None:
        """Start it and wait until it can be used."""

    @abstractmethod
    def stop(self) -> None:
        """End all that was started."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
