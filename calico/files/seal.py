"""A seal: the SHA-256 of a file, inside the file itself.

The seal is the text `calico-sha256:` and 64 hexadecimal digits, once anywhere in the file: in a
field of JSON, in the metadata of safetensors, ONNX and Parquet, in the comment of a zip archive.
The digits are the hash of the whole content with the digits themselves written as zeros. So one
atomic write stores both, the file stays valid for every other reader, and any changed bit is
noticed.

A seal finds damage and mix-ups. It is not a signature: who changes a file on purpose can seal it
again.
"""

from __future__ import annotations

import hashlib
import re

from calico.files.errors import FileError

_PREFIX = b"calico-sha256:"
_DIGITS = 64
SEAL_PLACEHOLDER = _PREFIX.decode() + "0" * _DIGITS
"""What a writer puts where the seal belongs, before it calls `seal`."""
_SEAL = re.compile(re.escape(_PREFIX) + b"[0-9a-f]{%d}" % _DIGITS)
_END_OF_ARCHIVE = b"PK\x05\x06"
_COMMENT_LENGTH_AT, _END_SIZE = 20, 22


def seal(content: bytes) -> bytes:
    """Replace the one placeholder in a file's content by the hash of the content.

    Raises:
        FileError: The content has no placeholder, or more than one text that looks like a seal.
    """
    place = _find(content)
    if place is None or content[place : place + _DIGITS] != b"0" * _DIGITS:
        raise FileError(
            "expected the checksum's placeholder exactly once in the content to be sealed; does a "
            "name or title in it look "
            f"like a checksum ({_PREFIX.decode()}...)?"
        )
    digits = hashlib.sha256(content).hexdigest().encode()
    return b"".join((content[:place], digits, content[place + _DIGITS :]))


def is_sealed(content: bytes) -> bool:
    """Say whether the content carries a seal, right or wrong."""
    return _find(content) is not None


def check_seal(content: bytes, where: str) -> None:
    """Check a file's content against the seal in it.

    Args:
        content: The whole file.
        where: Name of the file for the message.

    Raises:
        FileError: The content has no seal (or several), or was changed after it was sealed.
    """
    place = _find(content)
    if place is None:
        raise FileError(
            f"{where}: carries no checksum, so it cannot be trusted; it is damaged, or an earlier "
            "version wrote it"
        )
    view, digest = memoryview(content), hashlib.sha256()
    for part in (view[:place], b"0" * _DIGITS, view[place + _DIGITS :]):
        digest.update(part)
    if digest.hexdigest().encode() != content[place : place + _DIGITS]:
        raise FileError(
            f"{where}: does not match its checksum; it was damaged or changed after it was written"
        )


def seal_zip(content: bytes) -> bytes:
    """Seal a zip archive (.npz, a file of torch.save) in its comment.

    Args:
        content: An archive without a comment.

    Raises:
        ValueError: The content does not end as an archive without a comment does.
    """
    end = len(content) - _END_SIZE
    if content[end : end + 4] != _END_OF_ARCHIVE:
        raise ValueError("expected a zip archive without a comment")
    comment = SEAL_PLACEHOLDER.encode()
    head = content[: end + _COMMENT_LENGTH_AT]
    return seal(head + len(comment).to_bytes(2, "little") + comment)


def _find(content: bytes) -> int | None:
    """Find where the digits of the only seal begin; None without a seal or with several."""
    # Finding the prefix first is many times as fast as a search by the whole expression.
    places, start = [], content.find(_PREFIX)
    while start >= 0:
        if _SEAL.match(content, start):
            places.append(start + len(_PREFIX))
        start = content.find(_PREFIX, start + 1)
    return places[0] if len(places) == 1 else None
