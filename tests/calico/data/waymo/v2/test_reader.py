"""Segments: frames in any order, parts of frames, and data sets with something missing."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from calico.data.waymo.records import Conditions, LidarScan, Segment, WaymoRecord
from calico.data.waymo.v2.reader import ParquetSegment, open_segments
from calico.data.waymo.v2.writer import write_segment
from calico.errors import CalicoError
from tests.calico.data.waymo.v2.samples import CONTEXT, FIRST_US, assert_same, make_records
from tests.calico.data.waymo.v2.test_files import OPEN_FILES, count_open_files

Records = tuple[WaymoRecord, ...]
Place = Callable[[str], Path]
OpenCopy = Callable[[], ParquetSegment]
ROOT = Path(__file__).parents[5]


@pytest.fixture(scope="module")
def segment(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Segment:
    return open_segments(written, "training", tmp_path_factory.mktemp("cache"))[0]


def test_frames_come_back_bit_for_bit_in_any_order(segment: Segment, made: Records) -> None:
    assert segment.context == CONTEXT
    assert segment.timestamps_us.tolist() == [record.timestamp_us for record in made]
    order = [*range(11), *np.random.default_rng(0).permutation(11).tolist()]
    for number in order:
        assert_same(segment.read(made[number].timestamp_us), made[number])


def test_simulated_frames_come_back(records: Records, tmp_path: Path) -> None:
    context = records[0].context
    write_segment(tmp_path, "validation", context, records, frames_per_group=2)
    (segment,) = open_segments(tmp_path, "validation", tmp_path / "cache")
    assert len(segment.timestamps_us) == len(records)
    for record in records:
        found = segment.read(record.timestamp_us)
        assert_same(found.scans, record.scans)
        assert_same(found.lidar_calibrations, record.lidar_calibrations)
        assert_same(found.camera_calibrations, record.camera_calibrations)
        assert_same(found.labels, record.labels)
        assert_same(found.conditions, record.conditions)
        assert_same(found.world_T_vehicle, record.world_T_vehicle)
        assert found.images.keys() == record.images.keys()
        assert all(found.images[c].jpeg == record.images[c].jpeg for c in found.images)
        assert (found.map_features, found.no_label_zones) == (None, None)


def test_types_of_older_files(made: Records, tmp_path: Path) -> None:
    """All values of the samples are numbers that float32 holds, too."""
    write_segment(tmp_path, "training", CONTEXT, made, old_types=True, frames_per_group=5)
    (segment,) = open_segments(tmp_path, "training", tmp_path / "cache")
    for record in made:
        assert_same(segment.read(record.timestamp_us), record)


def test_only_what_is_asked_for(segment: Segment, made: Records) -> None:
    found = segment.read(FIRST_US, lasers=(3, 1), returns=(1,), cameras=(5,))
    assert {laser: len(scan.returns) for laser, scan in found.scans.items()} == {1: 1, 3: 1}
    assert_same(found.scans[3].returns[0], made[0].scans[3].returns[0])
    assert_same(found.images, {5: made[0].images[5]})
    nothing = segment.read(FIRST_US, lasers=(), cameras=())
    assert_same(nothing, replace(made[0], scans={}, images={}))
    second = segment.read(FIRST_US, lasers=(1,), returns=(2,), cameras=())
    assert_same(second.scans[1].returns, made[0].scans[1].returns[1:])


def test_an_unknown_frame_is_refused(segment: Segment) -> None:
    for timestamp in (FIRST_US + 1, FIRST_US - 1, 1 << 60):
        with pytest.raises(CalicoError, match=rf"{CONTEXT}: has no frame {timestamp}; it has 11"):
            segment.read(timestamp)


def test_no_file_is_opened_before_the_first_read(copy: Path, place: Place, tmp_path: Path) -> None:
    for tag in ("vehicle_pose", "lidar"):
        place(tag).write_bytes(b"no Parquet")
    (segment,) = open_segments(copy, "training", tmp_path / "cache")
    with pytest.raises(CalicoError, match=r"vehicle_pose .*its end is missing"):
        len(segment.timestamps_us)


def test_a_segment_is_pickled_without_its_files(segment: Segment, made: Records) -> None:
    segment.read(FIRST_US)
    content = pickle.dumps(segment)
    assert len(content) < 2000
    assert_same(pickle.loads(content).read(FIRST_US), made[0])


def _read(segment: Segment, timestamp: int) -> int:
    return int(segment.read(timestamp, cameras=()).scans[1].returns[0].view(np.uint32).sum())


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_worker_processes_read_what_this_process_reads(
    method: str, segment: Segment, made: Records
) -> None:
    times = [record.timestamp_us for record in made]
    here = [_read(segment, time) for time in times]
    with get_context(method).Pool(2) as pool:
        found = pool.starmap(_read, [(segment, time) for time in times], chunksize=1)
    assert found == here


def test_threads_read_at_once(segment: Segment, made: Records) -> None:
    faults: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for number in np.random.default_rng(seed).permutation(11).tolist():
                assert_same(segment.read(made[number].timestamp_us), made[number])
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_few_segments_stay_open(tmp_path: Path) -> None:
    if not OPEN_FILES.exists():
        pytest.skip("needs /proc to count open files")
    for number in range(6):
        write_segment(tmp_path, "training", f"s{number}", make_records(1, number, f"s{number}"))
    before = count_open_files()
    segments = open_segments(tmp_path, "training", tmp_path / "cache")
    for _ in range(2):
        for segment in segments:
            assert segment.read(FIRST_US).context == segment.context
    assert count_open_files() <= before + 2 * 9


def test_segments_are_listed_by_name_without_other_files(copy: Path) -> None:
    folder = copy / "training" / "vehicle_pose"
    for name in ("b.parquet", "a.parquet", ".a.parquet.1.tmp", "note.txt", ".x.parquet"):
        (folder / name).write_bytes(b"")
    names = [segment.context for segment in open_segments(copy, "training")]
    assert names == [CONTEXT, "a", "b"]


def test_a_data_set_that_is_none(tmp_path: Path, copy: Path) -> None:
    with pytest.raises(CalicoError, match=r"has no folder validation; it has training$"):
        open_segments(copy, "validation")
    with pytest.raises(CalicoError, match=r"has no folder training; it has no folder"):
        open_segments(tmp_path / "nothing", "training")
    (tmp_path / "d" / "training" / "lidar").mkdir(parents=True)
    with pytest.raises(CalicoError, match=r"has no folder vehicle_pose .* it has lidar"):
        open_segments(tmp_path / "d", "training")
    (tmp_path / "d" / "training" / "vehicle_pose").mkdir()
    with pytest.raises(CalicoError, match=r"vehicle_pose: has no file <segment>.parquet"):
        open_segments(tmp_path / "d", "training")


@pytest.mark.parametrize(
    "tag",
    ["lidar", "lidar_pose", "lidar_calibration", "camera_image", "camera_calibration", "lidar_box"],
)
def test_a_missing_component_is_named(tag: str, place: Place, open_copy: OpenCopy) -> None:
    place(tag).unlink()
    with pytest.raises(CalicoError, match=rf"the component {tag} is missing, expected .*parquet"):
        open_copy().read(FIRST_US)


def test_what_is_not_asked_for_may_be_missing(
    place: Place, open_copy: OpenCopy, made: Records
) -> None:
    for tag in ("camera_image", "camera_calibration"):
        place(tag).unlink()
    found = open_copy().read(FIRST_US, cameras=())
    assert_same(found, replace(made[0], images={}, camera_calibrations={}))
    place("lidar_pose").unlink()
    sides = open_copy().read(FIRST_US, cameras=(), lasers=(2, 5))
    assert_same(sides.scans, {laser: made[0].scans[laser] for laser in (2, 5)})
    for tag in ("lidar", "lidar_calibration"):
        place(tag).unlink()
    assert_same(
        open_copy().read(FIRST_US, cameras=(), lasers=()),
        replace(made[0], images={}, camera_calibrations={}, scans={}, lidar_calibrations={}),
    )


def test_components_that_old_releases_lack(
    place: Place, open_copy: OpenCopy, made: Records
) -> None:
    for tag in ("stats", "lidar_camera_synced_box"):
        place(tag).unlink()
    record = made[2]
    found = open_copy().read(record.timestamp_us)
    labels = replace(
        record.labels,
        camera_synced=np.full((len(record.labels.ids), 7), np.nan),
        most_visible_camera=np.zeros(len(record.labels.ids), np.int64),
    )
    assert_same(found, replace(record, labels=labels, conditions=Conditions()))


def test_the_test_split_has_no_labels(made: Records, tmp_path: Path) -> None:
    write_segment(tmp_path, "testing", CONTEXT, made[:2])
    for tag in ("lidar_box", "lidar_camera_synced_box"):
        (tmp_path / "testing" / tag / f"{CONTEXT}.parquet").unlink()
    found = open_segments(tmp_path, "testing", tmp_path / "cache")[0].read(FIRST_US)
    assert_same(found.scans, made[0].scans)
    labels = found.labels
    assert (labels.ids, labels.boxes.shape, labels.camera_synced.shape) == ((), (0, 7), (0, 7))


def test_a_sensor_without_a_row_is_left_out(
    edit: Callable[..., None], open_copy: OpenCopy, made: Records
) -> None:
    keys = {"lidar": "laser", "camera_image": "camera", "lidar_pose": "laser"}
    for tag, key in keys.items():
        edit(tag, lambda table, key=key: table.filter(
            pa.compute.not_equal(table[f"key.{key}_name"], 1)))  # fmt: skip
    found = open_copy().read(FIRST_US)
    assert_same(found.scans, {k: v for k, v in made[0].scans.items() if k != 1})
    assert_same(found.images, {k: v for k, v in made[0].images.items() if k != 1})


def test_rows_may_stand_in_any_order(
    edit: Callable[..., None], open_copy: OpenCopy, made: Records
) -> None:
    rng = np.random.default_rng(0)
    for tag in ("vehicle_pose", "lidar", "lidar_pose", "camera_image", "stats"):
        edit(tag, lambda table: table.take(rng.permutation(len(table))), row_group_size=9)
    segment = open_copy()
    for record in made:
        assert_same(segment.read(record.timestamp_us), record)


def set_column(name: str, values: Callable[[list[Any]], list[Any]]) -> Callable[[Any], Any]:
    def change(table: Any) -> Any:
        array = pa.array(values(table[name].to_pylist()))
        return table.set_column(table.column_names.index(name), name, array)

    return change


BOX, SYNCED = "[LiDARBoxComponent]", "[LiDARCameraSyncedBoxComponent]"
CAMERA = "[CameraCalibrationComponent]"


@pytest.mark.parametrize(
    ("tag", "name", "values", "said"),
    [
        ("vehicle_pose", "key.frame_timestamp_micros", lambda v: [v[0], *v[:-1]], "two rows have"),
        ("vehicle_pose", "key.frame_timestamp_micros", lambda v: [f"{t}" for t in v], "no int64"),
        ("lidar_box", f"{BOX}.box.center.x", lambda v: [float("inf"), *v[1:]], "not finite"),
        ("lidar_box", f"{BOX}.type", lambda v: [9, *v[1:]], "type holds 9"),
        ("lidar_box", f"{BOX}.box.heading", lambda v: [f"{t}" for t in v], "is no double"),
        ("lidar_camera_synced_box", f"{SYNCED}.camera_synced_box.size.x",
         lambda v: [float("nan"), *v[1:]], "camera_synced_box of row 0"),
        ("camera_calibration", f"{CAMERA}.width", lambda v: [0, *v[1:]], "is not between 1 and"),
        ("camera_calibration", f"{CAMERA}.width", lambda v: [1.5, *v[1:]], "which is no int32"),
        ("camera_calibration", "key.camera_name", lambda v: [1] * 5, "two rows have one key"),
        ("camera_calibration", f"{CAMERA}.intrinsic.k1", lambda v: [float("nan")] * 5, "finite"),
        ("lidar_calibration", "key.laser_name", lambda v: ["TOP", "X", *"TTT"], "holds 'X'"),
        ("stats", "[StatsComponent].weather", lambda v: list(range(len(v))), "which is no string"),
        ("stats", "key.segment_context_name", lambda v: ["other"] * len(v), "the segment 'other'"),
        ("lidar_box", "key.segment_context_name", lambda v: ["b", *v[1:]], "the segment 'b'"),
    ],
)  # fmt: skip
def test_wrong_values_are_refused(
    tag: str, name: str, values: Any, said: str, edit: Callable[..., None], open_copy: OpenCopy
) -> None:
    edit(tag, set_column(name, values))
    with pytest.raises(CalicoError, match=rf"Waymo {tag} .*{CONTEXT}.parquet: .*{said}"):
        open_copy().read(FIRST_US)


def test_two_labels_of_one_object_are_refused(
    edit: Callable[..., None], open_copy: OpenCopy
) -> None:
    for tag in ("lidar_camera_synced_box", "lidar_box"):
        edit(tag, lambda table: pa.concat_tables([table, table.slice(0, 1)]))
        with pytest.raises(CalicoError, match=rf"Waymo {tag} .*two rows have the timestamp"):
            open_copy().read(FIRST_US)


def test_returns_and_poses_have_one_shape(made: Records, tmp_path: Path) -> None:
    scan = made[0].scans[1]
    halves = tuple(image[: 8 // n] for n, image in enumerate(scan.returns, 1))
    assert scan.pixel_pose is not None
    for number, wrong in enumerate(
        (LidarScan(halves, scan.pixel_pose), LidarScan(scan.returns, scan.pixel_pose[:4]))
    ):
        root = tmp_path / str(number)
        write_segment(root, "training", CONTEXT, [replace(made[0], scans={1: wrong})])
        segment = open_segments(root, "training", tmp_path / "cache")[0]
        with pytest.raises(CalicoError, match=rf"frame {FIRST_US}, TOP: .*(expected one|poses of)"):
            segment.read(FIRST_US)


def test_range_images_have_four_channels(made: Records, tmp_path: Path) -> None:
    scan = LidarScan((made[0].scans[1].returns[0][..., :3],), made[0].scans[1].pixel_pose)
    write_segment(tmp_path, "training", CONTEXT, [replace(made[0], scans={1: scan})])
    with pytest.raises(CalicoError, match="TOP: 3 channels, expected 4"):
        open_segments(tmp_path, "training", tmp_path / "cache")[0].read(FIRST_US)


@pytest.mark.parametrize(
    "tag", ["lidar", "lidar_pose", "lidar_box", "camera_image", "vehicle_pose", "stats"]
)
def test_a_file_that_is_cut_off_is_named(tag: str, place: Place, open_copy: OpenCopy) -> None:
    content = place(tag).read_bytes()
    for left in (0, 4, len(content) // 2, len(content) - 1):
        place(tag).write_bytes(content[:left])
        with pytest.raises(CalicoError, match=rf"Waymo {tag} .*{CONTEXT}.parquet: no Parquet"):
            open_copy().read(FIRST_US)
    place(tag).write_bytes(content)
    assert open_copy().read(FIRST_US).context == CONTEXT


def test_damage_within_a_page_is_noticed(place: Place, open_copy: OpenCopy) -> None:
    content = place("lidar").read_bytes()
    place("lidar").write_bytes(content[:200] + bytes(400) + content[600:])
    with pytest.raises(CalicoError, match=rf"Waymo lidar .*{CONTEXT}.parquet: "):
        open_copy().read(FIRST_US)


def test_a_replaced_file_is_read_again(copy: Path, open_copy: OpenCopy, made: Records) -> None:
    segment = open_copy()
    assert_same(segment.read(FIRST_US), made[0])
    others = tuple(make_records(2, seed=7))
    write_segment(copy, "training", CONTEXT, others)
    assert_same(segment.read(FIRST_US), others[0])


MEASURE = """
import sys
from pathlib import Path
from calico.data.waymo.v2.reader import open_segments
def peak():
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024
(segment,) = open_segments(Path(sys.argv[1]), "training", Path(sys.argv[1]) / "cache")
times = segment.timestamps_us.tolist()
segment.read(times[0], lasers=())
before = peak()
for time in (times[4], times[1], times[5]):
    segment.read(time)
