"""Image backbones made of torchvision's blocks, and a feature pyramid.

Source:
    ResNet (He et al. 2016), Swin (Liu et al. 2021), FPN (Lin et al. 2017).
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from calico.config.model import CameraConfig
from calico.errors import CalicoError
from calico.files import read_bytes
from calico.models.layers import conv_block

MAX_WEIGHTS_BYTES = 4 << 30


class ResNet(nn.Module):
    """ResNet-18 or -50 without its classifier, its channels multiplied by `width`.

    Its parameters have torchvision's names, so that torchvision's weights load at width 1. Feature
    (i, j) of stride s is centred on the pixel (s i, s j).
    """

    def __init__(self, name: str, width: float) -> None:
        from torchvision.models.resnet import (
            BasicBlock,
            Bottleneck,
        )  # takes 2 s: only where a network is built

        super().__init__()
        block, depths = (
            (BasicBlock, (2, 2, 2, 2)) if name == "resnet18" else (Bottleneck, (3, 4, 6, 3))
        )
        planes = [max(8, round(64 * width) * 2**level) for level in range(4)]
        self.conv1 = nn.Conv2d(3, planes[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(planes[0])
        inputs = planes[0]
        for level, (depth, plane) in enumerate(zip(depths, planes, strict=True)):
            blocks = []
            for index in range(depth):
                stride = 2 if level > 0 and index == 0 else 1
                outputs = plane * block.expansion
                shortcut = None
                if stride != 1 or inputs != outputs:
                    shortcut = nn.Sequential(
                        nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
                    )
                blocks.append(block(inputs, plane, stride, shortcut))
                inputs = outputs
            self.add_module(f"layer{level + 1}", nn.Sequential(*blocks))
        self.channels = tuple(plane * block.expansion for plane in planes)
        self.origin_px = 0.0
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> list[Tensor]:
        """Turn (n, 3, H, W) images into features of stride 4, 8, 16 and 32."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(images))), 3, 2, 1)
        features = []
        for level in range(4):
            x = self.get_submodule(f"layer{level + 1}")(x)
            features.append(x)
        return features


class Swin(nn.Module):
    """Swin-T without its classifier.

    `width` multiplies its 96 embedding channels.

    Feature (i, j) is centred on its patch.
    """

    def __init__(self, width: float) -> None:
        from torchvision.models.swin_transformer import SwinTransformer

        super().__init__()
        embed = max(12, 12 * round(8 * width))
        whole = SwinTransformer(
            [4, 4], embed, [2, 2, 6, 2], [3, 6, 12, 24], [7, 7], stochastic_depth_prob=0.2
        )
        self.features = whole.features
        self.channels = tuple(embed * 2**level for level in range(4))
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for channels in self.channels)
        self.origin_px = 0.5

    def forward(self, images: Tensor) -> list[Tensor]:
        """Turn (n, 3, H, W) images into features of stride 4, 8, 16 and 32."""
        features = []
        x = images
        for index, stage in enumerate(self.features):
            x = stage(x)
            if index % 2 == 1:
                features.append(self.norms[index // 2](x).permute(0, 3, 1, 2))
        return features


class ImageEncoder(nn.Module):
    """Turns images into features (n, fpn_channels, H / stride, W / stride)."""

    def __init__(self, config: CameraConfig) -> None:
        super().__init__()
        self.stride = config.feature_stride
        self.backbone: ResNet | Swin = (
            Swin(config.backbone_width)
            if config.backbone == "swin_t"
            else ResNet(config.backbone, config.backbone_width)
        )
        self.first = 1 if config.feature_stride == 8 else 2
        channels = self.backbone.channels[self.first :]
        self.laterals = nn.ModuleList(nn.Conv2d(c, config.fpn_channels, 1) for c in channels)
        self.smooth = conv_block(config.fpn_channels, config.fpn_channels)
        self.origin_px = self.backbone.origin_px * (self.stride - 1)
        if config.backbone_weights is not None:
            load_backbone(self.backbone, config.backbone_weights)

    def forward(self, images: Tensor) -> Tensor:
        """Return the features of (n, 3, H, W) normalised images."""
        levels = self.backbone(images)[self.first :]
        top: Tensor | None = None
        for lateral, level in zip(reversed(self.laterals), reversed(levels), strict=True):
            here = lateral(level)
            top = (
                here if top is None else here + F.interpolate(top, scale_factor=2.0, mode="nearest")
            )
        smooth: Tensor = self.smooth(top)
        return smooth


def load_backbone(backbone: nn.Module, path: Path) -> None:
    """Load torchvision-named weights from a safetensors file.

    Those of a classifier are ignored.

    Args:
        backbone: Backbone that gets the weights.
        path: Safetensors file.

    Raises:
        CalicoError: The file does not exist, or names or shapes do not fit.
    """
    if not path.is_file():
        raise CalicoError(
            f"model.camera.backbone_weights: no file {path}; expected a safetensors file"
        )
    own = backbone.state_dict()
    try:
        stored = load(read_bytes(path, MAX_WEIGHTS_BYTES, "model.camera.backbone_weights"))
    except SafetensorError as error:
        raise CalicoError(
            f"model.camera.backbone_weights {path}: not a safetensors file ({error})"
        ) from None
    weights = {
        name: value
        for name, value in stored.items()
        if not name.startswith(("fc.", "head.", "norm."))
    }
    wrong = [
        name for name, value in weights.items() if name not in own or own[name].shape != value.shape
    ]
    missing = [name for name in own if name not in weights and not name.startswith("norms.")]
    if wrong or missing:
        raise CalicoError(
            f"{path}: weights do not fit the backbone: {len(wrong)} unknown or of another shape "
            f"(first: {wrong[:1]}), "
            f"{len(missing)} missing (first: {missing[:1]}); expected torchvision's names at "
            f"backbone_width 1"
        )
    with torch.no_grad():
        for name, value in weights.items():
            own[name].copy_(value)
