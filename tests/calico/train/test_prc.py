from pathlib import Path

import pytest
import torch

from calico.config.load import load_config
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.grid import Grid
from calico.models.calico import build_model
from calico.models.fuse import ConvFuser
from calico.train.checkpoint import load_model
from calico.train.prc import PROJECTOR_FILE, Prc, load_projector, make_projector
from tests.calico.train.test_loop import MINI, Repeated
from tests.calico.train.test_task import nothing


@pytest.fixture
def source(frame: Frame, map_grid: Grid) -> Repeated:
    return Repeated(frame, map_grid, 2)


def test_cameras_and_heads_are_not_trained(source: Repeated) -> None:
    config = load_config("tiny", None, MINI)
    model = build_model(config, 0)
    prc = Prc(config, source, model, nothing)
    assert model.camera is not None
    frozen = (model.camera, model.lift, model.center, model.segmentation)
    still = {id(p) for part in frozen if part is not None for p in part.parameters()}
    assert still == {id(p) for p in prc.parameters() if not p.requires_grad}


def test_the_fusers_camera_weights_are_not_decayed(source: Repeated, tmp_path: Path) -> None:
    """The optimiser shrinks them, since they see only zeros; the saved model has them as drawn."""
    config = load_config("tiny", None, MINI)
    model = build_model(config, 0)
    assert isinstance(model.fuser, ConvFuser)
    assert config.model.camera is not None
    channels = config.model.camera.channels
    before = model.fuser.block[0].weight.detach().clone()
    prc = Prc(config, source, model, nothing)
    with torch.no_grad():
        model.fuser.block[0].weight.mul_(0.5)
    prc.save_files(tmp_path)
    after = load_model(tmp_path / "model.safetensors")[0].state_dict()["fuser.block.0.weight"]
    assert torch.equal(after[:, :channels], before[:, :channels])
    assert torch.equal(after[:, channels:], 0.5 * before[:, channels:])
    assert (tmp_path / PROJECTOR_FILE).is_file()
    read = load_projector(config, tmp_path).state_dict()
    assert all(torch.equal(value, read[name]) for name, value in prc.projector.state_dict().items())


def test_projectors_repeat_and_leave_the_global_random_state(source: Repeated) -> None:
    config = load_config("tiny", None, MINI)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, two = make_projector(config, "lidar"), make_projector(config, "lidar")
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(one.hidden.weight, two.hidden.weight)
    assert config.model.camera is not None
    camera = make_projector(config, "camera")
    assert camera.hidden.in_features == config.model.camera.channels


def test_contrast_needs_a_lidar(source: Repeated) -> None:
    config = load_config("tiny", None, [*MINI, "model.lidar=null"])
    with pytest.raises(CalicoError, match=r"stage prc: model\.lidar is null"):
        Prc(config, source, build_model(config, 0), nothing)
