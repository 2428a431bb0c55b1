"""Write docs/reference/attacks.md: `python -m calico_eval.attacks.docs [ROOT]`.

ROOT is the repository's root (default: the working folder). The hand-written text of the page is in
docs/parts/attacks.md. The rest comes from the tables of the code.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from pathlib import Path

from calico_eval.attacks.budget.threat import UNITS, Threat
from calico_eval.attacks.catalogue import ALGORITHMS, BALL, LINF, Algorithm
from calico_eval.attacks.success.rates import SUCCESS_OF
from calico_eval.attacks.torchattacks.table import TORCHATTACKS
from calico_eval.engines.network.objectives import OBJECTIVES

PAGE, PARTS = Path("docs/reference/attacks.md"), Path("docs/parts/attacks.md")
ACCESS = {
    "gradients": "White box: attacks that follow gradients of a torch model",
    "queries": "Black box: attacks that only ask for predictions, of any model",
    "nothing": "Without a model: random controls, and attacks that do not look at it",
}


def render_page(parts: str) -> str:
    """Fill the page's hand-written text with what the code says.

    Args:
        parts: The hand-written text with the marks threats, catalogue, objectives, torchattacks.

    Returns:
        The whole page in Markdown.
    """
    filled = {
        "threats": _threats(),
        "catalogue": _catalogue(),
        "objectives": _objectives(),
        "torchattacks": _torchattacks(),
    }
    for mark, text in filled.items():
        parts = parts.replace(f"<!-- {mark} -->", text)
    return parts


def _threats() -> str:
    """One row for each allowance; its meaning comes from the docstring of `Threat`."""
    text = (inspect.getdoc(Threat) or "").split("\nAttributes:\n")[-1]
    rows = ["| allowance | unit | what may change |", "|---|---|---|"]
    for name, unit in UNITS.items():
        found = re.search(
            rf"^([\w, ]*\b{name}\b[\w, ]*): (.*?)(?=^\S+(?:, \w+)*:|\n\n|\Z)",
            textwrap.dedent(text),
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
            blocks.append("\n".join([f"### {title}", "", *table, *map(_row, members)]))
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
    cells = (f"`{algorithm.name}`", algorithm.title, what, standard, algorithm.source or "ours")
    return f"| {' | '.join(cells)} |"


def _objectives() -> str:
    rows = ["| name | what is maximised | what counts as a success (ASR) |", "|---|---|---|"]
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


def main(root: Path) -> None:
    """Write the page.

    Args:
        root: Root of the repository.
    """
    (root / PAGE).write_text(
        render_page((root / PARTS).read_text(encoding="utf-8")), encoding="utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
