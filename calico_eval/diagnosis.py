"""Diagnosis of a model while it is pre-trained: a linear probe and a picture of embeddings.

Nothing of it is fed back into the training.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from calico.config.schema import Config
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.files import write_atomic
from calico.models.calico import CalicoModel
from calico.train.task import Measure
from calico_eval.features import Branch
from calico_eval.probe import probe_metrics, probe_split
from calico_eval.region_picture import region_picture

BRANCHES: dict[str, Branch] = {"prc": "lidar", "rad": "camera"}
"""Branch that each stage of pre-training trains."""
FRAMES = 20
"""Frames to fit the probe on, as many to score it on, and those in the picture."""


def diagnosis(
    source: FrameSource, branch: Branch, picture: Path, *, seed: int, say: Callable[[str], None]
) -> Measure:
    """Make a measure for `calico.train.stages.run_stage`.

    What cannot be measured is reported and does not stop the training.

    Args:
        source: Labelled frames that the model is not trained on.
        branch: The branch that is trained. If a model has a LiDAR, cameras are also probed beside
            it, and the LiDAR alone. This tells whether they have learnt more than the LiDAR says as
            well. The keys are `both_probe_ap`, `lidar_probe_ap` and so on.
        picture: PNG that is written anew each time.
        seed: Seed of the run.
        say: Prints a line.
    """
    indices = range(0, len(source), -(-len(source) // FRAMES))

    def draw(model: CalicoModel) -> None:
        stream = io.BytesIO()
        Image.fromarray(region_picture(model, source, indices, branch=branch, seed=seed)).save(
            stream, "png"
        )
        write_atomic(picture, stream.getvalue())

    def measure(model: CalicoModel, config: Config) -> dict[str, float | None]:
        try:
            draw(model)
        except CalicoError as error:  # no regions
            say(f"no picture of the regions: {error}")
        found: dict[str, float | None] = {}
        beside: tuple[Branch, ...] = (
            ("lidar", "both") if branch == "camera" and model.lidar is not None else ()
        )
        try:
            fit, test = probe_split(source, FRAMES, seed)
            for which in (branch, *beside):
                scores = probe_metrics(model, source, fit, test, branch=which, seed=seed)
                say(
                    f"linear probe, {which}: "
                    + "  ".join(f"{name} {value:.3f}" for name, value in scores.items())
                )
                found |= {
                    name if which == branch else f"{which}_{name}": value
                    for name, value in scores.items()
                }
        except CalicoError as error:  # one scene, too few objects
            say(f"no linear probe: {error}")
        return found

    return measure
