"""Settings that contradict each other."""

import pytest

from calico.config.load import (
    load_config,
)
from calico.errors import CalicoError


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (["seed"], "expected KEY=VALUE"),
        (["seed=[1"], "--set 'seed=[1': no valid YAML, line 1"),
        (["train={epochs: 1, epochs: 2}"], "key 'epochs' appears twice"),
        (
            ["data.sim={val_scenes: 1, <<: {val_scenes: 2}, val_scenes: 3}"],
            "key 'val_scenes' appears twice",
        ),
        (["data.cameras=" + "[" * 100_000], "nested deeper than 40 levels"),
        (["grid.pillar_m=0.3"], "expected a whole number"),
        (["model.lidar=null", "model.camera=null"], "at least one sensor"),
        (["model.detection=null", "model.map=null"], "at least one task"),
        (["model.fuser=add", "model.camera.channels=8"], "needs equal channels"),
        (
            ["model.bev.strides=[2,2,64]"],
            "is not divisible by the product 256 of model.bev.strides",
        ),
        (
            [
                "grid={x_range_m: [-5, 5], y_range_m: [-5, 5]}",
                "model.bev={strides: [1, 2, 2], out_stride: 8}",
            ],
            "is not divisible by model.bev.out_stride 8",
        ),
        (
            ["model.bev={out_stride: 3}"],
            "out_stride 3 is no whole multiple or fraction of a level's stride 2",
        ),
        (["model.bev.layers=[1,1]"], "expected one entry per level in each, for 1 to 8 levels"),
        (["model.bev={layers: [], strides: [], channels: []}"], "expected one entry per level"),
        (["model.camera.image_size=[90, 256]"], "got [90, 256], expected multiples of 32"),
        (["model.camera.depth_range_m=[-1, 60]"], "expected depths of 0 m or more"),
        (["model.camera.heights_m=[]"], "at least 1 item"),
        (["model.detection.tasks=[]"], "expected at least one task, and one class in each"),
        (
            ["model.detection.tasks=[[car], []]"],
            "expected at least one task, and one class in each",
        ),
        (["model.map.classes=[divider]"], "expected those of taxonomy nuscenes"),
        (["data.cameras=[CAM_BACK, CAM_BACK]"], "expected each camera once"),
        (["data.version=../other"], "expected a name without slashes"),
        (["name=../../x"], "expected a name without slashes"),
        (['name="a\\nb"'], "expected 1 to 200 printable characters"),
        (['data.root="a\\x07b"'], "expected a path of printable characters"),
        (['data.root="a\\x00b"'], "text with a NUL character"),
        (["grid.x_range_m=[32, -32]"], "expected a first number below the second"),
        (["augment.scale=[1.1, 0.9]"], "expected the smaller number first"),
        (["pretrain.regions.area_m2=[60, 0]"], "expected the smaller number first"),
        (["train.learning_rate=.inf"], "finite number"),
        (["train.weight_decay=.nan"], "finite number"),
        (["train.epochs=true"], "train.epochs: Input should be a valid integer; got True"),
        (["augment.flip_x=1"], "augment.flip_x: Input should be a valid boolean; got 1"),
        (["model.detection.tasks=[[car],[cat]]"], "['cat']"),
        (["model.detection.tasks=[[car],[car]]"], "a class twice"),
        (["device=banana"], "device: got 'banana', expected auto, cpu, cuda or cuda:N"),
        (["device=cuda:x"], "device: got 'cuda:x'"),
        (["device=cuda:٣"], "expected auto, cpu, cuda or cuda:N"),
        (["seed=-1"], "seed: Input should be greater than or equal to 0; got -1"),
    ],
)
def test_every_guard_fires(assignments: list[str], expected: str) -> None:
    with pytest.raises(CalicoError) as caught:
        load_config("tiny", None, assignments)
    assert expected in str(caught.value)
