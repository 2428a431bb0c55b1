"""The scores of a model in training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calico.config.schema import Config
from calico.data.source import FrameSource
from calico_eval.evaluate import evaluate_engine
from calico_eval.metrics.summary import compute_metrics

if TYPE_CHECKING:
    from calico.models.calico import CalicoModel

SHOWN = ("mAP", "NDS", "mIoU")


def validation_metrics(
    model: CalicoModel, config: Config, source: FrameSource
) -> dict[str, float | None]:
    """mAP, NDS and mIoU on all frames of a source; a task that the model does not have is None."""
    from calico_eval.engines.torch import TorchEngine

    device = str(next(model.parameters()).device)
    engine = TorchEngine(model, config, device)
    stats = evaluate_engine(
        engine, source, ranges=eval_ranges(config), batch_size=config.eval.batch_size
    )
    metrics = compute_metrics(stats, with_intervals=False)
    tasks = {"mAP": config.model.detection, "NDS": config.model.detection, "mIoU": config.model.map}
    return {name: metrics[name].value if tasks[name] is not None else None for name in SHOWN}


def eval_ranges(config: Config) -> dict[str, float]:
    """Return class name to evaluation range [m], clipped to the grid if so configured."""
    return config.taxonomy.build().ranges(
        config.grid.pillars.inner_radius_m if config.eval.clip_range_to_grid else None
    )
