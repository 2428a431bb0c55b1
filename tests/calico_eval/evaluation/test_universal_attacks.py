"""A universal attack in an evaluation: fitted once per condition and engine, on other scenes, the
same when resumed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import ALGORITHMS, AttackSpec, Threat, catalogue
from calico_eval.engines.torch import TorchEngine
from calico_eval.metrics.nuscenes import class_ranges
from tests.calico_eval.evaluations import plan_for, run_for

ATTACKS = (
    AttackSpec("universal", Threat(camera_levels=8), steps=2, fit_frames=2),
    AttackSpec("universal_noise", Threat(camera_levels=8)),
)
SECOND_SCENE = (3, 4)


@pytest.mark.slow
def test_fitted_once_on_other_scenes_and_the_same_when_resumed(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[list[str]] = []
    algorithm = catalogue.ALGORITHMS["universal"]

    def counted(engine: TorchEngine, frames: list[Frame], spec: AttackSpec, seed: int) -> object:
        fits.append([frame.token for frame in frames])
        assert algorithm.fit is not None
        return algorithm.fit(engine, frames, spec, seed)

    monkeypatch.setitem(ALGORITHMS, "universal", replace(algorithm, fit=counted))
    other = TorchEngine(small_engine.model, small_engine.config, "cpu", model_name="other")
    engines = [small_engine, other]
    plan = plan_for(
        engines,
        street,
        ranges=class_ranges(16.0),
        attacks=ATTACKS,
        indices=SECOND_SCENE,
        fit_source=street,
        batch_size=1,
    )
    out = tmp_path / "run"
    results = run_for(plan, engines, street, out, title="t", fit_source=street)
    assert fits == [["street0-0", "street0-2"]] * 2, (
        "once for each of two engines, the gallery and both batches included"
    )
    cells = {(cell.model, cell.condition.name): cell for cell in results.cells}
    details = cells["small", "camera_universal"].details
    assert details["fitted_on"] == "street0-0 street0-2"
    assert details["fitted_scenes"] == 1
    assert details["frames_not_attacked"] == 0
    assert cells["small", "camera_universal"].condition.parameters["fit_frames"] == 2
    assert "fitted_on" not in cells["small", "camera_universal_noise"].details
    assert [p.condition.name for p in results.pictures] == ["clean", "camera_universal"] * 2

    before = (out / "results.json").read_bytes()
    job = next(job for job in plan.jobs if job.condition.name == "camera_universal")
    cell = (out / "cells" / f"{job.id}.json").read_bytes()
    (out / "cells" / f"{job.id}.json").unlink()
    run_for(plan, engines, street, out, title="t", fit_source=street, resume=True)
    assert (out / "cells" / f"{job.id}.json").read_bytes() == cell
    assert (out / "results.json").read_bytes() == before


def test_cells_depend_on_the_frames_that_were_fitted_on(
    small_engine: TorchEngine, street: FrameSource
) -> None:
    def ids(indices: tuple[int, ...], attack: AttackSpec) -> list[str]:
        plan = plan_for(
            [small_engine],
            street,
            ranges=class_ranges(16.0),
            attacks=(attack,),
            indices=indices,
            fit_source=street,
        )
        return [job.id for job in plan.jobs]

    two = ids(SECOND_SCENE, ATTACKS[0])
    three = ids(
        SECOND_SCENE, AttackSpec("universal", Threat(camera_levels=8), steps=2, fit_frames=3)
    )
    assert two[0] == three[0]
    assert two[1] != three[1]


def test_without_frames_to_fit_on_there_is_no_plan(
    small_engine: TorchEngine, street: FrameSource
) -> None:
    with pytest.raises(
        CalicoError,
        match=r"attack camera_universal 8/255: is learnt on frames of other scenes.*fit source",
    ):
        plan_for(
            [small_engine], street, ranges=class_ranges(16.0), attacks=ATTACKS, indices=SECOND_SCENE
        )
    with pytest.raises(
        CalicoError,
        match="data street: no frame to fit a universal attack on, all 6 are of evaluated",
    ):
        plan_for(
            [small_engine], street, ranges=class_ranges(16.0), attacks=ATTACKS, fit_source=street
        )
