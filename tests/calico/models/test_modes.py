import pytest
from torch import nn

from calico.models.modes import evaluation_mode


def frozen_norm() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    model[1].eval()
    return model


def test_all_parts_are_in_evaluation_mode_within_and_in_their_own_mode_after() -> None:
    model = frozen_norm()
    with evaluation_mode(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == [True, True, False]


def test_modes_come_back_after_an_error() -> None:
    model = frozen_norm()
    with pytest.raises(ValueError, match="stop"), evaluation_mode(model):
        raise ValueError("stop")
    assert [module.training for module in model.modules()] == [True, True, False]
