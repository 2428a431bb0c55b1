"""The sanity checks that compare finished cells.

S2, S4, S5, S6, S12 and S16 compare a metric. S9 and S11 read what the attacks noted. Two cells are
compared by the same scenes left out of both (`jackknife`), which cancels what the scenes have in
common. A difference in the wrong direction is a failure only if its confidence interval excludes
zero; otherwise it is a warning. With few scenes the intervals are wide, so that a check can warn
but not fail. Only attacks on clean frames are compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

from calico_eval.attacks import ALGORITHMS, AttackSpec, Threat
from calico_eval.attacks.sanity import Checklist, not_run, worst_verdict
from calico_eval.attacks.sanity.checklist import Verdict
from calico_eval.attacks.success.rates import MAP_CREATED, MAP_ERASED, MAP_WRONG, SUCCESS_OF
from calico_eval.attacks.whitebox.gradient import APGD_STEP, falling_steps
from calico_eval.evaluation.jackknife import Replicates, compute_half_width, replicate_metrics
from calico_eval.evaluation.plan import EvaluationPlan, Job
from calico_eval.metrics.suffstats import FrameStats
from reports.schema import Cell, SanityCheck

SMALL, MARGIN = 0.005, 0.01
"""Largest difference of a metric without a warning, and smallest difference that can fail a
check."""
RANKS = ("noise", "fgsm", "pgd", "apgd_decay")
"""Algorithms from weak to strong (S5)."""
FAR_WEAKER = 0.5
"""Largest share of the attack's harm that noise may do (S16)."""
RISEN, MOSTLY_RISEN = 1.0, 0.9
"""Shares of the attacked frames on which the objective must rise to pass, and not to fail (S9)."""


@dataclass(frozen=True)
class Attacked:
    """A finished cell with an attack on clean frames.

    Attributes:
        job: Job of the cell.
        spec: The attack.
        cell: The finished cell.
    """

    job: Job
    spec: AttackSpec
    cell: Cell

    @property
    def metric(self) -> str:
        """Metric that the harm of the attack is measured by."""
        of_maps = SUCCESS_OF[self.spec.objective] in (MAP_ERASED, MAP_CREATED, MAP_WRONG)
        return "mIoU_present" if of_maps else "mAP_present"

    def __str__(self) -> str:
        """'camera_pgd 8/255, 10 steps, 1 start'."""
        access = ALGORITHMS[self.spec.name].access
        if access == "nothing":
            return str(self.job.condition)
        work = ("query", "queries") if access == "queries" else ("step", "steps")
        effort = f"{self.spec.steps} {work[self.spec.steps != 1]}"
        starts = ("start", "starts")[self.spec.restarts != 1]
        return f"{self.job.condition}, {effort}, {self.spec.restarts} {starts}"


