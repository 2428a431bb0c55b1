"""The ten-line programs that a notebook starts with, each in a fresh interpreter."""

from __future__ import annotations

import doctest
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import calico
from calico.train.checkpoint import save_model
from tests.calico_eval.networks.mini import load_network, mini_config

ROOT = Path(__file__).parents[2]


def run(code: str) -> str:
    """What a program prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_calico_imports_nothing_heavy() -> None:
    """No package besides the standard library, and none of the project's modules but itself."""
    found = json.loads(
        run(
            "import sys; before = set(sys.modules); import calico, json; "
            "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
            "print(json.dumps([sorted(new - set(sys.stdlib_module_names)), "
            "sorted(n for n in sys.modules if n.startswith('calico'))]))"
        )
    )
    assert found == [["calico"], ["calico"]]


def test_corrupting_needs_no_torch() -> None:
    code = (
        "import sys; from calico import corrupt, corrupt_image, corrupt_points, detection_metrics; "
        "print('torch' in sys.modules)"
    )
    assert run(code) == "False\n"


def test_every_name_is_there_and_is_the_one_of_its_home() -> None:
    assert set(calico._HOMES) | {"__version__"} == set(calico.__all__) == set(dir(calico))
    for name, home in calico._HOMES.items():
        assert getattr(calico, name) is getattr(importlib.import_module(home), name)
    with pytest.raises(AttributeError, match="module 'calico' has no attribute 'corupt'"):
        calico.corupt  # noqa: B018


def test_names_for_type_checkers_are_those_of_the_table() -> None:
    """mypy and editors read the imports under TYPE_CHECKING; Python reads the table."""
    imports = [
        line.split(" import ")
        for line in Path(calico.__file__).read_text(encoding="utf-8").splitlines()
        if line.startswith("    from ")
    ]
    typed = {name.strip(): home.split()[1] for home, names in imports for name in names.split(",")}
    assert typed == calico._HOMES


CORRUPT_ONE_IMAGE = """
import numpy as np
from calico import corrupt_image, corrupt_points
image = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)
points = np.random.default_rng(0).random((1000, 4), dtype=np.float32)
blurred = corrupt_image(image, "motion_blur", severity=3)
fewer = corrupt_points(points, "point_drop", severity=3)
print(blurred.shape, blurred.dtype, fewer.shape, fewer.dtype)
"""


def test_corrupt_one_image_and_one_point_cloud() -> None:
    assert run(CORRUPT_ONE_IMAGE) == "(90, 160, 3) uint8 (820, 4) float32\n"


CORRUPT_MY_DATACLASS = """
from dataclasses import dataclass
import numpy as np
from calico import corrupt
@dataclass
class MyFrame:
    points: np.ndarray
    images: tuple
    camera_K: np.ndarray
    camera_T_lidar: np.ndarray
grey = np.full((8, 8, 3), 90, np.uint8)
mine = MyFrame(np.zeros((9, 5), np.float32), (grey,), np.eye(3)[None], np.eye(4)[None])
print(corrupt(mine, "brightness", 3, 0).images[0].max() > 90)
try:
    corrupt(mine, "fog", 3, 0)
except ValueError as error:
    print(error)
try:
    corrupt(mine.images[0], "fog", 3, 0)
except ValueError as error:
    print(error)
"""


def test_corrupt_my_dataclass() -> None:
    good, fog, image = run(CORRUPT_MY_DATACLASS).splitlines()
    assert good == "True"
    assert fog.startswith(
        "fog needs ego_T_lidar, which the frame (MyFrame) does not have; expected"
    )
    assert "a single image is corrupted by corrupt_image" in image


METRICS_ON_MY_BOXES = """
import numpy as np
from calico import detection_metrics
boxes = np.array([[10.0, 2, 0, 4.5, 1.9, 1.6, 0.3], [20, -3, 0, 4.5, 1.9, 1.6, 0]])
scores = detection_metrics(
    predicted=[(boxes, [0.9, 0.8], [0, 0])], truth=[(boxes, [0, 0])], scenes=["one"]
)
print(scores["AP/car"], scores["mAP_present"], scores["mAP"])
"""


def test_metrics_on_my_boxes() -> None:
    """A perfect answer for one class of ten: its AP is 1, and mAP is 1 / 10."""
    assert run(METRICS_ON_MY_BOXES) == "1.0 1.0 0.1\n"


@pytest.mark.parametrize(
    "module", ["corruptions.apply", "corruptions.single", "calico_eval.metrics.from_boxes"]
)
def test_examples_of_docstrings_hold(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.failed == 0
    assert result.attempted > 2


SMALL = (
    'settings=["data.sim.val_scenes=2", "data.sim.frames_per_scene=1", '
    '"data.sim.image_size=[48, 128]", "data.cache_dir={cache}"]'
)
ATTACK_MY_MODEL = """
import torch
from calico import Threat, attack, open_data
torch.manual_seed(0)
net = torch.nn.Conv2d(3, 4, 3)
frames = [open_data("sim", SETTINGS)[0]]
class Mine:
    sensors = ("camera", "lidar")
    def predict(self, frames): return [dict(boxes=[], scores=[], labels=[]) for _ in frames]
    def loss(self, batch):
        seen = net(batch.images.flatten(0, 1)).relu().mean((1, 2, 3))
        return seen.unflatten(0, batch.images.shape[:2]).mean(1) + batch.points[..., 0].mean(1)
for result in attack(Mine(), frames, "pgd", Threat(camera_levels=4), steps=10):
    print(result.used, result.loss_clean < result.loss_attacked)
for result in attack(Mine(), frames, "pgd", Threat(camera_levels=4, range_m=0.1), steps=10):
    print(result.used[:18], result.loss_clean < result.loss_attacked)
"""


@pytest.mark.slow
def test_attack_my_own_torch_model(tmp_path: Path) -> None:
    code = ATTACK_MY_MODEL.replace("SETTINGS", SMALL.format(cache=tmp_path))
    assert run(code) == "4 of 4 grey levels True\n4 of 4 grey levels True\n"


LOAD_EVALUATE_ATTACK = """
from calico import Threat, attack, evaluate, load_model, open_data
model = load_model("RUN")
data = open_data("sim", config=model.config, SETTINGS)
answers = model.predict([data[0]])
scores = evaluate(model, data)
print(len(answers), 0 <= scores["mAP"] <= 1, scores.interval("mAP") is not None, scores["mIoU"] > 0)
(result,) = attack(model, data[0], "pgd", Threat(camera_levels=4), steps=2)
print(result.used, result.frame.images[0].dtype)
"""


@pytest.mark.slow
def test_load_evaluate_and_attack(tmp_path: Path) -> None:
    engine = load_network("fused", mini_config())
    (tmp_path / "run").mkdir()
    save_model(tmp_path / "run" / "model.safetensors", engine.model, engine.config)
    code = LOAD_EVALUATE_ATTACK.replace("RUN", str(tmp_path / "run"))
    code = code.replace("SETTINGS", SMALL.format(cache=tmp_path / "cache"))
    assert run(code) == "1 True True True\n4 of 4 grey levels uint8\n"
