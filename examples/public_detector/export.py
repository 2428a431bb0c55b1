"""Export the 2D network to ONNX and compare it with torch.

    python -m examples.public_detector.export --out nanodet.onnx

The parity check runs both on random images with ONNX Runtime and prints the largest difference.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from calico.errors import CalicoError
from calico.extras import require_extra
from calico.files import write_atomic
from examples.public_detector.model import MODEL, find_weights
from examples.public_detector.tfjs_graph import TfjsGraph

TOLERANCE = 1e-4
OPSET = 18


class _Tuple(nn.Module):
    """The graph with a tuple of outputs instead of a mapping."""

    def __init__(self, graph: TfjsGraph) -> None:
        super().__init__()
        self.network = graph  # the name graph is taken in exported modules

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network(images).values())


def export_onnx(graph: TfjsGraph) -> bytes:
    """Export a network; the input is called images, the outputs have the names of the graph.

    Args:
        graph: The network.

    Returns:
        The ONNX file.
    """
    require_extra("the export of NanoDet", "export")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own dependencies
        program = torch.onnx.export(
            _Tuple(graph.eval()),
            (torch.zeros(graph.input_shape),),
            dynamo=True,
            opset_version=OPSET,
            input_names=["images"],
            output_names=list(graph.output_shapes),
            verbose=False,
        )
    if program is None:
        raise CalicoError("export of NanoDet: torch.onnx.export returned nothing")
    content: bytes = program.model_proto.SerializeToString()
    return content


def measure_difference(graph: TfjsGraph, content: bytes, seed: int = 0, images: int = 3) -> float:
    """Measure the largest difference between torch and ONNX Runtime.

    Args:
        graph: The network.
        content: The ONNX file.
        seed: Seed of the random images.
        images: Number of images.

    Returns:
        Largest absolute difference of any output.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(seed)
    largest = 0.0
    for _ in range(images):
        values = random.normal(size=graph.input_shape).astype(np.float32)
        with torch.no_grad():
            expected = graph(torch.from_numpy(values))
        found = session.run(list(expected), {"images": values})
        for one, other in zip(expected.values(), found, strict=True):
            largest = max(largest, float(np.abs(one.numpy() - other).max()))
    return largest


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Command line. Default: that of the process.

    Returns:
        The exit code: 0, 1 if the outputs differ, or 2 for an error of the user's.
    """
    parser = argparse.ArgumentParser(description="Export NanoDet to ONNX.")
    parser.add_argument("--weights", type=Path, help="folder of nanodet.json")
    parser.add_argument("--out", type=Path, default=Path("nanodet.onnx"))
    options = parser.parse_args(arguments)
    try:
        graph = TfjsGraph((options.weights or find_weights()) / MODEL)
        content = export_onnx(graph)
        difference = measure_difference(graph, content)
        write_atomic(options.out, content)
    except (CalicoError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"{options.out}: {len(content) / 1e6:.1f} MB, differs from torch by at most "
        f"{difference:.1e} (allowed: {TOLERANCE:.0e})"
    )
    return 0 if difference <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
