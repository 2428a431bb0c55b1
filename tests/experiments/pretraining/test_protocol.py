import pytest

from calico.errors import CalicoError
from experiments.pretraining import protocol
from experiments.pretraining.protocol import (
    CORE,
    SIZES,
    VARIANTS,
    Cell,
    cells,
    config_of,
    stage_key,
)


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("name", list(VARIANTS))
def test_every_variant_of_every_size_has_a_configuration(size: str, name: str) -> None:
    variant = VARIANTS[name]
    pretraining, finetuning = config_of(Cell(size, variant, 0.05, 1))
    assert (finetuning.model.lidar is None, finetuning.model.camera is None) == (
        name.startswith("camera"),
        name.startswith("lidar"),
    )
    assert finetuning.train.label_fraction == 0.05
    assert pretraining.seed == finetuning.seed == 1
    assert pretraining.model.lidar is not None or not variant.stages
    assert pretraining.model.camera is not None or "rad" not in variant.stages


def test_all_variants_take_the_same_steps() -> None:
    schedules = {
        (name, share): config_of(Cell("laptop", VARIANTS[name], share, 0))[1].train.model_dump(
            exclude={"label_fraction"}
        )
        for name in CORE
        for share in (0.01, 1.0)
    }
    assert all(schedule == schedules["fused-random", 1.0] for schedule in schedules.values())


def test_cells_share_pre_training_where_it_is_the_same() -> None:
    def keys(name: str, share: float = 0.05, seed: int = 0) -> list[str]:
        variant = VARIANTS[name]
        return [
            stage_key(stage, config_of(Cell("laptop", variant, share, seed))[0], "data")
            for stage in variant.stages
        ]

    assert (
        keys("fused-prc")
        == keys("fused-calico")[:1]
        == keys("fused-kl")[:1]
        == keys("camera-calico")[:1]
    )
    assert keys("fused-calico")[1] != keys("fused-kl")[1]
    assert keys("fused-prc", 0.05) == keys("fused-prc", 1.0)
    assert keys("fused-prc", seed=0) != keys("fused-prc", seed=1)
    assert (
        len(
            {
                keys(name)[0]
                for name in (
                    "lidar-prc",
                    "lidar-prc-a0",
                    "lidar-prc-a1",
                    "lidar-scene",
                    "fused-prc",
                )
            }
        )
        == 5
    )


def test_the_place_of_the_data_does_not_change_a_pre_training() -> None:
    cell = Cell("laptop", VARIANTS["fused-prc"], 0.05, 0)
    moved = ("data.cache_dir=elsewhere", "data.workers=2", "pretrain.regions.cache_dir=there")
    here, there = (config_of(cell, extra)[0] for extra in ((), moved))
    assert stage_key("prc", here, "data") == stage_key("prc", there, "data")


@pytest.mark.parametrize("stage", ["prc", "rad"])
def test_what_only_evaluation_reads_does_not_change_a_pre_training(stage: str) -> None:
    unread = (
        "data.sim={val_scenes: 3, test_scenes: 7}",
        "data.val_split=mini_val",
        "model.detection={score_threshold: 0.3, nms_iou: 0.5, nms_rounds: 3, max_boxes: 50}",
    )
    cell = Cell("laptop", VARIANTS["fused-calico"], 0.05, 0)
    before = stage_key(stage, config_of(cell)[0], "data")
    assert stage_key(stage, config_of(cell, unread)[0], "data") == before
    for read in ("data.sim.train_scenes=9", "data.train_split=all", "model.detection.channels=16"):
        assert stage_key(stage, config_of(cell, (read,))[0], "data") != before
    no_boxes = config_of(cell, ("model.detection=null",))[0]
    assert stage_key(stage, no_boxes, "data") != before


def test_other_data_or_other_regions_are_another_pre_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, _ = config_of(Cell("laptop", VARIANTS["fused-prc"], 0.05, 0))
    before = stage_key("prc", config, "data")
    assert stage_key("prc", config, "other data") != before
    monkeypatch.setattr(protocol, "REGIONS_VERSION", -1)
    assert stage_key("prc", config, "data") != before


def test_cells_come_seed_by_seed_and_have_names_of_their_own() -> None:
    found = cells("ci", ("lidar-random", "lidar-prc"), (0.01, 1.0), (0, 1))
    assert [cell.seed for cell in found] == [0] * 4 + [1] * 4
    assert len({cell.name for cell in found}) == 8
    assert found[0].name == "lidar-random-1pct-seed0"


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(
        CalicoError,
        match="'huge': expected one of ci, laptop, laptop-short, laptop-8-beams, laptop-4-beams, "
        "real, full",
    ):
        cells("huge", CORE, (1.0,), (0,))
    with pytest.raises(CalicoError, match="'best': expected some of lidar-random"):
        cells("ci", ("best",), (1.0,), (0,))
