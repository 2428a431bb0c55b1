"""The sanity verdict at the end of a run: made, kept, the same bytes on resume, and a fault of the
model reaches the reports.
"""

from __future__ import annotations

import copy
import random
from pathlib import Path

import pytest
from torch import Tensor, nn

from calico.data.source import FrameSource
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.attacks.sanity import TITLES, Checklist, active, not_run
from calico_eval.engines.torch import TorchEngine
from calico_eval.evaluation.plan import EvaluationPlan
from calico_eval.evaluation.store import RunStore
from calico_eval.metrics.nuscenes import class_ranges
from reports.results_view import ResultsView
from tests.calico_eval.evaluations import plan_for, run_for

PGD = AttackSpec("pgd", Threat(camera_levels=8), steps=4)


NOISE = AttackSpec("noise", Threat(camera_levels=8))


LADDER = "S2, S4, S5, S12, S15, S16 on one frame"


def plan_of(engine: TorchEngine, street: FrameSource, *attacks: AttackSpec) -> EvaluationPlan:
    return plan_for([engine], street, ranges=class_ranges(16.0), attacks=attacks, indices=(0, 3))


class _Detached(nn.Module):
    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        return self.encoder(images).detach()


@pytest.mark.slow
def test_a_run_with_attacks_ends_with_sixteen_checks_and_the_same_bytes_on_resume(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(small_engine, street, PGD, NOISE)
    results = run_for(plan, [small_engine], street, tmp_path, title="t", pictures=False)
    assert [check.id for check in results.sanity] == list(TITLES)
    assert {check.model for check in results.sanity} == {"small"}
    assert not [check for check in results.sanity if check.verdict == "FAIL"]
    by_id = {check.id: check for check in results.sanity}
    assert by_id["S9"].measured["attacked_frames"] == 2
    assert by_id["S16"].measured["pairs"] == 1, "from the cells, not from one frame"
    assert by_id["S6"].verdict == "NOT RUN"
    assert by_id["S15"].verdict == "NOT RUN", "no LiDAR attack"
    (traced_cell,) = [cell for cell in results.cells if cell.traces]
    assert [len(trace.losses) for trace in traced_cell.traces] == [5, 5]

    before = (tmp_path / "results.json").read_bytes()

    def again(*_: object) -> None:
        raise AssertionError("made again")

    for check in (
        "check_unbounded",
        "check_gradients_agree",
        "check_planted_is_found",
        "check_rising_strength",
    ):
        monkeypatch.setattr(active, check, again)
    run_for(plan, [small_engine], street, tmp_path, title="t", pictures=False, resume=True)
    assert (tmp_path / "results.json").read_bytes() == before


@pytest.mark.slow
def test_checks_that_were_made_before_a_run_was_killed_are_kept(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(small_engine, street, PGD)
    run_for(plan, [small_engine], street, tmp_path / "whole", title="t", pictures=False)

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(active, "check_planted_is_found", stopped)
        with pytest.raises(KeyboardInterrupt):
            run_for(plan, [small_engine], street, tmp_path / "killed", title="t", pictures=False)
    told: list[str] = []
    run_for(
        plan,
        [small_engine],
        street,
        tmp_path / "killed",
        title="t",
        pictures=False,
        resume=True,
        progress=lambda done, total, what: told.append(what),
    )
    assert told == [
        f"sanity of small/torch-cpu, {n} of 6: {what}"
        for n, what in enumerate(("S13", LADDER, "S14"), start=4)
    ]
    for name in ("results.json", f"sanity/{next((tmp_path / 'whole' / 'sanity').iterdir()).name}"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.slow
def test_a_broken_record_is_made_again_with_the_same_bytes(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path
) -> None:
    plan = plan_of(small_engine, street, PGD)
    run_for(plan, [small_engine], street, tmp_path, title="t", pictures=False)
    (record,) = (tmp_path / "sanity").iterdir()
    whole, results = record.read_bytes(), (tmp_path / "results.json").read_bytes()
    record.write_bytes(whole[: len(whole) // 2])
    run_for(plan, [small_engine], street, tmp_path, title="t", pictures=False, resume=True)
    assert record.read_bytes() == whole
    assert (tmp_path / "results.json").read_bytes() == results


@pytest.mark.slow
def test_a_model_with_masked_gradients_has_suspect_figures(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path
) -> None:
    model = copy.deepcopy(small_engine.model)
    model.camera = _Detached(model.camera)
    masked = TorchEngine(model, small_engine.config, "cpu", model_name="masked")
    plan = plan_for(
        [masked], street, ranges=class_ranges(16.0), attacks=(PGD, NOISE), indices=(0, 3)
    )
    results = run_for(plan, [masked], street, tmp_path, title="t", pictures=False)
    failed = {check.id for check in results.sanity if check.verdict == "FAIL"}
    assert {"S7", "S8"} <= failed
    view = ResultsView(results)
    assert {
        cell.condition.name: bool(view.sanity.find_failed_checks(cell)) for cell in results.cells
    } == {
        "clean": False,
        "camera_pgd": True,
        "camera_noise": False,
    }


def test_no_attacks_no_verdict(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path
) -> None:
    for attacks in ((), (NOISE,)):
        plan = plan_of(small_engine, street, *attacks)
        results = run_for(
            plan, [small_engine], street, tmp_path / str(len(attacks)), title="t", pictures=False
        )
        assert results.sanity == ()
        assert not list((tmp_path / str(len(attacks)) / "sanity").iterdir())


def test_the_record_is_read_back_or_none(tmp_path: Path) -> None:
    warnings: list[str] = []
    store = RunStore(tmp_path, warnings.append)
    assert store.load_sanity("a/b") == {}
    (tmp_path / "sanity").mkdir()
    check = not_run(Checklist("a", "b"), "S3", "why")
    store.save_sanity("a/b", {"S3": [check], "S7, S8": []})
    assert store.load_sanity("a/b") == {"S3": (check,), "S7, S8": ()}
    assert store.load_sanity("a/c") == {}
    assert warnings == []
    file = next((tmp_path / "sanity").iterdir())
    content = file.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(content)), 400):
        file.write_bytes(
            content[: bit // 8]
            + bytes([content[bit // 8] ^ 1 << bit % 8])
            + content[bit // 8 + 1 :]
        )
        assert store.load_sanity("a/b") == {}
        assert warnings.pop().endswith("made again")
    store.save_sanity("a/c", {})
    other = next(path for path in (tmp_path / "sanity").iterdir() if path != file)
    file.write_bytes(other.read_bytes())
    assert store.load_sanity("a/b") == {}
    assert "belong to another engine or run (a/c)" in warnings.pop()
