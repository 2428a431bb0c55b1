"""The second half of the claim: are fine-tuned models that were pre-trained harder to break? Corruptions and attacks on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from calico.data.open import Split, open_source
from calico.errors import CalicoError
from calico.files import write_atomic
from calico.train.checkpoint import MODEL_FILE, load_model
from calico_eval.bench.protocol import Cell, config_of
from calico_eval.bench.run import Bar
from calico_eval.engines.base import Engine, label
from calico_eval.engines.torch import TorchEngine
from calico_eval.sweep.plan import make_plan
from calico_eval.sweep.run import run_sweep
from calico_eval.sweep.suites import attack_specs, spread, suites
from calico_eval.validation import eval_ranges
from reports.schema import Results

FORMAT = "calico-bench-robust-1"


def measure_robustness(
    work: Path,
    results: Path,
    cells: Sequence[Cell],
    *,
    split: Split,
    extra: tuple[str, ...],
    command: Sequence[str],
    progress: Callable[[str], Bar],
    say: Callable[[str], None],
) -> Path:
    """Runs the demo suite on the models of one sensor set, share of labels and seed; the first cell is the baseline of mCE.

    Returns:
        robust-<first cell>.json: per variant mCE, mRR and mPC of mAP, and per attack the share of the clean mAP that it takes.

    Raises:
        CalicoError: a model that is not there: run its cell first.
    """
    path = results / f"robust-{cells[0].name}.json"
    if path.exists():
        return path
    _, config = config_of(cells[0], extra)
    engines: list[Engine] = []
    for cell in cells:
        folder = work / "finetune" / cell.name
        if not (folder / MODEL_FILE).is_file():
            raise CalicoError(f"{folder / MODEL_FILE}: not there; the model of a finished cell is needed, run it again")
        model, own = load_model(folder)
        engines.append(TorchEngine(model, own, config.device, cell.variant.name))
    suite = suites()["demo"]
    source = open_source(config, split)
    plan = make_plan(
        engines,
        source,
        ranges=eval_ranges(config),
        corruptions=suite.corruptions,
        severities=suite.severities,
        attacks=attack_specs(suite.attacks, engines[0].sensors, (), (), suite.steps),
        indices=spread(len(source), suite.frames),
        seed=config.seed,
        batch_size=config.eval.batch_size,
        baseline=label(engines[0]),
    )
    folder = work / "robust" / cells[0].name
    bar = progress(f"robustness of {cells[0].name} and {len(cells) - 1} others")
    found = run_sweep(
        plan, engines, source, folder, title=cells[0].name, command=command, config_yaml=None, resume=folder.exists(),
        overwrite=False, progress=lambda done, total, what: bar(done, total), warn=say, pictures=False,
    )  # fmt: skip
    record = {
        "format": FORMAT,
        "size": cells[0].size,
        "labels": cells[0].labels,
        "seed": cells[0].seed,
        "variants": {engine.model_name: _figures(found, engine) for engine in engines},
        "origin": found.provenance.model_dump(mode="json"),
    }
    write_atomic(path, json.dumps(record, indent=1, sort_keys=True) + "\n")
    return path


def _figures(results: Results, engine: Engine) -> dict[str, float | None]:
    summary = results.summary[label(engine)]
    figures = {name: summary[f"mAP/{name}"].value for name in ("mCE", "mRR", "mPC") if f"mAP/{name}" in summary}
    values = {
        cell.condition.name: cell.metrics["mAP"].value
        for cell in results.cells
        if (cell.model, cell.engine) == (engine.model_name, engine.name) and cell.condition.kind in ("clean", "attack")
    }
    clean = values["clean"]
    for name, value in values.items():
        if name != "clean":
            figures[f"lost_to_{name}"] = None if not clean or value is None else 1.0 - value / clean
    return figures
