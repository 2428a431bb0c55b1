"""Settings of the stages."""

import pytest

from calico.config.load import (
    load_config,
)
from calico.errors import CalicoError


def test_the_key_negatives_of_earlier_files_is_taken_where_it_says_nothing_new() -> None:
    """Cards of models trained before name it; the other value needs several devices."""
    plain = load_config("tiny")
    assert load_config("tiny", None, ["pretrain.prc.negatives=frame"]) == plain
    with pytest.raises(CalicoError, match=r"pretrain\.prc: negatives: 'batch' is gone"):
        load_config("tiny", None, ["pretrain.prc.negatives=batch"])