class CellChecks:
    """The cells of a finished run that say something about one engine."""

    def __init__(
        self,
        plan: EvaluationPlan,
        cells: Mapping[str, Cell],
        stats: Mapping[str, Sequence[FrameStats]],
        engine: str,
        models: Mapping[str, str],
    ) -> None:
        """Choose the cells.

        Args:
            plan: Plan of the evaluation.
            cells: Finished cells by id.
            stats: Frames of each cell by id.
            engine: Label of the engine.
            models: Engine label to model name.
        """
        self._checklist = Checklist(models[engine], engine.removeprefix(f"{models[engine]}/"))
        mine = [job for job in plan.jobs if models[job.engine] == models[engine]]
        attacks = [
            Attacked(job, job.attack, cells[job.id])
            for job in mine
            if job.attack is not None and job.is_on_clean_frames
        ]
        self.noted = [
            cells[job.id]
            for job in mine
            if job.engine == job.source_engine == engine
            and job.attack is not None
            and ALGORITHMS[job.attack.name].access == "gradients"
        ]
        on_engine = [one for one in attacks if one.job.engine == engine]
        self.white = [
            a for a in on_engine if a.job.source_engine == engine and _access(a) == "gradients"
        ]
        self.controls = [a for a in on_engine if ALGORITHMS[a.spec.name].control]
        self.black = [a for a in attacks if _access(a) == "queries"]
        self.transfer = [
            a
            for a in attacks
            if _access(a) == "gradients" and models[a.job.source_engine or engine] != models[engine]
        ]
        self._clean = next(job.id for job in mine if job.is_clean and job.engine == engine)
        ids = {self._clean, *(a.job.id for a in attacks)}
        self._values: Replicates = replicate_metrics(stats, ids)

    def make_checks(self) -> list[SanityCheck]:
        """Make S2, S4, S5, S6, S9, S11, S12 and S16; NOT RUN without cells to compare."""
        return [
            self._ordered(
                "S2",
                self._budgets(),
                "a larger budget does more harm",
                "a larger budget does less harm",
                "several budgets",
            ),
            self._ordered(
                "S4",
                self._more("steps"),
                "more steps do as much harm",
                "more steps help the defender",
                "several numbers of steps",
            ),
            self._ordered(
                "S5",
                self._ranks(),
                "stronger algorithms do more harm",
                "a weaker algorithm does more harm than a stronger one",
                "two of noise, fgsm, pgd and apgd_decay at one budget",
            ),
            self._ordered(
                "S6",
                self._access_pairs(),
                "black-box attacks and transfer do no more harm than white-box ones",
                "an attacker who knows less does more harm: the gradients are masked",
                "a black-box or transfer attack at the budget of a white-box one",
            ),
            self._rose(),
            self._crossing(),
            self._ordered(
                "S12",
                ((b, a) for a, b in self._more("restarts")),
                "more restarts add nothing",
                "more restarts do more harm: report the figures with more of them",
                "several numbers of restarts",
            ),
            self._noise(),
        ]

    def _ordered(
        self,
        check: str,
        pairs: Iterator[tuple[Attacked, Attacked]],
        good: str,
        bad: str,
        needs: str,
    ) -> SanityCheck:
        """Check pairs of attacks, of which the second should do at least as much harm."""
        verdicts: list[Verdict] = []
        messages, largest = [], None
        for weak, strong in pairs:
            excess, half = self._difference(
                strong, weak, weak.metric if _access(strong) == "nothing" else strong.metric
            )
            if math.isnan(excess):  # nothing to find in these frames
                continue
            verdicts.append(grade_excess(excess, half))
            if verdicts[-1] != "PASS":
                shown = (
                    "no interval"
                    if half is None
                    else f"interval {excess - half:+.3f} to {excess + half:+.3f}"
                )
                messages.append(f"{weak} against {strong}: {excess:+.3f} ({shown})")
            if largest is None or excess > largest[0]:
                largest = (excess, half)
        if largest is None:
            return not_run(self._checklist, check, f"the run does not hold {needs}")
        verdict = worst_verdict(verdicts)
        noise = " (by little, or within the interval)" if verdict == "WARN" else ""
        message = good if verdict == "PASS" else f"{bad}{noise}: {'; '.join(messages)}"
        return self._checklist.check(
            check,
            verdict,
            message,
            pairs=len(verdicts),
            largest_difference=largest[0],
            half_of_its_interval=largest[1],
        )

    def _difference(self, a: Attacked, b: Attacked, metric: str) -> tuple[float, float | None]:
        """Return the metric under a minus under b, and half of its interval.

        Frames of one scene are too alike to make an interval.
        """
        one, other = a.job.id, b.job.id
        parts = [part[one][metric] - part[other][metric] for part in self._values.left_out]
        return self._values.full[one][metric] - self._values.full[other][
            metric
        ], compute_half_width(parts if self._values.groups.unit == "scene" else [])

    def _budgets(self) -> Iterator[tuple[Attacked, Attacked]]:
        """Pair each attack with those of the next larger budgets, also of both sensors at once."""
        for family in _families(self.white, lambda spec: replace(spec, threat=Threat())):
            within = [
                (a, b) for a in family for b in family if _within(a.spec.threat, b.spec.threat)
            ]
            yield from (
                (a, b)
                for a, b in within
                if not any((a, c) in within and (c, b) in within for c in family)
            )

    def _more(self, effort: str) -> Iterator[tuple[Attacked, Attacked]]:
        """Pair attacks that differ in "steps" or in "restarts" only, from little to much."""
        other = "restarts" if effort == "steps" else "steps"

        def alike(spec: AttackSpec) -> tuple[AttackSpec, int]:
            return replace(spec, steps=1000, restarts=1, step_share=None), getattr(spec, other)

        for family in _families(self.white, alike):
            yield from pairwise(sorted(family, key=lambda a: int(getattr(a.spec, effort))))

    def _ranks(self) -> Iterator[tuple[Attacked, Attacked]]:
        for attacks in _families(self.white, lambda spec: (spec.threat, spec.objective)):
            found = [
                *(c for c in self.controls if c.spec.threat == attacks[0].spec.threat),
                *attacks,
            ]
            best = {
                a.spec.name: a for a in sorted(found, key=lambda a: (a.spec.steps, a.spec.restarts))
            }
            yield from pairwise(best[name] for name in RANKS if name in best)

    def _access_pairs(self) -> Iterator[tuple[Attacked, Attacked]]:
        """Pair the worst black-box and the worst transfer attack with the worst white-box attack.

        This is done for each budget and head. One change for all frames is no white-box attack on
        any of them. Black-box is not compared with transfer: few queries do less than the gradients
        of another model, which masks nothing.
        """
        white = [a for a in self.white if ALGORITHMS[a.spec.name].fit is None]

        def aim(attack: Attacked) -> tuple[Threat, str]:
            return attack.spec.threat, attack.metric

        for wanted in dict.fromkeys(map(aim, white)):
            kinds = [
                [a for a in kind if aim(a) == wanted] for kind in (white, self.black, self.transfer)
            ]
            strong, *weaker = [
                min(kind, key=lambda a: self._values.full[a.job.id][a.metric])
                for kind in kinds
                if kind
            ]
            yield from ((weak, strong) for weak in weaker)

    def _noise(self) -> SanityCheck:
        """Check the control's share of the harm, for every attack with a control of its budget."""
        verdicts: list[Verdict] = []
        messages, shares = [], []
        for attack in self.white:
            for control in (c for c in self.controls if c.spec.threat == attack.spec.threat):
                clean, metric = self._values.full[self._clean][attack.metric], attack.metric
                harm, noise = (
                    clean - self._values.full[a.job.id][metric] for a in (attack, control)
                )
                if math.isnan(harm) or math.isnan(noise):
                    continue
                if harm < MARGIN and noise < MARGIN:
                    messages.append(f"{attack} and noise both do next to no harm")
                    verdicts.append("WARN")
                    continue
                excess, half = self._difference(attack, control, metric)
                shares.append(noise / harm if harm > 0 else 1.0)
                verdicts.append(
                    "PASS"
                    if noise <= FAR_WEAKER * harm
                    else worst_verdict(["WARN", grade_excess(excess, half)])
                )
                if verdicts[-1] != "PASS":
                    messages.append(f"{attack} takes {harm:.3f} of {metric}, noise {noise:.3f}")
        if not verdicts:
            return not_run(
                self._checklist,
                "S16",
                "the run does not hold noise at the budget of an attack; add --attack noise",
            )
        verdict = worst_verdict(verdicts)
        why = (
            "; either the attack finds nothing (see S3, S7, S13), or the budget is too small to "
            "matter or drowns the data"
        )
        message = (
            "noise does less than half of the harm"
            if verdict == "PASS"
            else "; ".join(messages) + why
        )
        return self._checklist.check(
            "S16",
            verdict,
            message,
            pairs=len(verdicts),
            largest_share_of_harm=max(shares, default=None),
        )

    def _rose(self) -> SanityCheck:
        def total(name: str) -> int:
            return sum(int(cell.details.get(name) or 0) for cell in self.noted)

        attacked, risen = (
            sum(part) for part in zip((0, 0), *map(_raised, self.noted), strict=True)
        )
        if not attacked:
            return not_run(self._checklist, "S9", "no frame was attacked by gradients")
        share, unchanged, bad = risen / attacked, total("frames_unchanged"), total("bad_gradients")
        verdict: Verdict = "PASS" if share >= RISEN and not unchanged and not bad else "WARN"
        if share < MOSTLY_RISEN or unchanged > (1 - MOSTLY_RISEN) * attacked:
            verdict = "FAIL"
        message = "the objective rose on every attacked frame"
        if verdict != "PASS":
            message = (
                f"the objective rose on {share:.1%} of {attacked} attacked frames, {unchanged} "
                "came back "
                f"unchanged, {bad} entries of gradients were NaN or infinite: there the figures "
                "are those "
                "of a failed attack"
            )
        return self._checklist.check(
            "S9",
            verdict,
            message,
            attacked_frames=attacked,
            share_risen=share,
            frames_unchanged=unchanged,
            bad_entries=bad,
        )

    def _crossing(self) -> SanityCheck:
        specs = [a.spec for a in self.white if a.spec.name != "fgsm"]
        reach = [_reach(spec) for spec in specs]
        if not reach:
            return not_run(
                self._checklist, "S11", "the run has no attack of several steps on clean frames"
            )
        good = min(reach) >= 2 * (1 - 1e-9)
        return self._checklist.check(
            "S11",
            "PASS" if good else "FAIL",
            "the steps together reach across the budget region"
            if good
            else "an attack could not cross its budget region: more steps or longer ones",
            attacks=len(reach),
            lowest_reach_in_radii=min(reach),
        )


