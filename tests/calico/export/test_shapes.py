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


POINTS, IMAGES = ("points", "point_mask"), ("images", "image_from_lidar")
BOXES, MAP = ("boxes", "scores", "labels", "nms_residual"), ("map_probs",)


@pytest.mark.parametrize(
    ("settings", "inputs", "outputs"),
    [
        ((), (*POINTS, *IMAGES), (*BOXES, *MAP)),
        (("model.camera=null",), POINTS, (*BOXES, *MAP)),
        (("model.lidar=null", "model.map=null"), IMAGES, BOXES),
        (("model.detection=null",), (*POINTS, *IMAGES), MAP),
    ],
)
def test_names_are_those_of_the_sensors_and_heads(
    settings: tuple[str, ...], inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> None:
    config = load_config("tiny", None, settings)
    assert input_names(config, "ort") == inputs
    assert output_names(config) == outputs


def test_a_tensorrt_graph_takes_rows_of_pillars() -> None:
    names = input_names(load_config("tiny", None, ["model.camera=null"]), "trt")
    assert names == ("pillar_points", "pillar_count", "pillar_cell", "pillar_mean")
