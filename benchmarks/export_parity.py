"""Export, parity and engine of a trained model: what docs/guides/export.md states.

    python benchmarks/export_parity.py runs/tiny [--frames 50] [--threads 1]

Both graphs are compared with torch on frames of the run's validation split; the engine is built
from the TensorRT graph.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

from calico.config.load import load_config
from calico.data.batch import collate_frames
from calico.data.open import open_source
from calico.errors import CalicoError
from calico.export.metadata import Target
from calico.export.onnx import export_onnx
from calico.export.parity import check_parity, onnx_predict
from calico.export.tensorrt import build_engine
from calico.train.checkpoint import load_model

TARGETS: tuple[Target, ...] = ("ort", "trt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a training run")
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = load_config("tiny", options.run / "config.yaml")
    model, _ = load_model(options.run)
    source = open_source(config, "val")
    indices = range(0, len(source), max(1, len(source) // options.frames))
    print(f"{source.name}: {len(indices)} of {len(source)} frames, {options.threads} threads")
    with tempfile.TemporaryDirectory() as folder:
        for target in TARGETS:
            path = Path(folder) / f"{target}.onnx"
            start = time.perf_counter()
            example = collate_frames(
                [source[index] for index in indices[:: max(1, len(indices) // 8)]]
            )
            info = export_onnx(model, config, example, path, target)
            print(
                f"{target}: exported in {time.perf_counter() - start:.0f} s, "
                f"{info.file_bytes / 1e6:.1f} MB, "
                f"{sum(info.operators.values())} operators, "
                f"{info.metadata.pillars or 'points as they are'}"
            )
            report = check_parity(
                model,
                onnx_predict(path, options.threads),
                (collate_frames([source[index]]) for index in indices),
            )
            print(f"  {report.summary()}")
            print(
                f"  largest difference: {report.max_distance_m * 1e6:.1f} um, "
                f"{report.max_angle_deg:.1e} degrees"
            )
            for item in report.unmatched:
                print(f"  {item}")
        start = time.perf_counter()
        try:
            engine = build_engine(path, Path(folder) / "model.engine")
        except CalicoError as error:
            print(f"no engine: {error}")
            return
        print(
            f"{engine.backend} {engine.version}: {engine.file_bytes / 1e6:.1f} MB in "
            f"{time.perf_counter() - start:.1f} s for "
            f"{', '.join(engine.compute_capabilities)}; {engine.note}"
        )


if __name__ == "__main__":
    main()
