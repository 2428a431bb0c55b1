"""How the time of the gate grows with the number of cells.

`calico gate` with its reports, on made-up results.

Run `python benchmarks/gate_scaling.py`. It prints, for each shape of a file, the time at n, 2n and
4n cells, and the ratios to the first: 2 and 4 where the time is linear, 4 and 16 where it is
quadratic. Ratios of one run can be compared on any machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from reports.gate.evaluate import evaluate_rules
from reports.gate.rules import Rule, Rules
from reports.results_file import read_results, write_results
from reports.schema import Cell, Check, Condition, Metric, Model, Provenance, Results
from reports.writers.run_folder import write_report

FRAMES, SCENES, CLASSES = 80, 10, 10
SHAPES = ("corruptions", "curve", "attacks", "engines", "seeds")


def make_cells(shape: str, count: int) -> tuple[Cell, ...]:
    """`count` cells: of many corruptions, of one long curve, of attacks of many efforts.

    On many engines, with many seeds.
    """
    cells = [make_cell(Condition(kind="clean", name="clean"), "torch", 0)]
    for number in range(count - 1):
        engine, seed, kind = "torch", 0, "corruption"
        name, severity, parameters = (
            f"corruption_{number // 5}",
            number % 5 + 1,
            {"level": float(number % 5 + 1)},
        )
        if shape == "curve":
            kind, name, severity, parameters = "curve", "fog", 0, {"level": float(number + 1)}
        elif shape == "attacks":
            kind, name, severity, parameters = (
                "attack",
                "camera_pgd",
                0,
                {"level": 4, "steps": number + 1},
            )
        elif shape == "engines":
            engine = f"engine-{number // 5}"
        elif shape == "seeds":
            name, severity, parameters, seed = (
                "fog",
                number % 5 + 1,
                {"level": float(number % 5 + 1)},
                number // 5,
            )
        condition = Condition(
            kind=kind,
            name=name,
            severity=severity,
            parameters=parameters,
            axis="level",
            sensors=("camera",),
        )
        cells.append(make_cell(condition, engine, seed))
    return tuple(cells)


def make_cell(condition: Condition, engine: str, seed: int) -> Cell:
    def metric(value: float) -> Metric:
        return Metric(
            value=value,
            lo=value - 0.05,
            hi=value + 0.05,
            method="made up",
            n_frames=FRAMES,
            n_scenes=SCENES,
        )

    names = ["mAP", "NDS", *(f"AP/class_{number}" for number in range(CLASSES))]
    sound = Check(passed=True, measured={"changed": 1})
    return Cell(
        id=f"{condition.name}-{condition.severity}-{condition.parameters}-{engine}-{seed}",
        model="m",
        engine=engine,
        condition=condition,
        seed=seed,
        metrics={name: metric(0.5 - 0.02 * condition.severity) for name in names},
        effect=None if condition.kind == "clean" else sound,
        budget=sound if condition.kind == "attack" else None,
    )


def make_results(cells: tuple[Cell, ...]) -> Results:
    return Results(
        title="made up",
        provenance=Provenance(
            command="none",
            calico_version="0",
            suite_version="1",
            python="3",
            packages={},
            git_commit=None,
            git_dirty=None,
            seed=0,
            data="none",
            data_hash="0",
            frames_hash="0",
            ranges={"car": 50.0},
            n_frames=FRAMES,
            n_scenes=SCENES,
            threads=1,
            machine="none",
        ),
        models=(Model(name="m", sha256="0", sensors=("camera",)),),
        cells=cells,
    )


RULES = Rules(
    rules=(
        Rule(metric="*", min=0.1),
        Rule(metric="mAP", relative_to_clean_min=0.5),
        Rule(metric="AP/*", max_drop=0.02),
        Rule(metric="mAP", condition="fog*", min=0.2),
    ),
    accept=("attacks_without_sanity_verdict",),
)


def measure_gate(shape: str, count: int) -> float:
    """Seconds that reading, checking and writing take, without making the results."""
    results = make_results(make_cells(shape, count))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_results(folder / "results.json", results)
        start = time.perf_counter()
        read = read_results(folder / "results.json")
        write_report(folder, read, read, evaluate_rules(read, RULES, read))
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cells", type=int, default=150, help="n of the smallest file.  [default: 150]"
    )
    count = parser.parse_args().cells
    measure_gate("corruptions", count)  # loads what is loaded on first use
    for shape in SHAPES:
        times = [measure_gate(shape, factor * count) for factor in (1, 2, 4)]
        ratios = ", ".join(f"{seconds / times[0]:.1f}" for seconds in times)
        shown = ", ".join(f"{seconds:.2f} s" for seconds in times)
        print(f"{shape:12} {count}, {2 * count}, {4 * count} cells: {shown}; ratios {ratios}")


if __name__ == "__main__":
    main()
