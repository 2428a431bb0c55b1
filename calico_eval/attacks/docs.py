"""Makes docs/reference/attacks.md: `python -m calico_eval.attacks.docs [ROOT]`, ROOT being the repository's (default: here).

The hand-written parts are in docs/parts/attacks.md, the costs in benchmarks/results/attacks.json; the rest is the code's.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from calico_eval.attacks.budget.threat import UNITS, Threat
from calico_eval.attacks.catalogue import ALGORITHMS, BALL, LINF, Algorithm
from calico_eval.attacks.success.rates import SUCCESS_OF
from calico_eval.attacks.torchattacks.table import TORCHATTACKS
from calico_eval.engines.network.objectives import OBJECTIVES

PAGE, PARTS, COSTS = (
    Path("docs/reference/attacks.md"),
    Path("docs/parts/attacks.md"),
    Path("benchmarks/results/attacks.json"),
)
ACCESS = {
    "gradients": "gradients (white box): our torch models",
    "queries": "predictions only (black box): any model, the exported file alone",
    "nothing": "nothing: controls and attacks that do not look at the model",
}


def render(parts: str, costs: Mapping[str, Any]) -> str:
    """The page: the hand-written text with its marks filled.

    Args:
        costs: what `benchmarks/attack_cost.py --write` left.
    """
    filled = {
        "threats": _threats(),
        "catalogue": _catalogue(),
        "objectives": _objectives(),
        "torchattacks": _torchattacks(),
        "cost": _cost(costs),
    }
    for mark, text in filled.items():
        parts = parts.replace(f"<!-- {mark} -->", text)
    return parts


def _threats() -> str:
    """One row per allowance, its meaning from the docstring of `Threat`."""
    text = inspect.getdoc(Threat) or ""
    rows = ["| allowance | unit | what may change |", "|---|---|---|"]
    for name, unit in UNITS.items():
        found = re.search(
            rf"^([\w, ]*\b{name}\b[\w, ]*): (.*?)(?=^\S+(?:, \w+)*:|\Z)",
            text,
            re.MULTILINE | re.DOTALL,
        )
        if found is None:
            raise ValueError(f"Threat's docstring does not say what {name} is")
        rows.append(f"| `{name}` | {unit} | {' '.join(found[2].split())} |")
    return "\n".join(rows)


def _catalogue() -> str:
    blocks = []
    for access, title in ACCESS.items():
        members = [
            one
            for one in ALGORITHMS.values()
            if one.access == access and not one.name.startswith("ta_")
        ]
        if members:
            table = [
                "| name | attack | what it changes | standard budgets | source |",
                "|---|---|---|---|---|",
            ]
            blocks.append("\n".join([f"**Needs {title}**", "", *table, *map(_row, members)]))
    return "\n\n".join(blocks)


def _row(algorithm: Algorithm) -> str:
    kinds = {
        BALL: "pixels (L-infinity, L2), points, intensity; both sensors",
        LINF: "pixels (L-infinity), points, intensity; both sensors",
    }
    what = kinds.get(algorithm.allowances) or ", ".join(
        f"`{name}`" for name in algorithm.allowances
    )
    standard = "; ".join(str(threat) for threat in algorithm.standard)
    return f"| `{algorithm.name}` | {algorithm.title} | {what} | {standard} | {algorithm.source or 'ours'} |"


def _objectives() -> str:
    rows = ["| name | what is raised | what counts as a success (ASR) |", "|---|---|---|"]
    rows += [
        f"| `{o.name}` | {o.formula} | {SUCCESS_OF[o.name].text} |" for o in OBJECTIVES.values()
    ]
    return "\n".join(rows)


def _torchattacks() -> str:
    rows = ["| class | here | what it is, or why not |", "|---|---|---|"]
    rows += [
        f"| {e.name} | {f'`{e.used_as}`' if e.used_as else '-'} | {e.why} |" for e in TORCHATTACKS
    ]
    return "\n".join(rows)


def _cost(costs: Mapping[str, Any]) -> str:
    rows = [
        f"`python benchmarks/attack_cost.py --write`: {costs['data']}, a batch of {costs['frames']} frames, "
        f"{costs['steps']} steps, {costs['machine']}, least of {costs['repeats']}, processor seconds.",
        "",
        "| threat | attack | s per step and frame | bare forward and backward | overhead |",
        "|---|---|---|---|---|",
    ]
    for row in costs["rows"]:
        over = 100 * (row["step_s"] / row["bare_s"] - 1)
        rows.append(
            f"| {row['threat']} | {row['attack']} | {row['step_s']:.3f} | {row['bare_s']:.3f} | {over:+.0f} % |"
        )
    return "\n".join(rows)


def main(root: Path) -> None:
    """Writes the page."""
    costs = json.loads((root / COSTS).read_text(encoding="utf-8"))
    (root / PAGE).write_text(
        render((root / PARTS).read_text(encoding="utf-8"), costs), encoding="utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
