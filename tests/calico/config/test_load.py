import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from calico.config.load import (
    describe_changes,
    load_config,
    portable_config,
    to_yaml,
    validate_config,
)
from calico.config.presets import PRESETS
from calico.config.schema import Config
from calico.errors import CalicoError


@pytest.mark.parametrize("preset", PRESETS)
def test_yaml_reads_back_to_an_equal_configuration(preset: str) -> None:
    config = load_config(preset)
    assert validate_config(yaml.safe_load(to_yaml(config))) == config


def test_order_is_preset_file_set_flag(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("seed: 1\ntrain: {epochs: 2, batch_size: 2}\n")
    assert load_config("tiny", file).train.epochs == 2
    merged = load_config("tiny", file, ["train.epochs=3", "seed=2"], {"seed": 3, "device": None})
    assert (merged.seed, merged.train.epochs, merged.train.batch_size, merged.device) == (
        3,
        3,
        2,
        "auto",
    )


def test_all_faults_at_once_with_the_nearest_key() -> None:
    with pytest.raises(CalicoError) as caught:
        load_config("tiny", None, ["model.camera.chanels=3", "train.epoch=4", "train.epochs=-1"])
    message = str(caught.value)
    assert "model.camera.chanels (did you mean channels?)" in message
    assert "train.epoch (did you mean epochs?)" in message
    assert "train.epochs: Input should be greater than or equal to 1; got -1" in message


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


@pytest.mark.parametrize(
    ("assignments", "what"),
    [
        (
            ["grid.pillar_m=0.01", "grid.x_range_m=[-50, 50]", "grid.y_range_m=[-50, 50]"],
            "10000 x 10000 pillars",
        ),
        (
            ["grid.map_cell_m=0.001", "grid.map_x_range_m=[0, 20]", "grid.map_y_range_m=[0, 1]"],
            "1000 x 20000 map",
        ),
        (
            ["model.camera={image_size: [8192, 8192], fpn_channels: 4096}"],
            "model.camera.fpn_channels ask for",
        ),
        (
            [
                "model.camera.heights_m=[0, 1, 2, 3, 4, 5, 6, 7]",
                "grid.pillar_m=0.015625",
                "model.lidar.pillar_channels=256",
            ],
            "model.lidar.pillar_channels ask",
        ),
    ],
)
def test_what_asks_for_terabytes_is_refused(assignments: list[str], what: str) -> None:
    with pytest.raises(CalicoError) as caught:
        load_config("tiny", None, assignments)
    assert what in str(caught.value)
    assert "expected at most" in str(caught.value)


def test_a_later_set_of_the_same_key_wins() -> None:
    assert load_config("tiny", None, ["train.epochs=2", "train.epochs=3"]).train.epochs == 3


def test_a_path_or_name_is_taken_as_it_is_typed() -> None:
    typed = [
        "data.root=/data/a: b #1",
        "name=1.0",
        "data.version='v1'",
        "data.cache_dir=null",
        "train.init=[x",
    ]
    config = load_config("tiny", None, typed)
    assert str(config.data.root) == "/data/a: b #1"
    assert (config.name, config.data.version, config.data.cache_dir, config.train.init) == (
        "1.0",
        "v1",
        None,
        "[x",
    )


def test_numbers_as_people_write_them() -> None:
    config = load_config(
        "tiny", None, ["train.learning_rate=1e-3", "train.weight_decay=0", "data.sim.seed=7"]
    )
    assert (config.train.learning_rate, config.train.weight_decay, config.data.sim.seed) == (
        0.001,
        0.0,
        7,
    )


def leaves(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys of all settings, with their annotations."""
    for name, field in section.model_fields.items():
        candidates = [field.annotation, *get_args(field.annotation)]
        inner = [one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel)]
        if inner:
            yield from leaves(inner[0], f"{prefix}{name}.")
        else:
            yield prefix + name, field.annotation


POISON = (
    True,
    False,
    None,
    "x",
    "",
    "\0",
    ".",
    math.nan,
    math.inf,
    -math.inf,
    10**400,
    -(10**400),
    1e300,
    -1e300,
)
POISON += (
    -1,
    0,
    0.5,
    [],
    {},
    [[]],
    [0, 0],
    [1, -1],
    [math.nan, math.nan],
    ["x", "x"],
    [True, True],
)


MAY_BE_EMPTY = (
    "data.cameras",
    "train.corruptions",
    "taxonomy.attribute_order",
    "taxonomy.symmetric",
)


@pytest.mark.parametrize(("key", "annotation"), list(leaves(Config)))
def test_every_setting_refuses_what_it_cannot_mean(key: str, annotation: Any) -> None:
    """A value is refused with the key named, or it is kept as it was given: nothing is converted in
    silence."""
    *parents, name = key.split(".")
    start = ["train.adversarial={}"]
    if parents == ["taxonomy"]:
        start += [
            "taxonomy={classes: [car, bus], map_classes: [walkway], attributes: {car: [lit]}}"
        ]
    for value in POISON:
        tree: dict[str, Any] = load_config("tiny", None, start).model_dump()
        section = tree
        for part in parents:
            section = section[part]
        section[name] = value
        try:
            kept: Any = validate_config(tree)
        except CalicoError as error:
            assert parents[-1:] == [] or parents[0] in str(error), error  # noqa: PT017
            continue
        for part in key.split("."):
            kept = getattr(kept, part)
        assert not isinstance(value, float) or math.isfinite(value), value
        assert not isinstance(value, bool) or annotation is bool, value
        assert not isinstance(value, int | float) or abs(value) < 1e12, value
        assert value != "\0", value
        if isinstance(value, list):
            assert list(kept) == value
            assert value or key in MAY_BE_EMPTY, key
        elif isinstance(kept, Path):
            assert str(kept) == (value or ".")
        else:
            assert kept == value


def test_the_portable_configuration_is_that_of_any_machine(tmp_path: Path) -> None:
    here = load_config(
        "tiny",
        None,
        [
            f"data.root={tmp_path}",
            f"data.cache_dir={tmp_path}",
            "data.workers=3",
            "eval.batch_size=1",
            f"pretrain.regions.cache_dir={tmp_path}",
            f"model.camera.backbone_weights={tmp_path}/w.safetensors",
            "device=cpu",
        ],
    )
    assert portable_config(here) == portable_config(load_config("tiny"))
    assert portable_config(load_config("tiny", None, ["train.epochs=7"])) != portable_config(here)


def test_changes_are_named_by_key_with_both_values() -> None:
    before, now = (
        load_config("tiny", None, [f"train.epochs={n}"]).model_dump(mode="json") for n in (2, 3)
    )
    assert describe_changes(before, now) == ["train.epochs was 2, is 3"]
    now["model"]["camera"] = None
    changes = describe_changes(before, now)
    assert "model.camera was None, is None" not in changes
    assert "model.camera.channels was 32, is None" in changes


def test_unknown_preset_and_bad_files(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match=r"did you mean tiny\?"):
        load_config("tinny")
    with pytest.raises(CalicoError, match="no such file"):
        load_config("tiny", tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(CalicoError, match="got a list"):
        load_config("tiny", tmp_path / "list.yaml")
    (tmp_path / "broken.yaml").write_text("a: [1\n")
    with pytest.raises(CalicoError, match=r"broken\.yaml: no valid YAML, line 2"):
        load_config("tiny", tmp_path / "broken.yaml")
    (tmp_path / "two.yaml").write_text(
        "train: {epochs: 1}\ndata: {workers: 0}\ntrain: {learning_rate: 0.002}\n"
    )
    with pytest.raises(
        CalicoError, match=r"two\.yaml: no valid YAML, line 3 column 1: key 'train' appears twice"
    ):
        load_config("tiny", tmp_path / "two.yaml")
    (tmp_path / "wrong.yaml").write_text('"a\\nb": 1\n')
    with pytest.raises(CalicoError, match=r"wrong\.yaml: unknown key 'a\\nb'"):
        load_config("tiny", tmp_path / "wrong.yaml")
    (tmp_path / "number.yaml").write_text("3: 4\n")
    with pytest.raises(
        CalicoError, match=r"number\.yaml: no valid YAML, line 1 column 1: key 3 is no text"
    ):
        load_config("tiny", tmp_path / "number.yaml")


def test_reference_grids_are_those_of_the_zoo() -> None:
    assert load_config("nuscenes").grid.pillars.shape == (512, 512)
    assert load_config("waymo").grid.pillars.shape == (468, 468)
    assert load_config("nuscenes").grid.map.shape == (200, 200)


def test_the_key_negatives_of_earlier_files_is_taken_where_it_says_nothing_new() -> None:
    """Cards of models trained before name it; the other value needs several devices."""
    plain = load_config("tiny")
    assert load_config("tiny", None, ["pretrain.prc.negatives=frame"]) == plain
    with pytest.raises(CalicoError, match=r"pretrain\.prc: negatives: 'batch' is gone"):
        load_config("tiny", None, ["pretrain.prc.negatives=batch"])
