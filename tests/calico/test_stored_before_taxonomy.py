"""Files that were written before there was a taxonomy (at commit 70bc30a) still mean nuScenes.

The files and the numbers in known.json come from that version: a LiDAR-only network of two channels
with random weights on two frames of `tests/calico_eval/street.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from calico.config.load import load_config
from calico.config.saved import read_run_config
from calico.data.sim import SimSource
from calico.export.reading import read_metadata
from calico.taxonomy import NUSCENES
from calico.train.checkpoint import load_model
from calico.train.log import check_same
from calico_eval.engines.onnxruntime import OnnxEngine
from calico_eval.engines.torch import TorchEngine
from calico_eval.metrics.intervals import pooled_values
from calico_eval.metrics.suffstats import load_stats
from reports.results_file import read_results
from tests.calico_eval.street import Street

HERE = Path(__file__).with_name("stored_before_taxonomy")
KNOWN = json.loads((HERE / "known.json").read_text())
NAMES = ("mAP", "NDS", "mATE", "AP/car", "AP/barrier", "IoU/divider")


def test_a_checkpoint_opens_and_answers_the_same() -> None:
    """The identity of the model, by which runs are resumed, is what it was."""
    model, config = load_model(HERE / "model.safetensors")
    assert config.taxonomy.build() is NUSCENES
    engine = TorchEngine(model, config, "cpu")
    assert engine.sha256 == KNOWN["sha256"]
    street = Street(scenes=1, frames=2)
    found = engine.predict([street[0], street[1]])
    assert [one.labels.tolist() for one in found] == KNOWN["labels"]
    for one, scores in zip(found, KNOWN["scores"], strict=True):
        assert one.scores == pytest.approx(scores, abs=2e-5)


def test_a_graph_opens() -> None:
    card = read_metadata(HERE / "model.onnx")
    assert card.config.taxonomy.build() is NUSCENES
    street = Street(scenes=1, frames=2)
    found = OnnxEngine(HERE / "model.onnx", device="cpu").predict([street[0], street[1]])
    assert [one.labels.tolist() for one in found] == KNOWN["labels"]


def test_the_configuration_of_a_run_opens(tmp_path: Path) -> None:
    config = read_run_config(HERE)
    assert config.taxonomy.build() is NUSCENES
    assert read_run_config(HERE) == load_config("tiny", HERE / "config.yaml")
    check_same(config, HERE)


def test_statistics_open_and_give_the_same_figures() -> None:
    stats = load_stats(HERE / "frames.parquet", "abc")
    assert stats[0].detection.taxonomy is NUSCENES
    assert [one.detection.n_gt.tolist() for one in stats] == KNOWN["n_gt"]
    values = pooled_values(stats)
    assert set(NAMES) <= set(values)
    assert values["mATE"] == KNOWN["mATE"]


def test_results_open() -> None:
    results = read_results(HERE.parents[1] / "reports" / "data" / "results-1.3.json")
    assert results.provenance.taxonomy == "nuscenes"
    assert set(results.provenance.ranges) == set(NUSCENES.names)


def test_simulated_frames_keep_their_hash() -> None:
    """Else every cached frame would be rendered again, and every run refused as one on other
    data."""
    config = read_run_config(HERE)
    source = SimSource(config.data.sim, "val", config.grid.map)
    assert source.content_hash() == KNOWN["sim_content_hash"]
