"""Windows of random search: inside what is there, of the size asked for, of one sign per colour or
column."""

import pytest
import torch

from calico.frame import Frame
from calico_eval.attacks import Threat
from calico_eval.attacks.blackbox.neighbourhoods import PointWindows, ViewWindows, windows_of
from calico_eval.attacks.search_space.joint import make_domain


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("share", [0.0001, 0.01, 0.2, 0.8, 1.0])
@pytest.mark.parametrize(("height", "width"), [(8, 100), (40, 10), (16, 16)])
def test_a_window_is_a_rectangle_of_one_view(share: float, height: int, width: int) -> None:
    windows = ViewWindows([(height, width)] * 6, height, width)
    seen = set()
    for seed in range(40):
        index, signs = windows.draw_window(share, stream(seed))
        whole = torch.zeros(6 * 3 * height * width)
        whole[index] = signs
        cells = whole.reshape(6, 3, height, width)
        (view,) = cells.abs().flatten(1).any(dim=1).nonzero().flatten().tolist()
        seen.add(view)
        used = cells[view].abs().amax(dim=0)
        high, wide = int(used.any(dim=1).sum()), int(used.any(dim=0).sum())
        assert int(used.sum()) == high * wide == len(index) // 3
        assert used.any(dim=1).nonzero().flatten().diff().eq(1).all()
        assert used.any(dim=0).nonzero().flatten().diff().eq(1).all()
        for colour in cells[view]:
            assert len(colour[colour != 0].unique()) == 1
        wanted = max(share * height * width, 1.0)
        assert (
            abs(high * wide - wanted) <= max(0.6 * high + 0.6 * wide, 1.0)
            or wide == width
            or high == min(height, width)
        )
    assert seen == set(range(6))


def test_a_window_of_a_wide_view_keeps_its_area() -> None:
    """A square of 80 % of 8 x 100 pixels has a side of 25: three times the height."""
    index, _ = ViewWindows([(8, 100)], 8, 100).draw_window(0.8, stream())
    assert len(index) == 3 * 8 * 80


def test_stripes_are_columns_with_a_sign_per_colour() -> None:
    start = ViewWindows([(4, 30)] * 2, 4, 30).draw_start(stream()).reshape(2, 3, 4, 30)
    assert set(start.unique().tolist()) == {-1.0, 1.0}
    assert (start == start[:, :, :1]).all()
    assert not (start == start[:, :, :, :1]).all()


def test_point_windows_hold_the_nearest_points() -> None:
    xy = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.5, 0.0], [20.0, 0.0], [21.0, 0.0]])
    windows = PointWindows(xy, slots=7, columns=2)
    groups = set()
    for seed in range(50):
        index, signs = windows.draw_window(0.4, stream(seed))
        assert sorted(set((index // 2).tolist())) == sorted((index[::2] // 2).tolist())
        assert len(signs) == len(index) == 4
        groups.add(tuple(sorted(set((index // 2).tolist()))))
    assert groups == {(0, 1), (1, 2), (3, 4)}
    assert not windows.draw_start(stream()).reshape(7, 2)[5:].any()
    none, signs = PointWindows(xy[:0], 1, 1).draw_window(0.5, stream())
    assert len(none) == len(signs) == 0


def test_stripes_of_points_are_sectors_of_three_degrees() -> None:
    azimuth = torch.deg2rad(torch.arange(-180, 180) + 0.5)
    reach = torch.linspace(2.0, 50.0, 360)
    xy = torch.stack([reach * azimuth.cos(), reach * azimuth.sin()], dim=1)
    start = PointWindows(xy, slots=360, columns=2).draw_start(stream()).reshape(120, 3, 2)
    assert set(start.unique().tolist()) == {-1.0, 1.0}
    assert (start == start[:, :1]).all()
    changes = (start[1:, 0] != start[:-1, 0]).sum(dim=0)
    assert changes.min() > 30  # of 119 borders, a half on average
    assert not torch.equal(start[..., 0], start[..., 1])


def test_what_pads_a_smaller_view_is_in_no_window_and_no_stripe() -> None:
    windows = ViewWindows([(16, 32), (8, 20)], 16, 32)
    padding = torch.ones(2, 3, 16, 32, dtype=torch.bool)
    padding[0], padding[1, :, :8, :20] = False, False
    assert not windows.draw_start(stream()).reshape(2, 3, 16, 32)[padding].any()
    for seed in range(40):
        assert not padding.reshape(-1)[windows.draw_window(0.5, stream(seed))[0]].any()
    alone = ViewWindows([(8, 20)], 8, 20).number_groups().reshape(3, 8, 20)
    groups = windows.number_groups().reshape(2, 3, 16, 32)
    assert torch.equal(groups[1, :, :8, :20], alone + groups[0].max() + 1)
    assert not groups[padding].any()


def test_groups_split_everything_and_neighbours_share_one() -> None:
    groups = ViewWindows([(16, 32)] * 2, 16, 32).number_groups().reshape(2, 3, 16, 32)
    assert len(groups.unique()) == 2 * 3 * 8 * 16
    assert (groups[0, 0, :2, :2] == groups[0, 0, 0, 0]).all()
    points = PointWindows(
        torch.tensor([[0.1, 0.1], [1.9, 1.9], [2.1, 0.1], [-0.1, 0.1]]), 5, 1
    ).number_groups()
    assert points[0] == points[1]
    assert sorted(points[:4].unique().tolist()) == [0, 1, 2]
    assert points.max() == 2  # an empty slot draws no number of its own


@pytest.mark.parametrize(
    "threat",
    [
        Threat(camera_levels=4),
        Threat(range_m=0.1, intensity=0.1),
        Threat(axis_m=0.1, camera_levels=2),
    ],
)
def test_windows_of_every_domain_fit_its_latent(street_frame: Frame, threat: Threat) -> None:
    fewer = street_frame.points[:100]
    small = street_frame.replace(
        points=fewer, ring=street_frame.ring[:100], sweep_index=street_frame.sweep_index[:100]
    )
    domain = make_domain([street_frame, small], threat, torch.device("cpu"))
    size = domain.clean[0].numel()
    for row, windows in enumerate(windows_of(domain)):
        assert windows.draw_start(stream()).shape == windows.number_groups().shape == (size,)
        reached = torch.zeros(size, dtype=torch.bool)
        for seed in range(300):
            index, _ = windows.draw_window(0.5, stream(seed))
            reached[index] = True
        pixels = street_frame.images[0].size * 6 if threat.camera_levels else 0
        if pixels:
            assert reached[:pixels].float().mean() > 0.9
        if "lidar" in threat.sensors:
            columns = (size - pixels) // len(street_frame.points)
            count = (len(street_frame.points), 100)[row] * columns
            assert reached[pixels : pixels + count].float().mean() > 0.9
            assert not reached[pixels + count :].any()
