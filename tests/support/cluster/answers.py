"""Asks a component of a node whether it is at work: name service and HTTP health.

Must not: wait or raise; "no answer" is an answer.
"""

import socket
import struct
import urllib.request

__all__ = ["is_healthy", "resolves"]


def resolves(server: str, name: str) -> bool:
    """Tell whether the name service at this address knows the name."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    question = struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        try:
            asking.sendto(question, (server, 53))
            answer = asking.recv(512)
        except OSError:
            return False
    return int.from_bytes(answer[6:8], "big") > 0  # how many records it gives


def is_healthy(url: str) -> bool:
    """Tell whether the URL answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=1) as got:
            return bool(got.status == 200)
    except OSError:
        return False
