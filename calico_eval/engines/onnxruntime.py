"""The deployed graph in ONNX Runtime.

The file alone suffices: its metadata say how it is fed and read.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime
import torch

from calico.data.batch import collate_frames
from calico.device import pick_device
from calico.errors import CalicoError
from calico.export.external import hash_graph
from calico.export.graph import graph_inputs, graph_outputs, group_batch, read_metadata
from calico.export.reading import read_graph
from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.engines.answers import AnswerCheck
from calico_eval.engines.foreign import one_line

LOG = logging.getLogger(__name__)
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


class OnnxEngine:
    """An ONNX file made by `calico export`.

    Attributes:
        provider: Execution provider that runs, as the session reports it; `name` ends in 'cpu' or
            'cuda' accordingly.
    """

    def __init__(
        self, path: Path, device: str = "auto", threads: int = 1, model_name: str | None = None
    ) -> None:
        """Open a file.

        Args:
            path: The .onnx file.
            device: 'cpu', 'cuda', 'cuda:1' or 'auto'. 'auto' is CUDA where a GPU is present and the
                provider loads, else the CPU, with a warning where a GPU was passed over.
            threads: CPU threads. With more than one, two runs were seen to differ in the last
                digits of some figures.
            model_name: Name in reports, by default the configuration's.

        Raises:
            CalicoError: The file is no graph of `calico export`, its card does not fit it, or CUDA
                was asked for and did not load.
        """
        self._metadata = read_metadata(path)
        self.sha256 = hash_graph(path, read_graph(path))
        self._session = _open(path, device, threads)
        self.provider: str = self._session.get_providers()[0]
        self.config = config = self._metadata.config
        self.name = f"onnxruntime-{'cuda' if self.provider == CUDA else 'cpu'}"
        self.model_name = model_name or config.name
        present = (("camera", config.model.camera), ("lidar", config.model.lidar))
        self.sensors = tuple(sensor for sensor, branch in present if branch is not None)
        self._answers = AnswerCheck(config.taxonomy.build())

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        """See `Engine.predict`. All frames form one batch."""
        batch = collate_frames(frames)
        grouped = group_batch(batch, self._metadata)
        if grouped is not None and grouped.lost.any():
            raise CalicoError(
                f"model {self.model_name}: the graph's buffers have no room for "
                f"{int(grouped.lost.sum())} points of frames "
                f"{', '.join(frame.token for frame in frames)}; export again on fuller frames, or "
                "run the graph for ort"
            )
        inputs = graph_inputs(batch, self._metadata)
        try:
            values = self._session.run(list(self._metadata.outputs), inputs)
        except Exception as error:  # ONNX Runtime's exceptions share no public base
            tokens = ", ".join(frame.token for frame in frames)
            raise CalicoError(
                f"model {self.model_name}: ONNX Runtime failed on frames {tokens}: "
                f"{one_line(error)}"
            ) from error
        where = f"model {self.model_name} ({self.name})"
        try:
            found = graph_outputs(
                dict(zip(self._metadata.outputs, values, strict=True)), self._metadata, len(frames)
            )
        except CalicoError as error:
            raise CalicoError(
                f"{where}, frame {', '.join(frame.token for frame in frames)}: {error}"
            ) from None
        return self._answers.check_answers(frames, found, where)


def _open(path: Path, device: str, threads: int) -> Any:
    """Open a session on the wanted device."""
    wants_cuda = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    if not wants_cuda:
        pick_device(device)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # its errors come as exceptions, too
    providers: list[Any] = [CPU]
    if wants_cuda and CUDA in onnxruntime.get_available_providers():
        onnxruntime.preload_dlls()  # CUDA and cuDNN from the wheels that torch brings
        providers = [(CUDA, {"device_id": device.partition(":")[2] or "0", "use_tf32": "0"}), CPU]
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime's exceptions share no public base
        raise CalicoError(
            f"graph {path}: ONNX Runtime {onnxruntime.__version__} cannot load it: "
            f"{one_line(error)}"
        ) from error
    if wants_cuda and CUDA not in session.get_providers():
        message = (
            f"ONNX Runtime {onnxruntime.__version__} runs {path.name} on the CPU: its CUDA "
            "provider did not load "
            f"(available: {', '.join(onnxruntime.get_available_providers())})"
        )
        if device != "auto":
            raise CalicoError(
                f"device '{device}': {message}; install onnxruntime-gpu with CUDA, or use --device "
                "cpu"
            )
        LOG.warning(message)
    return session
