"""TEST DATA, no measurement: a synthetic Results object and its pictures, for tests of the writers.

Three models (fused, camera, lidar) x eight corruptions x three to five severities, a PGD curve with
its random control on cameras and on LiDAR. The numbers come from a formula and a fixed generator.
Nothing here was ever measured. `python -m tests.reports.conftest FOLDER` writes the same as a run
folder with its report, to look at.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from reports.schema import (
    Cell,
    Check,
    Condition,
    Curve,
    Metric,
    Model,
    Picture,
    Provenance,
    Results,
    SanityCheck,
)
from tests.reports.small_run import CELLS

N_FRAMES, N_SCENES = 80, 10
MODELS = {"fused": ("camera", "lidar"), "camera-only": ("camera",), "lidar-only": ("lidar",)}
CLEAN = {
    "fused": {"mAP": 0.412, "NDS": 0.468, "mIoU": 0.557},
    "camera-only": {"mAP": 0.214, "NDS": 0.301, "mIoU": 0.506},
    "lidar-only": {"mAP": 0.361, "NDS": 0.433, "mIoU": 0.437},
}
CLASSES = {
    "car": (1423, 1.65),
    "truck": (212, 1.05),
    "bus": (64, 1.2),
    "trailer": (31, 0.6),
    "construction_vehicle": (18, 0.3),
    "pedestrian": (688, 1.35),
    "motorcycle": (57, 0.9),
    "bicycle": (49, 0.7),
    "traffic_cone": (301, 1.1),
    "barrier": (0, 0.0),
}
MAP_CLASSES = {
    "drivable_area": 1.55,
    "ped_crossing": 0.8,
    "walkway": 1.0,
    "stop_line": 0.65,
    "carpark_area": 0.85,
    "divider": 0.75,
}
# name: (sensors, axis, unit, values mild to severe, loss of a camera model at the end, loss of a
# LiDAR model at the end)
CORRUPTIONS = {
    "fog": (("camera", "lidar"), "visibility_m", "m", (400, 200, 100, 50, 25), 0.85, 0.7),
    "camera_crash": (("camera",), "cameras_lost", "cameras", (1, 2, 3, 4, 6), 1.0, 0.0),
    "motion_blur": (("camera",), "blur_px", "px", (4, 8, 12, 16, 24), 0.6, 0.0),
    "low_light": (("camera",), "exposure", None, (0.5, 0.25, 0.1), 0.75, 0.0),
    "beam_missing": (("lidar",), "beams_kept", "beams", (24, 16, 8, 4), 0.0, 0.8),
    "point_drop": (("lidar",), "fraction", None, (0.2, 0.4, 0.6, 0.8, 0.9), 0.0, 0.55),
    "crosstalk": (("lidar",), "fraction", None, (0.01, 0.02, 0.05), 0.0, 0.35),
    "extrinsic": (("camera", "lidar"), "rotation_deg", "deg", (0.5, 1.0, 2.0, 4.0, 6.0), 0.5, 0.15),
}
ATTACKS = {
    "pgd": (("camera",), "eps", "px/255", (1, 2, 4, 8), 0.97, 0.0),
    "uniform_noise": (("camera",), "eps", "px/255", (1, 2, 4, 8), 0.06, 0.0),
    "pgd_points": (("lidar",), "eps_m", "m", (0.05, 0.1, 0.2), 0.0, 0.8),
    "points_noise": (("lidar",), "eps_m", "m", (0.05, 0.1, 0.2), 0.0, 0.1),
}
SHARE = {"fused": (0.3, 0.7), "camera-only": (1.0, 0.0), "lidar-only": (0.0, 1.0)}


def loss(model: str, camera: float, lidar: float, strength: float) -> float:
    """Share of the clean value that is lost."""
    share_camera, share_lidar = SHARE[model]
    return (share_camera * camera + share_lidar * lidar) * strength**1.3


def metric(value: float, jitter: float = 0.0, n_objects: int | None = None) -> Metric:
    half = 0.02 + 0.05 * value * (1 - value) + jitter
    return Metric(
        value=value,
        lo=max(value - half, 0.0),
        hi=min(value + half * 1.1, 1.0),
        method="scene jackknife, t, 95 %",
        n_frames=N_FRAMES,
        n_scenes=N_SCENES,
        n_objects=n_objects,
    )


def metrics(model: str, kept: float, rng: np.random.Generator) -> dict[str, Metric]:
    wobble = 1 + 0.03 * (rng.random() - 0.5) * (kept < 1)
    result = {
        name: metric(value * (kept**0.6 if name == "mIoU" else kept) * wobble)
        for name, value in CLEAN[model].items()
    }
    for name, (n, weight) in CLASSES.items():
        if n == 0:
            result[f"AP/{name}"] = Metric(
                value=None,
                reason="no object of this class",
                n_frames=N_FRAMES,
                n_scenes=N_SCENES,
                n_objects=0,
            )
        else:
            result[f"AP/{name}"] = metric(min(result["mAP"].value * weight, 0.95), 0.3 / n**0.5, n)
    for name, weight in MAP_CLASSES.items():
        result[f"IoU/{name}"] = metric(min(result["mIoU"].value * weight, 0.97))
    for name, error, unit in (
        ("mATE", 0.36, "m"),
        ("mASE", 0.27, "fraction"),
        ("mAOE", 0.41, "rad"),
        ("mAVE", 0.55, "m/s"),
        ("mAAE", 0.2, "fraction"),
    ):
        result[name] = Metric(
            value=error / max(kept, 0.4),
            n_frames=N_FRAMES,
            n_scenes=N_SCENES,
            higher_is_better=False,
            unit=unit,
        )
    return result


def cell(
    model: str,
    engine: str,
    condition: Condition,
    kept: float,
    rng: np.random.Generator,
    **extra: object,
) -> Cell:
    identity = hashlib.sha256(repr((model, engine, condition)).encode()).hexdigest()[:16]
    return Cell(
        id=identity,
        model=model,
        engine=engine,
        condition=condition,
        seed=0,
        metrics=metrics(model, kept, rng),
        **extra,
    )


def model_cells(model: str, engine: str, rng: np.random.Generator, worse: float) -> list[Cell]:
    cells = [cell(model, engine, Condition(kind="clean", name="clean"), 1.0 - worse, rng)]
    for name, (sensors, axis, unit, values, camera, lidar) in CORRUPTIONS.items():
        for severity, value in enumerate(values, start=1):
            condition = Condition(
                kind="corruption",
                name=name,
                severity=severity,
                parameters={axis: value},
                axis=axis,
                unit=unit,
                sensors=sensors,
            )
            kept = 1 - loss(model, camera, lidar, severity / len(values)) - worse
            changed = {
                "pixels_changed": 0.97 * ("camera" in sensors),
                "points_changed": round(0.31 * severity * ("lidar" in sensors), 3),
            }
            cells.append(
                cell(
                    model,
                    engine,
                    condition,
                    max(kept, 0.0),
                    rng,
                    effect=Check(passed=True, measured=changed),
                )
            )
    for name, (sensors, axis, unit, values, camera, lidar) in ATTACKS.items():
        if not set(sensors) & set(MODELS[model]):
            continue
        for value in values:
            steps = {"steps": 10} if "noise" not in name else {}
            condition = Condition(
                kind="attack",
                name=name,
                parameters={axis: value, **steps},
                axis=axis,
                unit=unit,
                sensors=sensors,
            )
            kept = 1 - loss(model, camera, lidar, value / values[-1]) - worse
            budget = Check(
                passed=True,
                measured={"allowed": value, "measured_max": value * 0.9999, "clipped_share": 0.0},
            )
            details = (
                {"iterations": 10, "forwards": 11} if steps else {"iterations": 0, "forwards": 1}
            )
            cells.append(
                cell(model, engine, condition, max(kept, 0.0), rng, budget=budget, details=details)
            )
    return cells


def summary(cells: list[Cell], model: str, engine: str) -> dict[str, Metric]:
    result = {}
    for name in ("mAP", "NDS", "mIoU"):
        means = []
        for corruption, (sensors, *_) in CORRUPTIONS.items():
            if not set(sensors) & set(MODELS[model]):
                continue
            values = [
                c.metrics[name].value
                for c in cells
                if c.model == model and c.condition.name == corruption
            ]
            means.append(sum(values) / len(values))
        clean = next(
            c.metrics[name].value for c in cells if c.model == model and c.condition.kind == "clean"
        )
        mean = sum(means) / len(means)
        result[f"{name}/mPC"] = metric(mean)
        result[f"{name}/mRR"] = metric(mean / clean)
    return result


def make_results(seed: int = 0, worse: float = 0.0) -> Results:
    """The made-up results. `worse` takes the same share off every value (to make a baseline)."""
    rng = np.random.default_rng(seed)
    engine = "onnxruntime"
    cells = [c for model in MODELS for c in model_cells(model, engine, rng, worse)]
    conditions = [Condition(kind="clean", name="clean")] + [
        next(
            c.condition
            for c in cells
            if c.condition.name == name and c.condition.severity in (0, 3)
        )
        for name in ("fog", "low_light", "pgd")
    ]
    pictures = [
        Picture(
            path=f"pictures/{token}_{c.name}.jpg",
            caption=f"{c.name}, {token}",
            condition=c,
            token=token,
        )
        for token in ("street-0007", "street-0031")
        for c in conditions
    ]
    return Results(
        title="CALICO robustness, test data",
        provenance=Provenance(
            command="calico robust --model runs/tiny/model.onnx --data sim:val --attack pgd --eps "
            "1,2,4,8 --seed 0 --corruptions "
            "fog,camera_crash,motion_blur,low_light,beam_missing,point_drop,crosstalk,extrinsic "
            "--out runs/robust",
            calico_version="0.1.0",
            suite_version="1",
            python="3.11.9",
            packages={"torch": "2.7.1", "onnxruntime": "1.22.0", "numpy": "2.2.6"},
            git_commit="2c4abf8d0c1e6a7b",
            git_dirty=False,
            seed=0,
            data="sim:val",
            data_hash=hashlib.sha256(b"test data").hexdigest(),
            frames_hash=hashlib.sha256(b"test tokens").hexdigest(),
            ranges=dict.fromkeys(CLASSES, 50.0),
            n_frames=N_FRAMES,
            n_scenes=N_SCENES,
            threads=2,
            machine="x86_64, 2 cores, no GPU",
        ),
        models=tuple(
            Model(
                name=name,
                sha256=hashlib.sha256(name.encode()).hexdigest(),
                sensors=sensors,
                parameters=3_412_000,
            )
            for name, sensors in MODELS.items()
        ),
        cells=tuple(cells),
        summary={f"{model}/{engine}": summary(cells, model, engine) for model in MODELS},
        pictures=tuple(pictures),
    )


def whole_cell(
    condition: Condition,
    score: float,
    engine: str = "torch",
    n_frames: int = 8,
    seed: int = 0,
    **extra: object,
) -> Cell:
    """A cell of `make_whole`: two classes, an error in metres, the map, and of attacks a success
    rate.
    """

    def number(value: float, n_objects: int | None = None, **more: object) -> Metric:
        return Metric(value=value, n_frames=n_frames, n_scenes=4, n_objects=n_objects, **more)

    found = {
        "mAP": Metric(
            value=score,
            lo=score / 2,
            hi=score + 0.1,
            method="scene jackknife, t, 95 %",
            n_frames=n_frames,
            n_scenes=4,
            n_objects=30,
        ),
        "AP/car": number(score, 20),
        "AP/bus": number(score, 10),
        "mIoU": number(score / 2),
        "mATE": number(1.0 - score, 30, higher_is_better=False, unit="m"),
    }
    if condition.kind == "attack":
        found["ASR"] = number(0.25, 12, higher_is_better=False)
    sound = Check(passed=True, measured={"changed": 1})
    fields = {
        "effect": None if condition.kind == "clean" else sound,
        "budget": sound if condition.kind == "attack" else None,
        "details": {"crafted_on": "m/torch"} if condition.kind == "attack" else {},
    }
    parameters = sorted(condition.parameters.items())
    name = f"{engine}-{condition.name}-{condition.severity}-{parameters}-{seed}"
    return Cell(
        id=name,
        model="m",
        engine=engine,
        condition=condition,
        seed=seed,
        metrics=found,
        **{**fields, **extra},
    )


def make_whole() -> Results:
    """TEST DATA: a small file that holds one of everything, on each of two engines.

    mAP is 0.6 clean, 0.4 and 0.2 in fog, 0.5 and 0.1 in rain (mPC 0.3, mRR 0.5, RCE 0.5), and falls
    to half of its clean value at a visibility of 75 m.
    """
    clean = Condition(kind="clean", name="clean")
    budget = {"camera_levels": 4}

    def corruption(name: str, severity: int) -> Condition:
        return Condition(
            kind="corruption",
            name=name,
            severity=severity,
            parameters={"level": severity},
            axis="level",
            sensors=("camera",),
        )

    def curve_point(metres: float) -> Condition:
        return Condition(
            kind="curve",
            name="fog",
            parameters={"visibility_m": metres},
            axis="visibility_m",
            unit="m",
            sensors=("camera",),
        )

    def attack(name: str, **parameters: float) -> Condition:
        return Condition(
            kind="attack",
            name=name,
            parameters=budget | parameters,
            axis="camera_levels",
            unit="/255",
            sensors=("camera",),
            control="noise" in name,
        )

    scores = (
        (clean, 0.6),
        *(
            (corruption(name, s), v)
            for name, s, v in (("fog", 1, 0.4), ("fog", 3, 0.2), ("rain", 1, 0.5), ("rain", 3, 0.1))
        ),
        *((curve_point(metres), value) for metres, value in ((100.0, 0.5), (50.0, 0.1))),
        (attack("camera_pgd", steps=10), 0.1),
        (attack("camera_pgd", steps=20), 0.08),
        (attack("camera_noise"), 0.55),
    )
    engines = ("torch", "onnx")
    half = Metric(
        value=75.0, lo=60.0, hi=90.0, n_frames=8, n_scenes=4, higher_is_better=False, unit="m"
    )
    aggregates = {
        name: Metric(value=value, n_frames=8, n_scenes=4, higher_is_better=higher)
        for name, value, higher in (
            ("mAP/mPC", 0.3, True),
            ("mAP/mRR", 0.5, True),
            ("mAP/RCE", 0.5, False),
        )
    }
    compared = {
        "mAP/mCE": Metric(
            value=1.0,
            method="no interval; baseline m/torch",
            n_frames=8,
            n_scenes=4,
            higher_is_better=False,
        )
    }
    checks = tuple(
        SanityCheck(
            id=name,
            title=f"title of {name}",
            model="m",
            engine="torch",
            verdict=verdict,
            message="m",
        )
        for name, verdict in (("S1", "PASS"), ("S2", "WARN"), ("S3", "NOT RUN"))
    )
    base = make_results().provenance
    return Results(
        title="whole",
        provenance=base.model_copy(update={"n_frames": 8, "n_scenes": 4}),
        models=(Model(name="m", sha256="0", sensors=("camera",)),),
        cells=tuple(
            whole_cell(condition, value, engine)
            for engine in engines
            for condition, value in scores
        ),
        summary={"m/torch": aggregates, "m/onnx": aggregates | compared},
        curves=tuple(
            Curve(
                model="m",
                engine=engine,
                name="fog",
                axis="visibility_m",
                unit="m",
                scale="linear",
                values=(100.0, 50.0),
                half={"mAP": half},
            )
            for engine in engines
        ),
        sanity=checks,
        pictures=(Picture(path="gallery/a.jpg", caption="a", condition=clean, token="a"),),
    )


def draw_pictures(results: Results, folder: Path) -> None:
    """A drawn street per picture, greyer or darker with the condition."""
    for picture in results.pictures:
        image = Image.new("RGB", (960, 270), (140, 175, 215))
        draw = ImageDraw.Draw(image)
        draw.polygon([(0, 270), (430, 130), (530, 130), (960, 270)], fill=(72, 74, 78))
        draw.polygon([(0, 150), (0, 20), (300, 90), (330, 135)], fill=(150, 120, 100))
        draw.polygon([(960, 140), (960, 40), (700, 95), (640, 135)], fill=(120, 130, 110))
        shift = 40 * (picture.token == "street-0031")
        draw.rectangle((250 + shift, 150, 340 + shift, 215), fill=(170, 40, 40))
        draw.rectangle((560 - shift, 140, 600 - shift, 170), fill=(235, 235, 240))
        fade = {"fog": (200, 200, 205), "low_light": (5, 5, 12)}.get(picture.condition.name)
        if fade:
            image = Image.blend(image, Image.new("RGB", image.size, fade), 0.72)
        path = folder / picture.path
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, quality=88)


@pytest.fixture(scope="session")
def results() -> Results:
    return make_results()


@pytest.fixture(scope="session")
def whole() -> Results:
    return make_whole()


@pytest.fixture(scope="session")
def baseline() -> Results:
    return make_results(seed=1, worse=-0.02)


@pytest.fixture(scope="session")
def draw() -> Callable[[Results, Path], None]:
    return draw_pictures


@pytest.fixture(scope="session")
def small(results: Results) -> Results:
    return results.model_copy(update={"cells": CELLS, "summary": {}})


@pytest.fixture
def run_dir(tmp_path: Path, results: Results) -> Path:
    draw_pictures(results, tmp_path)
    return tmp_path


if __name__ == "__main__":
    from reports.writers.run_folder import write_report

    target = Path(sys.argv[1])
    draw_pictures(make_results(), target)
    for written in write_report(target, make_results(), make_results(seed=1, worse=-0.02)):
        print(written)
