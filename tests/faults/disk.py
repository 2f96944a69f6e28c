"""What a disk may hold after the power went: synced writes for sure, the others by the dice.

Why: a killed process loses nothing it wrote, a machine without power loses all it did not sync, in
any order and by halves. The images are built from the writes a real worker really made.
Must not: be kinder than a disk: what was not synced may be there, missing, or there by half.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from tests.support.system_calls import Event

__all__ = ["Disk", "write_image"]

_SECTOR = 512
_SYNCS = ("fdatasync", "fsync")
#: The file's calls that are understood; any other that writes fails the test.
_WRITES = ("pwrite64", "ftruncate")


class Disk:
    """The files whose path starts with `prefix`, fed with events in order."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._safe: dict[str, bytearray] = {}
        self._loose: dict[str, list[Event]] = {}
        self.syncs = 0

    def take(self, event: Event) -> None:
        """Apply one event."""
        place = event.place
        if not place.startswith(self._prefix) or place.endswith(("-shm", ".lock")):
            return
        if event.call in ("openat", "creat"):
            self._safe.setdefault(place, bytearray())
        elif event.call in ("unlink", "unlinkat"):
            self._safe.pop(place, None)
            self._loose.pop(place, None)
        elif event.call in _SYNCS:
            self.syncs += 1
            for one in self._loose.pop(place, ()):
                _apply(self._safe.setdefault(place, bytearray()), one)
        elif event.call in _WRITES:
            self._loose.setdefault(place, []).append(event)
        else:
            raise ValueError(f"{event.call} to {place} is not understood")

    def holds(self, text: bytes) -> bool:
        """Tell whether this is in a file for sure."""
        return any(text in content for content in self._safe.values())

    @property
    def loose(self) -> int:
        """How many writes are not synced."""
        return sum(map(len, self._loose.values()))

    def image(self, dice: Random) -> dict[str, bytes]:
        """Return what there might be after the power went now."""
        files = {place: bytearray(content) for place, content in self._safe.items()}
        for place, events in self._loose.items():
            content = files.setdefault(place, bytearray())
            for event in dice.sample(events, len(events)):  # in any order
                _apply_some(content, event, dice)
        return {place: bytes(content) for place, content in files.items()}


def _apply(content: bytearray, event: Event) -> None:
    if event.call == "ftruncate":
        del content[event.offset :]
        content.extend(bytes(event.offset - len(content)))
        return
    content.extend(bytes(max(0, event.offset - len(content))))
    content[event.offset : event.offset + len(event.data)] = event.data


def _apply_some(content: bytearray, event: Event, dice: Random) -> None:
    """All of it, none of it, or some of its sectors."""
    fate = dice.random()
    if fate < 0.4:
        return
    if fate < 0.8 or event.call == "ftruncate":
        _apply(content, event)
        return
    for part in _sectors(event):
        if dice.random() < 0.5:
            _apply(content, part)


def _sectors(event: Event) -> Iterator[Event]:
    at, end = event.offset, event.offset + len(event.data)
    while at < end:
        until = min(end, (at // _SECTOR + 1) * _SECTOR)
        data = event.data[at - event.offset : until - event.offset]
        yield Event(call=event.call, place=event.place, data=data, offset=at)
        at = until


def write_image(image: dict[str, bytes], folder: Path) -> Sequence[Path]:
    """Write the files of an image into a folder."""
    paths = []
    for place, content in image.items():
        path = folder / Path(place).name
        path.write_bytes(content)
        paths.append(path)
    return paths
