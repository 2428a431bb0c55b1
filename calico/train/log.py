"""What a stage writes about itself while it trains."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from calico.config.load import to_yaml
from calico.config.schema import Config
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.files import RUN_FILE, write_atomic


class RunLog:
    """`run.json`, `config.yaml`, `log.jsonl` (no wall times: same run, same bytes) and TensorBoard (with them)."""

    def __init__(
        self,
        out: Path,
        config: Config,
        source: FrameSource,
        stage: str,
        frames: list[int],
        total_steps: int,
        *,
        resume: bool,
    ) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.path = out / "log.jsonl"
        self.board = SummaryWriter(str(out / "tensorboard"))
        text = to_yaml(config)
        if resume and (out / "config.yaml").exists() and (out / "config.yaml").read_text(encoding="utf-8") != text:
            raise CalicoError(
                f"{out}: the configuration differs from that of the run to resume ({out / 'config.yaml'}); "
                "resume with the same options, or use --overwrite"
            )
        run = {
            "kind": "train",
            "stage": stage,
            "data": source.name,
            "data_hash": source.content_hash(),
            "frames": sorted({source.info(index).token for index in frames}),
            "seed": config.seed,
            "steps": total_steps,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }
        before = (
            json.loads((out / RUN_FILE).read_text(encoding="utf-8")) if resume and (out / RUN_FILE).exists() else run
        )
        changed = sorted(
            key for key in ("stage", "data_hash", "frames", "steps", "torch") if before.get(key) != run[key]
        )
        if changed:
            raise CalicoError(
                f"{out}: {', '.join(changed)} differ from those of the run to resume; start again with --overwrite"
            )
        write_atomic(out / RUN_FILE, json.dumps(run, indent=1, sort_keys=True) + "\n")
        write_atomic(out / "config.yaml", text)

    def rewind(self, step: int) -> None:
        """Forgets what a killed run logged after its last checkpoint."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        kept = [line for line in lines if _step_of(line) <= step]
        write_atomic(self.path, "".join(line + "\n" for line in kept))

    def step(self, step: int, epoch: int, values: dict[str, float]) -> None:
        """One training step."""
        self._write({"step": step, "epoch": epoch, **values})
        for name, value in values.items():
            self.board.add_scalar(f"train/{name}", value, step)

    def validation(self, step: int, epoch: int, metrics: dict[str, float | None]) -> None:
        """One validation."""
        self._write({"step": step, "epoch": epoch, "validation": metrics})
        for name, value in metrics.items():
            if value is not None:
                self.board.add_scalar(f"val/{name}", value, step)

    def close(self) -> None:
        """Flushes TensorBoard."""
        self.board.close()

    def _write(self, record: dict[str, object]) -> None:
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")  # a line cut by the kill