print(peak() - before)
"""


def test_a_row_takes_no_memory_of_its_row_group(tmp_path: Path) -> None:
    """A row group of 150 MB whose frames take 25 MB each."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc to measure memory")

    def large() -> Iterator[WaymoRecord]:
        rng = np.random.default_rng(0)
        for record in make_records(6):
            scans = {}
            for laser in range(1, 6):
                shape = (64, 2650) if laser == 1 else (200, 600)
                image = np.full((*shape, 4), -1, np.float32)
                image[::2, :, :2] = rng.normal(size=(1, shape[1], 2))
                pose = np.zeros((*shape, 6), np.float32) if laser == 1 else None
                scans[laser] = LidarScan((image, image), pose)
            yield replace(record, scans=scans)

    write_segment(tmp_path, "training", CONTEXT, large())
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 110


@pytest.mark.parametrize("tag", ["lidar", "lidar_box"])
def test_rows_of_a_frame_without_pose_are_not_lost(
    tag: str, edit: Callable[..., None], open_copy: OpenCopy
) -> None:
    """Without the first row of vehicle_pose nobody would notice that a frame is gone."""
    edit("vehicle_pose", lambda table: table.slice(1))
    segment = open_copy()
    assert FIRST_US not in segment.timestamps_us
    message = rf"{tag} has rows at 1 times at which vehicle_pose has none, the first is {FIRST_US}"
    lasers = (1,) if tag == "lidar" else ()
    with pytest.raises(CalicoError, match=message):
        segment.read(int(segment.timestamps_us[0]), lasers=lasers, cameras=())
