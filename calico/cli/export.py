"""The command `calico export`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calico.cli.options import PATH, UNTRAINED, overwrite_option, with_model_config
from calico.cli.progress import Progress
from calico.extras import require_extra

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calico.config.schema import Config
    from calico.data.batch import Batch
    from calico.data.source import FrameSource
    from calico.export.metadata import Target
    from calico.models.calico import CalicoModel

NUSCENES_IMAGE = (900, 1600)
EXAMPLES = 6
"""Frames that the TensorRT graph's buffers are measured on, spread over the split."""


@click.command("export")
@with_model_config
@click.option(
    "--trt",
    is_flag=True,
    help="Also write the graph for TensorRT (.trt.onnx) and build an engine (.engine).",
)
@click.option(
    "--frames",
    type=click.IntRange(min=1),
    help="Frames for the parity check.  [default: all of the split]",
)
@click.option("--out", type=PATH, help="The ONNX file.  [default: model.onnx beside the model]")
@overwrite_option("Replace the ONNX file if it is there.")
def command(
    models: tuple[str, ...],
    config: Config,
    trt: bool,
    frames: int | None,
    out: Path | None,
    overwrite: bool,
) -> None:
    """Write the model as one ONNX file, checked against torch; with --trt also a TensorRT engine.

    \b
    MODEL is a run folder or a .safetensors file, or the word `untrained` for a
    preset with random weights (shapes, engines).
    Exit code 1: the graph does not agree with torch (the differences are in the
    .parity.json beside it).

    Examples:
      calico export runs/tiny
      calico export runs/tiny --trt
      calico export untrained --preset nuscenes --trt --frames 1 --out nuscenes.onnx
    """
    require_extra("calico export", "train", "export")
    from calico.errors import CalicoError
    from calico.files import check_file

    if len(models) != 1:
        raise click.UsageError(f"got {len(models)} models, expected one")
    if trt:
        from calico.export.tensorrt import check_builder

        check_builder()
    tempfile.gettempdir()  # tracing needs a folder; without one, this call says so itself
    model, place = _open(models[0], config)
    if (model.config.model, model.config.grid) != (config.model, config.grid):
        raise CalicoError(
            "export: model.* and grid.* are those that the model was trained with; leave them out "
            "of the options"
        )
    file = out or place / "model.onnx"
    graph, engine = file.with_suffix(".trt.onnx"), file.with_suffix(".engine")
    for path in (file, graph, engine) if trt else (file,):
        check_file(path, overwrite=overwrite)
    file.parent.mkdir(parents=True, exist_ok=True)
    source = _frames(config)
    count = min(frames or len(source), len(source))
    agreed = _export_graph(model, config, source, count, file, "ort")
    if trt:
        agreed &= _export_graph(model, config, source, count, graph, "trt")
        _build_engine(graph, engine)
    if not agreed:
        sys.exit(1)


def _export_graph(
    model: CalicoModel, config: Config, source: FrameSource, count: int, path: Path, target: Target
) -> bool:
    """Write one graph and compare it with torch on the first `count` frames.

    Returns:
        Whether the graph agrees with torch.
    """
    from calico.data.batch import collate_frames
    from calico.export.onnx import export_onnx
    from calico.export.parity import check_parity, onnx_predict
    from calico.files import write_atomic

    click.echo(f"tracing the graph for {target}; a large model takes minutes", err=True)
    chosen = sorted({len(source) * k // EXAMPLES for k in range(EXAMPLES)})
    example = collate_frames([source[index] for index in chosen])
    several_sizes = len(source.image_sizes()) > 1
    unchecked = path.with_name(f".{path.name}.unchecked.onnx")
    try:
        info = export_onnx(model, config, example, unchecked, target, any_size=several_sizes)
        click.echo(
            f"graph for {target}: {path} ({info.file_bytes / 1e6:.1f} MB, "
            f"{sum(info.operators.values())} operators)"
        )
        bar = Progress(f"parity of {path.name}")
        report = check_parity(model, onnx_predict(unchecked), _batches(source, count, bar))
        write_atomic(path.with_suffix(".parity.json"), report.to_json() + "\n")
        unchecked.replace(path)
    finally:
        unchecked.unlink(missing_ok=True)  # what was not compared with torch does not stay
    click.echo(report.summary())
    return report.passed


def _build_engine(graph: Path, path: Path) -> None:
    """Build a TensorRT engine from a graph and say what was built."""
    from calico.export.tensorrt import build_engine

    click.echo("building the engine; a large model takes minutes", err=True)
    engine = build_engine(graph, path)
    click.echo(
        f"engine: {engine.path} ({engine.file_bytes / 1e6:.1f} MB), {engine.backend} "
        f"{engine.version} for {', '.join(engine.compute_capabilities)}; {engine.note}"
    )


def _open(spec: str, config: Config) -> tuple[CalicoModel, Path]:
    """The model, and the folder that it lies in."""
    from calico.errors import CalicoError
    from calico.models.calico import build_model
    from calico.train.checkpoint import load_model

    if spec == UNTRAINED:
        return build_model(config, config.seed).eval(), Path()
    path = Path(spec)
    if not path.is_dir() and path.suffix != ".safetensors":
        raise CalicoError(
            f"model '{spec}': export starts from the torch weights; give the run folder, or its "
            f".safetensors file"
        )
    return load_model(path)[0], path if path.is_dir() else path.parent


def _frames(config: Config) -> FrameSource:
    """Return the validation frames.

    If the data set is not given, simulated frames in its shapes replace them.
    """
    from calico.data.open import open_source

    if config.data.source == "sim" or config.data.root is not None:
        return open_source(config, "val")
    click.echo(
        f"no --data-root for {config.data.source}: simulated frames in its shapes are used",
        err=True,
    )
    sim = config.data.sim.model_copy(
        update={"val_scenes": 1, "frames_per_scene": 2, "image_size": NUSCENES_IMAGE}
    )
    cameras = (
        config.data.cameras if config.data.source == "nuscenes" else type(config.data)().cameras
    )
    data = config.data.model_copy(update={"source": "sim", "sim": sim, "cameras": cameras})
    return open_source(config.model_copy(update={"data": data}), "val")


def _batches(source: FrameSource, count: int, progress: Progress) -> Iterator[Batch]:
    from calico.data.batch import collate_frames

    for index in range(count):
        yield collate_frames([source[index]])
        progress(index + 1, count)
