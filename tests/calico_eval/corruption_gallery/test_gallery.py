"""The gallery's page and sheets, on a frame of the simulator and on frames that lack something."""

import html
import io
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from calico.cli.main import cli
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.corruption_gallery.closeup import GAP_PX, LABEL_PX, WIDTH_PX, draw_closeup
from calico_eval.corruption_gallery.page import render_page
from calico_eval.corruption_gallery.pictures import choose_focus, draw_lidar, draw_views
from calico_eval.corruption_gallery.sheet import MAX_BYTES, draw_sheet
from calico_eval.corruption_gallery.tiles import describe_effect, describe_value, make_panel
from corruptions import SPECS, CorruptionError, measure_effect


@pytest.fixture(scope="module")
def frame(street: FrameSource) -> Frame:
    return street[1]


def page_of(frame: Frame, *names: str) -> tuple[str, list[str]]:
    return render_page(frame, names, 0, "a street", lambda done, total: None)


def test_the_page_needs_nothing_from_outside(frame: Frame) -> None:
    page, failed = page_of(frame, "fog", "extrinsic", "point_drop+low_light")
    assert failed == []
    assert "Every effect check passed" in page
    assert "default-src 'none'" in html.unescape(page)
    assert not re.search(r"<script|https?://|src=\"(?!data:)", page)
    assert page.count('<section id="') == 3
    assert page.count("<img ") == 5 * (2 + 1 + 2)
    assert "visibility_m 100 m" in page
    assert page_of(frame, "fog", "extrinsic", "point_drop+low_light")[0] == page


def test_a_closeup_shows_one_camera_clean_and_at_three_severities(frame: Frame) -> None:
    high, wide = frame.images[1].shape[:2]
    height = round(WIDTH_PX * high / wide)
    picture = Image.open(io.BytesIO(draw_closeup(frame, "low_light+point_drop", 1, 0)))
    assert picture.size == (2 * WIDTH_PX + GAP_PX, 2 * (height + LABEL_PX) + GAP_PX)
    pixels = np.asarray(picture).astype(float)
    below = height + LABEL_PX + GAP_PX
    light = [
        pixels[top + LABEL_PX : top + LABEL_PX + height, left : left + WIDTH_PX].mean()
        for top in (0, below)
        for left in (0, WIDTH_PX + GAP_PX)
    ]
    assert light[0] == pytest.approx(frame.images[1].mean(), abs=2)
    assert light[0] > light[1] > light[2] > light[3]
    with pytest.raises(CalicoError, match=r"--camera 9: frame .* has . cameras, numbered from 0"):
        draw_closeup(frame, "fog", 9, 0)


def test_a_failed_check_is_shown_and_what_cannot_be_is_no_failure(frame: Frame) -> None:
    alone = frame.replace(sweep_index=np.zeros_like(frame.sweep_index))
    page, failed = page_of(alone, "sweep_dropout")
    assert failed == []
    assert page.count("does nothing to this frame: no older LiDAR sweeps") == 5
    still = frame.replace(images=tuple(np.zeros_like(image) for image in frame.images))
    page, failed = page_of(still, "camera_crash")
    assert [text.split(":")[0] for text in failed] == [f"camera_crash {s}" for s in range(1, 6)]
    assert page.count('<figure class="failed">') == 5
    assert "5 effect checks failed" in page


def test_only_sensors_that_changed_are_drawn(frame: Frame) -> None:
    focus = choose_focus(frame)
    tile = make_panel("point_drop", frame, focus, 0, (3,)).tiles[0]
    assert tile.lidar.startswith("data:image/jpeg;base64,")
    assert not tile.cameras
    assert make_panel("low_light", frame, focus, 0, (3,)).tiles[0].lidar == ""
    blind = frame.replace(
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
    )
    page, failed = page_of(blind, "fog", "low_light")
    assert page.count("<img ") == 5
    assert page.count("does nothing to this frame: no cameras") == 5
    assert failed == []
    with pytest.raises(CorruptionError, match="unknown corruption"):
        page_of(frame, "fgo")


