"""A graph's card is read strictly, and must fit itself and the graph."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import onnx
import pytest

from calico.errors import CalicoError
from calico.export.reading import read_metadata
from calico.files import to_sealed_json


def change_card(change: Callable[[dict[str, Any]], Any]) -> Callable[[onnx.ModelProto], None]:
    """An edit of the card alone; `change` returns the new card, or None when it changed the one
    that it got."""

    def edit(proto: onnx.ModelProto) -> None:
        entry = next(item for item in proto.metadata_props if item.key == "calico")
        card = json.loads(entry.value)
        entry.value = json.dumps(changed if (changed := change(card)) is not None else card)

    return edit


def put(key: str, value: object) -> Callable[[onnx.ModelProto], None]:
    """An edit of one entry, by its dotted key."""

    def change(card: dict[str, Any]) -> None:
        *path, last = key.split(".")
        for name in path:
            card = card[name]
        card[last] = value

    return change_card(change)


def test_a_sound_card_is_read(graphs: ModuleType, tmp_path: Path) -> None:
    assert read_metadata(graphs.write_graph(tmp_path / "m.onnx")) == graphs.metadata()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        # types
        (change_card(lambda card: []), "format None, expected"),
        (change_card(lambda card: "text"), "format None, expected"),
        (put("format", "calico-graph-9"), "format 'calico-graph-9', expected 'calico-graph-1'"),
        (
            change_card(lambda card: {k: v for k, v in card.items() if k != "views"}),
            "its card is broken: views is missing",
        ),
        (put("more", 1), r"its card is broken: more is '1'"),
        (put("config", []), r"its card is broken: config is '\[\]'"),
        (put("inputs", "points"), r"its card is broken: inputs is 'points'"),
        (put("inputs", [1, 2]), r"its card is broken: inputs\.0 is '1'"),
        (put("raw_hw", 3), r"its card is broken: raw_hw is '3'"),
        (put("raw_hw", [1]), r"its card is broken: raw_hw is"),
        (put("views", "6"), r"its card is broken: views is '6'"),
        (put("views", 1.5), r"its card is broken: views is '1\.5'"),
        (put("views", True), r"its card is broken: views is 'True'"),
        (put("pillars", [1, 2]), r"its card is broken: pillars"),
        (put("weights_sha256", "x"), r"its card is broken: weights_sha256 is 'x'"),
        (put("calico_version", "1\n2"), r"its card is broken: calico_version is"),
        # sizes
        (put("views", 10**9), r"its card is broken: views is '1000000000'"),
        (put("raw_hw", [10**6, 10**6]), r"its card is broken: raw_hw\.0 is '1000000'"),
        (
            put("pillars", {"rows": 10**12, "points": 8}),
            r"its card is broken: pillars\.rows is '1000000000000'",
        ),
        (
            put("config.grid.map_cell_m", 1e-9),
            "its card does not fit this version: configuration: grid",
        ),
        (put("config.model.detection.max_boxes", 10**12), "its card does not fit this version"),
        # another model than the graph's
        (put("target", "trt"), "its card contradicts itself: inputs"),
        (put("inputs", ["points"]), "its card contradicts itself: inputs"),
        (
            put("outputs", ["boxes", "scores", "labels", "map_probs"]),
            "its card contradicts itself: outputs",
        ),
        (put("views", 6), "its card contradicts itself: views above 0: True"),
        (
            put("pillars", {"rows": 8, "points": 8}),
            "its card contradicts itself: pillars given: True",
        ),
        (put("config.model.map", None), "its card contradicts itself: outputs"),
        (
            put("config.grid.map_x_range_m", [-8, 24]),
            "its property map_grid does not say what its card says",
        ),
        (
            put("config.grid.pillar_m", 0.5),
            "its property pillar_grid does not say what its card says",
        ),
        (
            put("config.model.map.classes", ["divider"]),
            "its card does not fit this version: configuration: model.map.classes",
        ),
        (
            put("config.model.detection.score_threshold", 0.3),
            "its property score_threshold does not say",
        ),
        (
            put("weights_sha256", "1" * 64),
            "its property weights_sha256 does not say what its card says",
        ),
    ],
)
def test_a_card_that_cannot_be_believed(
    edit: Callable[[onnx.ModelProto], None], message: str, graphs: ModuleType, tmp_path: Path
) -> None:
    path = graphs.write_graph(tmp_path / "m.onnx", edit=edit)
    with pytest.raises(CalicoError, match=rf"^graph .*m\.onnx: {message}"):
        read_metadata(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100000,
        '{"format": 1, "format": 2}',
        '{"views": 1e999}',
        '{"views": ' + "9" * 5000 + "}",
        '"\\ud800"',
    ],
)
def test_a_card_that_is_no_strict_json(text: str, graphs: ModuleType, tmp_path: Path) -> None:
    def edit(proto: onnx.ModelProto) -> None:
        next(item for item in proto.metadata_props if item.key == "calico").value = text

    with pytest.raises(CalicoError, match=r"m\.onnx: its card"):
        read_metadata(graphs.write_graph(tmp_path / "m.onnx", edit=edit))


def test_a_card_of_another_model_that_agrees_with_itself(
    graphs: ModuleType, tmp_path: Path
) -> None:
    detection = graphs.CONFIG.model.detection.model_copy(update={"tasks": (("car",), ("bus",))})
    model = graphs.CONFIG.model.model_copy(update={"detection": detection})
    other = graphs.CONFIG.model_copy(update={"model": model})
    with pytest.raises(
        CalicoError, match=r"boxes has the shape \[None, 4, 9\] .* its card says \['batch', 8, 9\]"
    ):
        read_metadata(graphs.write_graph(tmp_path / "m.onnx", config=other))


def test_a_property_twice(graphs: ModuleType, tmp_path: Path) -> None:
    def edit(proto: onnx.ModelProto) -> None:
        proto.metadata_props.add(key="calico", value="{}")

    with pytest.raises(CalicoError, match="the property calico comes twice"):
        read_metadata(graphs.write_graph(tmp_path / "m.onnx", edit=edit))


def test_inputs_and_outputs_of_other_names(graphs: ModuleType, tmp_path: Path) -> None:
    def swap(proto: onnx.ModelProto) -> None:
        first, second = proto.graph.output[0], proto.graph.output[1]
        first.name, second.name = second.name, first.name

    with pytest.raises(
        CalicoError, match=r"its outputs are scores, boxes, labels, .* its card says boxes, scores"
    ):
        read_metadata(graphs.write_graph(tmp_path / "m.onnx", edit=swap))


@pytest.mark.parametrize(
    "content", ["[]", "3", "{}", '{"metadata": []}', '{"metadata": {}}', "{", "", '{"metadata": 1}']
)
def test_the_card_beside_an_engine_is_no_card(content: str, tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    path.write_text(content)
    with pytest.raises(CalicoError, match=r"graph .*engine\.json: "):
        read_metadata(path)


@pytest.fixture
def engine_card(graphs: ModuleType, tmp_path: Path) -> Path:
    (tmp_path / "m.engine").write_bytes(b"plan")
    about = {"path": "m.engine", "sha256": hashlib.sha256(b"plan").hexdigest()}
    content = {"engine": about, "metadata": graphs.metadata().to_properties()}
    (tmp_path / "m.json").write_bytes(to_sealed_json(content))
    return tmp_path / "m.json"


def test_the_card_beside_an_engine(graphs: ModuleType, engine_card: Path) -> None:
    assert read_metadata(engine_card) == graphs.metadata()


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (
            {"path": "m.engine", "sha256": "0" * 64},
            r"m\.engine: is not the file that m\.json describes; build the engine",
        ),
        ({"path": "other.engine", "sha256": "0" * 64}, "no such file; build the engine again"),
        ({"path": "../m.engine", "sha256": "0" * 64}, "names no engine"),
        ({"path": 3, "sha256": 4}, "names no engine"),
        ([], "names no engine"),
    ],
)
def test_an_engine_that_is_not_the_cards(
    about: object, message: str, graphs: ModuleType, engine_card: Path
) -> None:
    engine_card.write_bytes(
        to_sealed_json({"engine": about, "metadata": graphs.metadata().to_properties()})
    )
    with pytest.raises(CalicoError, match=message):
        read_metadata(engine_card)
