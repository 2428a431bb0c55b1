"""What it takes to run an evaluation again."""

from __future__ import annotations

import hashlib

import pytest
import torch

import calico
from calico.data.source import FrameSource
from calico_eval.evaluation.plan import EvaluationPlan
from calico_eval.evaluation.provenance import describe_origin, describe_run


def test_the_frames_are_named_in_order_and_the_scenes_are_counted(street: FrameSource) -> None:
    plan = EvaluationPlan((), (3, 0), {"car": 50.0}, seed=7, batch_size=2, data_hash="abc")
    found = describe_run(plan, street, ["calico", "robust"])
    tokens = "street1-0\nstreet0-0"
    assert found.frames_hash == hashlib.sha256(tokens.encode()).hexdigest()
    assert (found.n_frames, found.n_scenes, found.seed) == (2, 2, 7)
    assert (found.data, found.data_hash, found.ranges) == ("street", "abc", {"car": 50.0})


def test_the_origin_names_versions_and_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a checkout there is no commit; conftest.py hides the repository."""
    found = describe_origin(["calico", "robust", "--seed", "3"])
    assert found["command"] == "calico robust --seed 3"
    assert found["calico_version"] == calico.__version__
    assert found["packages"]["torch"] == torch.__version__.partition("+")[0]
    assert found["threads"] == torch.get_num_threads()
    assert found["git_commit"] is None