def grade_excess(excess: float, half: float | None) -> Verdict:
    """Grade a difference in the wrong direction.

    Args:
        excess: By how much a metric is better under the attack that should do more harm.
        half: Half of the interval of that difference, or None without an interval.
    """
    if excess > MARGIN and half is not None and excess > half:
        return "FAIL"
    return "WARN" if excess > SMALL else "PASS"


def _reach(spec: AttackSpec) -> float:
    """Compute how far the steps of an attack can go together, in radii of the budget."""
    if spec.name == "apgd_decay":
        return sum(falling_steps(spec))
    return spec.steps * (APGD_STEP if spec.name == "apgd" else spec.step)


def _raised(cell: Cell) -> tuple[int, int]:
    """Count the frames on which the objective was to rise, and those on which it did.

    A universal attack counts the frames it was learnt on, and all of them or none by their mean.
    """
    details = cell.details
    if "fitted_frames" in details:
        frames, end = int(details["fitted_frames"] or 0), float(details["fitted_loss_end"] or 0.0)
        return frames, frames * (end > float(details["fitted_loss_start"] or 0.0))
    frames = cell.metrics["mAP"].n_frames - int(details.get("frames_not_attacked") or 0)
    return frames, int(details.get("frames_with_risen_loss") or 0)


def _access(attack: Attacked) -> str:
    return ALGORITHMS[attack.spec.name].access


def _families(
    attacks: Sequence[Attacked], alike: Callable[[AttackSpec], object]
) -> list[list[Attacked]]:
    """Group attacks whose specs are alike."""
    groups: dict[object, list[Attacked]] = {}
    for attack in attacks:
        groups.setdefault(alike(attack.spec), []).append(attack)
    return list(groups.values())


def _within(small: Threat, large: Threat) -> bool:
    """Tell whether the smaller threat allows nothing that the larger does not."""
    names = [field.name for field in fields(Threat) if field.name != "r_min_m"]
    return small != large and all(getattr(small, name) <= getattr(large, name) for name in names)
