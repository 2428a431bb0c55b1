"""The table of torchattacks against the installed package."""

import torchattacks

from calico_eval.attacks import (
    ALGORITHMS,
)
from calico_eval.attacks.torchattacks.adapter import (
    WITH_GRADIENTS,
    WITH_QUERIES,
)
from calico_eval.attacks.torchattacks.table import TORCHATTACKS


def test_the_table_names_every_class_of_torchattacks_once() -> None:
    names = [entry.name for entry in TORCHATTACKS]
    assert sorted(names) == sorted(torchattacks.__all__)
    used = {entry.used_as for entry in TORCHATTACKS if entry.used_as}
    assert (
        used
        == set(WITH_GRADIENTS) | set(WITH_QUERIES)
        == {name for name in ALGORITHMS if name.startswith("ta_")}
    )
