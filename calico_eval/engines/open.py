"""Open the engine that the user named."""

from __future__ import annotations

from pathlib import Path

from calico.errors import CalicoError
from calico.extras import require_extra
from calico.names import split_name
from calico_eval.engines.base import Engine


def open_engine(spec: str, device: str = "auto", threads: int = 1) -> Engine:
    """Open a model.

    Args:
        spec: A file ending in .onnx, a .safetensors checkpoint or the folder of a training run,
            package.module:factory (a user's own model), or a folder of submissions with a
            clean.json (predictions of another stack). 'NAME=' in front gives it another name in
            reports.
        device: 'auto', 'cpu' or 'cuda'. A user's model chooses for itself.
        threads: CPU threads of ONNX Runtime. One keeps its results the same from run to run.

    Returns:
        The engine.

    Raises:
        CalicoError: The file or folder does not exist, or the text has none of these forms.
    """
    name, spec = split_name(spec)
    path = Path(spec)
    if path.suffix == ".onnx":
        require_extra(f"model {spec}", "train", "export")
        from calico_eval.engines.onnxruntime import OnnxEngine

        return OnnxEngine(path, device=device, threads=threads, model_name=name)
    if (path / "clean.json").is_file():
        from calico_eval.engines.predictions import PredictionFiles

        return PredictionFiles(path, name)
    if path.suffix == ".safetensors" or path.is_dir():
        require_extra(f"model {spec}", "train")
        from calico_eval.engines.torch import TorchEngine

        return TorchEngine.load(path, device=device, model_name=name)
    if ":" in spec:
        from calico_eval.engines.load_user import load_user_engine

        engine = load_user_engine(spec)
        if name:
            engine.model_name = name
        return engine
    state = "is a file of another kind" if path.exists() else "does not exist"
    raise CalicoError(
        f"model '{spec}' {state}; expected a .onnx file, a .safetensors checkpoint, the folder of "
        "a training run, package.module:factory, or a folder of submissions with a clean.json"
    )
