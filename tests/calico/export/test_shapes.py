import pytest

from calico.config.load import load_config
from calico.export.shapes import ArrayShape, input_names, output_names


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (("batch", 5), False),
        ((None, 5), False),
        ((7, "columns"), False),
        ((2, 4), True),
        ((2, 5, 1), True),
        ((), True),
    ],
)
def test_only_other_numbers_contradict(sizes: tuple[int | str | None, ...], expected: bool) -> None:
    assert ArrayShape("real", ("batch", 5)).disagrees_with(sizes) is expected


@pytest.mark.parametrize(
    ("settings", "inputs", "outputs"),
    [
        ((), "points point_mask images image_from_lidar", "boxes scores labels nms_residual map_probs"),
        (("model.camera=null",), "points point_mask", "boxes scores labels nms_residual map_probs"),
        (("model.lidar=null", "model.map=null"), "images image_from_lidar", "boxes scores labels nms_residual"),
        (("model.detection=null",), "points point_mask images image_from_lidar", "map_probs"),
    ],
)  # fmt: skip
def test_names_are_those_of_the_sensors_and_heads(
    settings: tuple[str, ...], inputs: str, outputs: str
) -> None:
    config = load_config("tiny", None, settings)
    assert input_names(config, "ort") == tuple(inputs.split())
    assert output_names(config) == tuple(outputs.split())


def test_a_tensorrt_graph_takes_rows_of_pillars() -> None:
    names = input_names(load_config("tiny", None, ["model.camera=null"]), "trt")
    assert names == ("pillar_points", "pillar_count", "pillar_cell", "pillar_mean")
