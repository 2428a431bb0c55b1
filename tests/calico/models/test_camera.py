from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from calico.config.model import CameraConfig
from calico.errors import CalicoError
from calico.models.camera import ImageEncoder, ResNet, load_backbone


@pytest.mark.parametrize(
    ("backbone", "stride", "width"),
    [("resnet18", 8, 0.5), ("resnet18", 16, 0.25), ("resnet50", 16, 0.125), ("swin_t", 8, 0.25)],
)
def test_features_have_the_stride(backbone: str, stride: int, width: float) -> None:
    config = CameraConfig.model_validate(
        {
            "backbone": backbone,
            "feature_stride": stride,
            "backbone_width": width,
            "fpn_channels": 12,
            "image_size": (64, 96),
        }
    )
    features = ImageEncoder(config).eval()(torch.rand(2, 3, 64, 96))
    assert features.shape == (2, 12, 64 // stride, 96 // stride)


def test_resnet_is_torchvisions_at_width_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    reference = torchvision.models.resnet18(weights=None).eval()
    save_file(reference.state_dict(), tmp_path / "resnet18.safetensors")
    ours = ResNet("resnet18", 1.0).eval()
    load_backbone(ours, tmp_path / "resnet18.safetensors")
    image = torch.rand(1, 3, 64, 64)
    x = reference.maxpool(reference.relu(reference.bn1(reference.conv1(image))))
    expected = reference.layer4(reference.layer3(reference.layer2(reference.layer1(x))))
    with torch.no_grad():
        torch.testing.assert_close(ours(image)[-1], expected)


def test_weights_of_another_width_are_refused(tmp_path: Path) -> None:
    save_file(ResNet("resnet18", 0.5).state_dict(), tmp_path / "half.safetensors")
    with pytest.raises(CalicoError, match="do not fit the backbone"):
        load_backbone(ResNet("resnet18", 1.0), tmp_path / "half.safetensors")


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match="no file"):
        ImageEncoder(CameraConfig(backbone_weights=tmp_path / "none.safetensors"))


def test_a_damaged_file_of_weights_is_named(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(CalicoError, match=r"w\.safetensors: not a safetensors file"):
        load_backbone(ResNet("resnet18", 0.125), tmp_path / "w.safetensors")
