import random
from pathlib import Path

import pytest

from calico.config.load import load_config, to_yaml
from calico.config.saved import read_run_config, write_run_config
from calico.errors import CalicoError


def test_a_configuration_comes_back_and_other_readers_pass_over_its_checksum(
    tmp_path: Path,
) -> None:
    config = load_config("tiny", None, ["seed=7", "train.epochs=3"])
    write_run_config(tmp_path, config)
    assert read_run_config(tmp_path) == config == load_config("tiny", tmp_path / "config.yaml")


def test_no_flipped_bit_changes_what_is_read(tmp_path: Path) -> None:
    """A flip in the word before the digits hides the checksum; it lies in a comment, and all else
    is as it was."""
    config = load_config("tiny", None, ["seed=7"])
    write_run_config(tmp_path, config)
    content = (tmp_path / "config.yaml").read_bytes()
    hidden = range(8 * content.index(b"calico-sha256"), 8 * len(content))
    for bit in random.Random(0).sample(range(8 * len(content)), 400):
        changed = (
            content[: bit // 8]
            + bytes([content[bit // 8] ^ 1 << bit % 8])
            + content[bit // 8 + 1 :]
        )
        (tmp_path / "config.yaml").write_bytes(changed)
        try:
            found = read_run_config(tmp_path)
        except CalicoError:
            continue
        assert found == config
        assert bit in hidden


def test_a_file_changed_on_purpose_says_which_line_to_remove(tmp_path: Path) -> None:
    config = load_config("tiny")
    write_run_config(tmp_path, config)
    text = (tmp_path / "config.yaml").read_text().replace("seed: 0", "seed: 5")
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(CalicoError, match=r"does not match its checksum.*remove its last line"):
        read_run_config(tmp_path)
    (tmp_path / "config.yaml").write_text("\n".join(text.splitlines()[:-1]))
    assert read_run_config(tmp_path).seed == 5
    (tmp_path / "config.yaml").write_text(to_yaml(config))
    assert read_run_config(tmp_path) == config
