"""The detection head: one heat map per class and the box at each of its peaks.

Source:
    CenterHead (Yin et al., CVPR 2021). Deviation: one 3x3 convolution makes the hidden features of
    all tasks' branches at once, two per task (heat map; all box terms), where the original has six
    separate ones per task. The output layers are 1x1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from calico.config.model import DetectionConfig
from calico.models.layers import at_least_float32, conv_block, full_precision

PRIOR_LOGIT = -2.19
"""Heat maps start at a probability of 0.1 (Zhou et al. 2019)."""

BOX_TERMS = {"offset": 2, "height": 1, "log_size": 3, "yaw": 2, "velocity": 2}


@dataclass(frozen=True)
class TaskOutput:
    """Maps of one task on the trunk grid.

    Attributes:
        heatmap: (B, classes, Y, X) logits.
        offset: (B, 2, Y, X) centre x, y minus the cell's lower corner [cells].
        height: (B, 1, Y, X) z of the centre [m].
        log_size: (B, 3, Y, X) log of length, width, height [m].
        yaw: (B, 2, Y, X) sine and cosine.
        velocity: (B, 2, Y, X) vx, vy [m/s].
    """

    heatmap: Tensor
    offset: Tensor
    height: Tensor
    log_size: Tensor
    yaw: Tensor
    velocity: Tensor


class CenterHead(nn.Module):
    """Turns (B, inputs, Y, X) features into one TaskOutput per task of the configuration."""

    def __init__(self, config: DetectionConfig, inputs: int) -> None:
        super().__init__()
        self.channels = config.channels
        self.shared = conv_block(inputs, config.channels)
        self.hidden = conv_block(config.channels, config.channels * 2 * len(config.tasks))
        self.heatmaps = nn.ModuleList(
            nn.Conv2d(config.channels, len(names), 1) for names in config.tasks
        )
        self.boxes = nn.ModuleList(
            nn.Conv2d(config.channels, sum(BOX_TERMS.values()), 1) for _ in config.tasks
        )
        for name, parameter in self.heatmaps.named_parameters():
            if name.endswith("bias"):
                nn.init.constant_(parameter, PRIOR_LOGIT)

    def forward(self, bev: Tensor) -> tuple[TaskOutput, ...]:
        """Return the maps of every task."""
        hidden = self.hidden(self.shared(bev)).split(self.channels, dim=1)
        outputs = []
        with full_precision(bev):
            for index, (heatmap, boxes) in enumerate(zip(self.heatmaps, self.boxes, strict=True)):
                terms = torch.split(
                    boxes(at_least_float32(hidden[2 * index + 1])), list(BOX_TERMS.values()), dim=1
                )
                outputs.append(TaskOutput(heatmap(at_least_float32(hidden[2 * index])), *terms))
        return tuple(outputs)
