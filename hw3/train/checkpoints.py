"""How the state of a training is kept between its epochs: written whole, and checked when it is read."""

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from hw3.files import report, whole
from hw3.store import remove


def save(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` behind its SHA-256, whole or not at all. (``fabric.save`` writes to the temporary folder and
    moves, which is not atomic from one disk to another.)"""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with whole(path) as scratch:
        scratch.write_bytes(hashlib.sha256(buffer.getbuffer()).digest() + buffer.getbuffer())


def load(path: Path) -> dict[str, Any] | None:
    """What ``save`` wrote, on the CPU; None if it is not there, or damaged: then it says so and takes it away."""
    if not path.exists():
        return None
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content[32:]).digest() == content[:32]:
        return torch.load(io.BytesIO(content[32:]), map_location="cpu", weights_only=True)
    report(f"{path} is damaged; the training starts again")
    remove(path)
    return None
