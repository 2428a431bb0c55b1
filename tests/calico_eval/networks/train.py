"""Makes the committed weights beside this file again: python tests/calico_eval/networks/train.py
[NAME ...].

The networks learn from streets of another seed than that of the tests. They are stored in half
precision: a rounded network is a network, too, and the files stay small. Another machine makes
other weights; the tests may then need other margins, so that the files are made again only where
the architecture has changed.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))

from calico.config.schema import Config  # noqa: E402
from calico.data.batch import collate_frames  # noqa: E402
from calico.frame import Frame  # noqa: E402
from calico.losses.supervised import compute_losses  # noqa: E402
from calico.models.calico import CalicoModel, build_model  # noqa: E402
from tests.calico_eval.networks.mini import mini_config  # noqa: E402
from tests.calico_eval.street import Street  # noqa: E402

SCENES, FRAMES_PER_SCENE, STREET_SEED, SHIFT_M = 60, 1, 1, 3.75
BATCH, STEPS, RATE = 4, 500, 5e-3
NETWORKS = {"fused": mini_config(), "camera": mini_config(lidar=False)}
BLIND_SHARE = 0.4
"""Share of the steps on which the fused network loses its points, so that it also learns to
look."""


def train(config: Config, frames: list[Frame]) -> CalicoModel:
    """The network of the configuration after STEPS steps on batches drawn from the frames."""
    model = build_model(config, 0).train()
    optimiser = torch.optim.AdamW(model.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, STEPS)
    stream = torch.Generator().manual_seed(0)
    for step in range(STEPS):
        chosen = torch.randperm(len(frames), generator=stream)[:BATCH].tolist()
        batch = collate_frames([frames[index] for index in chosen])
        blind = torch.rand(1, generator=stream).item() < BLIND_SHARE
        seen = (
            replace(batch, point_mask=torch.zeros_like(batch.point_mask))
            if blind and config.model.lidar
            else batch
        )
        loss = compute_losses(model, model(seen), batch)["total"]
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimiser.step()
        schedule.step()
        if step % 50 == 0 or step == STEPS - 1:
            print(f"{step} {loss.item():.3f} {time.process_time():.0f} s", flush=True)
    return model.eval()


def main() -> None:
    street = Street(SCENES, FRAMES_PER_SCENE, STREET_SEED, SHIFT_M)
    frames = [street[index] for index in range(len(street))]
    for name in sys.argv[1:] or NETWORKS:
        weights = {
            key: value.half() if value.is_floating_point() else value
            for key, value in train(NETWORKS[name], frames).state_dict().items()
        }
        save_file(weights, HERE / f"{name}.safetensors")


if __name__ == "__main__":
    main()
