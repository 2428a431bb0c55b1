from pathlib import Path

import pytest
from torch import Tensor

from calico.config.load import load_config
from calico.config.schema import Config
from calico.data.batch import Batch
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.grid import Grid
from calico.models.calico import CalicoModel, build_model
from calico.train.finetune import Finetune, LabelledLoader
from calico.train.prc import Prc, make_projector
from calico.train.rad import Rad
from calico.train.task import Plan, Task
from tests.calico.train.test_loop import MINI, Repeated


def nothing(model: CalicoModel, config: Config) -> dict[str, float | None]:
    return {}


class Empty(Task[Batch]):
    """A task of as many frames as are asked for, which learns nothing."""

    name = "empty"

    def __init__(self, config: Config, source: Repeated, frames: int, length: int) -> None:
        loader = LabelledLoader(source, config.augment, None, 0)
        super().__init__(config, config.train, loader, list(range(frames)), length)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return {"total": batch.points.sum()}

    def measure_quality(self) -> dict[str, float | None]:
        return {}

    def save_files(self, folder: Path) -> None:
        pass


@pytest.fixture
def source(frame: Frame, map_grid: Grid) -> Repeated:
    return Repeated(frame, map_grid, 2)


@pytest.mark.parametrize(("length", "steps"), [(1, 1), (2, 1), (3, 1), (8, 4), (9, 4)])
def test_an_epoch_has_the_whole_batches_of_its_length_and_at_least_one(
    source: Repeated, length: int, steps: int
) -> None:
    config = load_config("tiny", None, [*MINI, "train={epochs: 3, batch_size: 2}"])
    assert Plan.from_task(Empty(config, source, 2, length)) == Plan(steps, 3 * steps)


def test_a_task_without_frames_is_an_error(source: Repeated) -> None:
    with pytest.raises(CalicoError, match="stage empty: no frames to train on"):
        Plan.from_task(Empty(load_config("tiny", None, MINI), source, 0, 0))


def test_weights_are_stored_under_the_names_of_earlier_versions(source: Repeated) -> None:
    """Fine-tuning keeps the network alone; pre-training keeps network, projector and teacher."""
    config = load_config("tiny", None, MINI)
    names = set(build_model(config, 0).state_dict())
    projector = set(make_projector(config, "lidar").state_dict())
    finetune = Finetune(config, source, build_model(config, 0), nothing)
    assert set(finetune.stored.state_dict()) == names
    prc = Prc(config, source, build_model(config, 0), nothing)
    expected = {f"model.{n}" for n in names} | {f"projector.{n}" for n in projector}
    assert set(prc.stored.state_dict()) == expected
    teacher = make_projector(config, "lidar")
    rad = Rad(config, source, build_model(config, 0), teacher, nothing)
    assert set(rad.stored.state_dict()) == expected | {f"teacher.{n}" for n in projector}
