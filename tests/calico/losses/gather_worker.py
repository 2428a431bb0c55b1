"""One of two processes of test_prc.py: python gather_worker.py RANK FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F

from calico.losses.prc import gather_embeddings, point_region_contrast


def main(rank: int, folder: Path) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    first, second, region, weight = torch.load(folder / "rows.pt", weights_only=True)
    mine = slice(0, 10) if rank == 0 else slice(10, None)
    weight.requires_grad_()
    a, b = (F.normalize(rows[mine] @ weight, dim=1) for rows in (first, second))
    a.retain_grad()
    gathered = gather_embeddings(a, b, region[mine])
    loss = point_region_contrast(*gathered, alpha=0.5, temperature=0.2)["total"]
    torch.autograd.backward(loss)
    torch.save(
        {"loss": loss.detach(), "rows": a.grad, "weight": weight.grad}, folder / f"{rank}.pt"
    )
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
