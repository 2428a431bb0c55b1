import pytest

from calico.config.load import load_config
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.grid import Grid
from calico.models.calico import build_model
from calico.train.prc import make_projector
from calico.train.rad import Rad
from tests.calico.train.test_loop import MINI, Repeated
from tests.calico.train.test_task import nothing


@pytest.fixture
def source(frame: Frame, map_grid: Grid) -> Repeated:
    return Repeated(frame, map_grid, 2)


def test_distillation_trains_the_cameras_alone(source: Repeated) -> None:
    """In training mode the frozen parts, with their batch statistics, stay in evaluation mode."""
    config = load_config("tiny", None, MINI)
    model = build_model(config, 0)
    assert model.camera is not None
    rad = Rad(config, source, model, make_projector(config, "lidar"), nothing)
    assert rad.train() is rad
    learns = [*model.camera.modules(), *model.lift.modules(), *rad.projector.modules()]
    assert {id(module) for module in rad.modules() if module.training} == set(map(id, learns))
    trained = {id(p) for p in rad.parameters() if p.requires_grad}
    assert trained == {id(p) for module in learns for p in module.parameters()}
    assert not any(module.training for module in rad.eval().modules())


@pytest.mark.parametrize("missing", ["model.lidar=null", "model.camera=null"])
def test_distillation_needs_both_sensors(source: Repeated, missing: str) -> None:
    config = load_config("tiny", None, [*MINI, missing])
    projector = make_projector(load_config("tiny", None, MINI), "lidar")
    with pytest.raises(CalicoError, match=r"stage rad: needs model\.lidar .* and model\.camera"):
        Rad(config, source, build_model(config, 0), projector, nothing)