def test_values_and_effects_in_words(frame: Frame) -> None:
    assert describe_value(SPECS["fog"], 87.0) == "visibility_m 87 m"
    assert describe_value(SPECS["point_drop"], 0.18) == "share_dropped 18 %"
    keep = np.arange(len(frame.points)) % 4 > 0
    thinner = frame.replace(
        points=frame.points[keep], ring=frame.ring[keep], sweep_index=frame.sweep_index[keep]
    )
    words = describe_effect(measure_effect(frame, thinner))
    assert words[0] == f"points {len(frame.points)} → {int(keep.sum())}"
    assert "25.0% of the positions gone" in words
    assert describe_effect(measure_effect(frame, frame)) == ()


def test_the_close_up_shows_the_object_where_it_is(frame: Frame) -> None:
    focus = choose_focus(frame)
    clean = draw_lidar(frame, focus, 200)
    assert clean.shape == (200, 400, 3)
    assert draw_views(frame, 300).shape[1] == 300
    far = frame.replace(
        points=np.array([[500, 0, 0, 1, 0]], np.float32),
        ring=frame.ring[:1],
        sweep_index=frame.sweep_index[:1],
    )
    near_points = far.points.copy()
    near_points[0, :3] = focus.middle
    near = far.replace(points=near_points)
    changed = (draw_lidar(near, focus, 200) != draw_lidar(far, focus, 200)).any(axis=-1)
    assert changed[45:55, 295:305].any()  # the middle of the upper close-up
    assert not changed[:40, 200:].any()


def test_a_sheet_has_a_row_per_corruption(frame: Frame) -> None:
    specs = [SPECS[name] for name in ("fog", "camera_crash", "extrinsic", "object_rotation")]
    data = draw_sheet(frame, specs, 0)
    assert len(data) <= MAX_BYTES
    whole = np.asarray(Image.open(io.BytesIO(data)))
    assert (
        whole.shape[0]
        > np.asarray(Image.open(io.BytesIO(draw_sheet(frame, specs[:2], 0)))).shape[0]
    )


def test_the_command(tmp_path: Path, street: FrameSource) -> None:
    sim = (
        "data.sim.frames_per_scene=2",
        "data.sim.val_scenes=1",
        "data.sim.image_size=[32,64]",
        f"data.cache_dir={tmp_path}",
    )
    settings = [word for text in sim for word in ("--set", text)]
    out = tmp_path / "pages" / "gallery.html"
    names = ["--corruptions", "fog,point_drop"]
    done = CliRunner().invoke(
        cli, ["gallery", *settings, *names, "--out", str(out), "--sheets", str(tmp_path / "sheets")]
    )
    assert done.exit_code == 0, done.output
    assert "0 failed effect checks" in done.output
    assert out.read_text(encoding="utf-8").count('<section id="') == 2
    assert {path.name for path in (tmp_path / "sheets").iterdir()} == {"weather.jpg", "lidar.jpg"}
    assert "nothing to write" in CliRunner().invoke(cli, ["gallery", *settings]).output
    folder = CliRunner().invoke(cli, ["gallery", *settings, *names, "--out", str(tmp_path)])
    assert (folder.exit_code, "is a directory" in folder.output) == (2, True)
    pairs = [
        "gallery",
        *settings,
        "--corruptions",
        "fog+point_drop",
        "--sheets",
        str(tmp_path / "none"),
    ]
    assert "fog+point_drop are none; use --out" in CliRunner().invoke(cli, pairs).output
    assert not (tmp_path / "none").exists()
    error = (
        CliRunner()
        .invoke(cli, ["gallery", *settings, "--frame", "2", "--out", str(out), "--overwrite"])
        .exception
    )
    assert "has 2 frames; expected 0 to 1" in str(error)
    for option, place in (("--out", out), ("--sheets", tmp_path / "sheets")):
        error = (
            CliRunner().invoke(cli, ["gallery", *settings, *names, option, str(place)]).exception
        )
        assert "is there already; --overwrite replaces it" in str(error)
    out.write_text("old")
    again = ["gallery", *settings, "--corruptions", "fog", "--out", str(out), "--overwrite"]
    assert CliRunner().invoke(cli, again, catch_exceptions=False).exit_code == 0
    assert out.read_text(encoding="utf-8").count('<section id="') == 1
