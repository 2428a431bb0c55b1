"""The configuration in the folder of a run, `config.yaml`.

Its last line is its checksum (`calico.files.seal`).
"""

from __future__ import annotations

from pathlib import Path

from calico.config.load import load_config, to_yaml
from calico.config.schema import Config
from calico.errors import CalicoError
from calico.files import (
    SEAL_PLACEHOLDER,
    FileError,
    check_seal,
    is_sealed,
    read_bytes,
    seal,
    write_atomic,
)

CONFIG_FILE = "config.yaml"


def write_run_config(folder: Path, config: Config) -> None:
    """Write the resolved configuration of a run with a checksum, atomically.

    Args:
        folder: Folder of the run.
        config: Configuration to write.
    """
    write_atomic(folder / CONFIG_FILE, seal(f"{to_yaml(config)}# {SEAL_PLACEHOLDER}\n".encode()))


def read_run_config(folder: Path) -> Config:
    """Read the configuration of a run.

    A file without the line of the checksum is one that somebody wrote by hand, or of an earlier
    version. It is taken as it is.

    Raises:
        CalicoError: The file is missing, does not match its checksum, or is no configuration of
            this version.
    """
    file = folder / CONFIG_FILE
    content = read_bytes(file, what="configuration")
    try:
        if is_sealed(content):
            check_seal(content, f"configuration {file}")
    except FileError as error:
        raise CalicoError(
            f"{error}; if it was changed on purpose, remove its last line, the checksum"
        ) from None
    return load_config("tiny", file)
