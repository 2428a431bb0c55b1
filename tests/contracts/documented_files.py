"""The files that the documentation's Python blocks speak of, made small: run as `python THIS
FOLDER`.

runs/tiny/                      a model: the committed test network
runs/tiny/model.onnx            the same, exported
runs/robust/results.json        an evaluation of it under fog
gate.yaml                       one rule
DATA/                           a data set in nuScenes' layout: frames of the simulator
"""

from __future__ import annotations

import sys
from pathlib import Path

from calico import open_data
from calico.config.data import DataConfig, SimConfig
from calico.data.batch import collate_frames
from calico.data.copies.export import export_frames
from calico.data.open import open_source
from calico.export.onnx import export_onnx
from calico.train.checkpoint import save_model
from calico_eval.evaluation.inputs import EvaluationInputs
from calico_eval.evaluation.options import RunOptions
from calico_eval.evaluation.plan import ConditionChoice, make_plan
from calico_eval.evaluation.run import run_evaluation
from calico_eval.metrics.nuscenes import class_ranges
from tests.calico_eval.networks.mini import load_network, mini_config


def make_files(folder: Path) -> None:
    """Make the files in an empty folder.

    Args:
        folder: The folder that the blocks run in.
    """
    sim = SimConfig(train_scenes=2, val_scenes=2, frames_per_scene=3)
    config = mini_config(name="tiny").model_copy(update={"data": DataConfig(sim=sim)})
    engine = load_network("fused", config)
    run = folder / "runs" / "tiny"
    run.mkdir(parents=True)
    save_model(run / "model.safetensors", engine.model, config)
    source = open_source(config, "val")
    frames = [source[index] for index in range(4)]
    export_onnx(engine.model, config, collate_frames(frames), run / "model.onnx")
    inputs = EvaluationInputs([engine], source)
    choice = ConditionChoice(corruptions=("fog",), severities=(3,))
    plan = make_plan(inputs, choice, ranges=class_ranges())
    run_evaluation(plan, inputs, folder / "runs" / "robust", RunOptions(title="tiny"))
    (folder / "gate.yaml").write_text("rules:\n  - {metric: mAP, condition: clean, min: 0.01}\n")
    data = open_data(
        "sim", "train", settings=["data.sim.train_scenes=2", "data.sim.frames_per_scene=3"]
    )
    export_frames({"train": data}, folder / "DATA", link=False)


if __name__ == "__main__":
    make_files(Path(sys.argv[1]))
