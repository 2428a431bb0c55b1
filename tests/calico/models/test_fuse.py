import torch
import torch.nn.functional as F
from torch import nn

from calico.models.fuse import CAMERA_START, AddFuser, ConvFuser


def test_a_sum_adds() -> None:
    camera, lidar = torch.randn(1, 2, 3, 4), torch.randn(1, 2, 3, 4)
    assert torch.equal(AddFuser()(camera, lidar), camera + lidar)


def test_cameras_come_first_and_start_small() -> None:
    """The weights of a usual convolution, those on camera features a tenth of it."""
    torch.manual_seed(0)
    fuser = ConvFuser(3, 5, 4)
    torch.manual_seed(0)
    usual = nn.Conv2d(8, 4, 3, padding=1, bias=False)
    weight = fuser.block[0].weight
    torch.testing.assert_close(weight[:, :3], CAMERA_START * usual.weight[:, :3])
    assert torch.equal(weight[:, 3:], usual.weight[:, 3:])
    assert CAMERA_START == 0.1


def test_fusion_is_a_convolution_of_both() -> None:
    fuser = ConvFuser(2, 3, 4).eval()
    camera, lidar = torch.randn(2, 2, 6, 5), torch.randn(2, 3, 6, 5)
    plain = F.conv2d(torch.cat([camera, lidar], 1), fuser.block[0].weight, padding=1)
    expected = torch.relu(
        plain / (1 + fuser.block[1].eps) ** 0.5
    )  # fresh batch norm: mean 0, var 1
    torch.testing.assert_close(fuser(camera, lidar), expected)
