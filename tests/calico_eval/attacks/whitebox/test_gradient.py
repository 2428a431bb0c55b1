"""Our FGSM, PGD, MI-FGSM and both APGD against textbook versions written here and against
unmodified torchattacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
import torch
import torchattacks
from torch import Tensor, nn

from calico_eval.attacks.budget.threat import Threat
from calico_eval.attacks.search_space.base import Domain, Norm, Streams
from calico_eval.attacks.search_space.problem import Problem, Trace
from calico_eval.attacks.spec import AttackSpec
from calico_eval.attacks.whitebox.gradient import (
    _checkpoints,
    apgd,
    apgd_decay,
    draw_starts,
    falling_steps,
    fgsm,
    mifgsm,
    pgd,
)
from calico_eval.attacks.whitebox.run import Search

LABELS = torch.tensor([2, 0, 3])
ALGORITHMS: dict[str, Search] = {
    "fgsm": fgsm,
    "pgd": pgd,
    "mifgsm": mifgsm,
    "apgd": apgd,
    "apgd_decay": apgd_decay,
}
LINF, L2 = 8 / 255, 1.0
WAVES = 10.0
"""Of the loss in the test of APGD: enough for steps to be halved, too few for chaos (which turns
1e-16 into 1e-9 in 20 steps)."""


@pytest.fixture
def network() -> nn.Module:
    """A small random network; several views as channels."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(
            nn.Conv2d(6, 8, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 6 * 8, 4)
        ).eval()


@pytest.fixture
def images() -> Tensor:
    """Three frames; a tenth of the values is black, a tenth white, so that projections meet the
    ends of [0, 1]."""
    values = torch.rand((3, 6, 8, 10), generator=torch.Generator().manual_seed(1))
    return (1.25 * values - 0.125).clamp(0, 1)


def cross_entropy(network: nn.Module, labels: Tensor = LABELS) -> Callable[[Tensor], Tensor]:
    return lambda x: nn.functional.cross_entropy(network(x), labels, reduction="none")


def streams(count: int = 3, seed: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed + row) for row in range(count)]


class FromHere(Domain):
    """A ball whose random start is given."""

    def __init__(self, clean: Tensor, eps: float, start: Tensor, norm: Norm) -> None:
        super().__init__(clean, eps, norm=norm)
        self._start = start

    def random(self, streams: Streams) -> Tensor:
        return self._start


def last_of(
    algorithm: Search, domain: Domain, loss: Callable[[Tensor], Tensor], spec: AttackSpec
) -> Tensor:
    """The last place that the algorithm looked at."""
    seen: list[Tensor] = []

    def watched(x: Tensor) -> Tensor:
        seen.append(x.detach().clone())
        return loss(x)

    algorithm(Problem(domain, watched, differentiable=True), spec, streams(len(domain.clean)))
    return seen[-1]


def run(
    algorithm: Search,
    domain: Domain,
    loss: Callable[[Tensor], Tensor],
    spec: AttackSpec,
    seed: int = 0,
) -> Trace:
    problem = Problem(domain, loss, differentiable=True)
    algorithm(problem, spec, streams(len(domain.clean), seed))
    return problem.trace


def textbook_pgd(
    network: nn.Module,
    clean: Tensor,
    start: Tensor,
    eps: float,
    alpha: float,
    steps: int,
    norm: Norm,
) -> Tensor:
    """Madry et al. 2018, equation 2: x <- Proj(x + alpha g), one frame after the other, g the sign
    or the unit gradient."""
    results = []
    for row in range(len(clean)):
        x = start[row : row + 1].clone()
        for _ in range(steps):
            x = x.detach().requires_grad_(True)
            cost = -torch.log_softmax(network(x), dim=1)[0, LABELS[row]]
            (gradient,) = torch.autograd.grad(cost, x)
            with torch.no_grad():
                direction = (
                    gradient.sign() if norm == "linf" else gradient / (gradient**2).sum().sqrt()
                )
                delta = x + alpha * direction - clean[row]
                size = (delta**2).sum().sqrt()
                delta = (
                    delta.clamp(-eps, eps)
                    if norm == "linf"
                    else delta * min(1.0, eps / float(size))
                )
                x = (clean[row] + delta).clamp(0, 1)
        results.append(x.detach())
    return torch.cat(results)


@pytest.mark.parametrize("random_start", [False, True])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_pgd_is_the_textbooks_and_torchattacks(
    network: nn.Module, images: Tensor, norm: Norm, random_start: bool
) -> None:
    eps, steps = (LINF, 10) if norm == "linf" else (L2, 10)
    alpha = 0.25 * eps
    kind = torchattacks.PGD if norm == "linf" else torchattacks.PGDL2
    attack = kind(network, eps=eps, alpha=alpha, steps=steps, random_start=random_start)
    start = images
    if random_start:
        with torch.random.fork_rng():
            torch.manual_seed(11)
            if norm == "linf":
                start = (images + torch.empty_like(images).uniform_(-eps, eps)).clamp(0, 1)
            else:
                delta = torch.empty_like(images).normal_()
                delta *= (
                    torch.zeros(3, 1, 1, 1).uniform_(0, 1)
                    / delta.flatten(1).norm(dim=1)[:, None, None, None]
                    * eps
                )
                start = (images + delta).clamp(0, 1)
    with torch.random.fork_rng():
        torch.manual_seed(11)
        theirs = attack(images, LABELS)

    spec = AttackSpec("pgd", steps=steps, random_start=random_start)
    ours = last_of(pgd, FromHere(images, eps, start, norm), cross_entropy(network), spec)
    expected = textbook_pgd(network, images, start, eps, alpha, steps, norm)
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    moved = ours - images
    reached = moved.abs().amax(dim=(1, 2, 3)) if norm == "linf" else moved.flatten(1).norm(dim=1)
    assert (reached > 0.9 * eps).all()


def test_mifgsm_is_torchattacks(network: nn.Module, images: Tensor) -> None:
    theirs = torchattacks.MIFGSM(network, eps=LINF, alpha=0.25 * LINF, steps=10, decay=1.0)(
        images, LABELS
    )
    ours = last_of(
        mifgsm, Domain(images, LINF), cross_entropy(network), AttackSpec("mifgsm", steps=10)
    )
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    other = last_of(
        pgd, Domain(images, LINF), cross_entropy(network), AttackSpec("pgd", random_start=False)
    )
    assert (ours - other).abs().max() > LINF, "the momentum does something here"


def test_fgsm_is_one_step_of_the_whole_radius(network: nn.Module, images: Tensor) -> None:
    theirs = torchattacks.FGSM(network, eps=LINF)(images, LABELS)
    domain = Domain(images, LINF)
    ours = last_of(fgsm, domain, cross_entropy(network), AttackSpec("fgsm"))
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    trace = run(fgsm, domain, cross_entropy(network), AttackSpec("fgsm"))
    assert (trace.forwards, trace.backwards) == (2, 1)


@dataclass
class SlowApgd:
    """Croce and Hein 2020, algorithm 1, for one frame, in their notation: x[k], f[k], eta, W; a
    step may fall besides.

    A checkpoint k acts when x[k] is known (see `apgd`).
    """

    f: Callable[[Tensor], Tensor]
    clean: Tensor
    eps: float
    norm: Norm
    W: tuple[int, ...]
    first: float
    last: float
    halved_at: list[int] = field(default_factory=list)

    def P(self, z: Tensor) -> Tensor:
        delta = z - self.clean
        if self.norm == "linf":
            return (self.clean + delta.clamp(-self.eps, self.eps)).clamp(0, 1)
        size = float((delta**2).sum().sqrt())
        return (self.clean + delta * min(1.0, self.eps / max(size, 1e-30))).clamp(0, 1)

    def value(self, x: Tensor) -> tuple[float, Tensor]:
        x = x.detach().requires_grad_(True)
        value = self.f(x)
        (gradient,) = torch.autograd.grad(value, x)
        s = gradient.sign() if self.norm == "linf" else gradient / (gradient**2).sum().sqrt()
        return float(value.detach()), s

    def run(self, start: Tensor, n: int) -> tuple[Tensor, float, list[float]]:
        alpha, rho, eta = 0.75, 0.75, self.eps
        falling = [
            self.first - (self.first - self.last) * k / (n - 1) for k in range(n)
        ]  # the paper: 2 all the time
        x, f, s = {0: start}, {}, {}
        f[0], s[0] = self.value(x[0])
        x[1] = self.P(x[0] + eta * falling[0] * s[0])
        f[1], s[1] = self.value(x[1])
        seen = [f[0], f[1]]
        best = 1 if f[1] > f[0] else 0
        x_max, f_max, s_max = x[best], f[best], s[best]
        eta_at, f_max_at, last = {0: eta}, {0: f[0]}, 0
        raised = {1: f[1] > f[0]}
        for k in range(1, n):
            if k in self.W:
                condition1 = sum(raised[i] for i in range(last + 1, k + 1)) < rho * (k - last)
                condition2 = eta_at[last] == eta and f_max_at[last] == f_max
                eta_at[k], f_max_at[k], last = eta, f_max, k
                if condition1 or condition2:
                    eta, x[k], f[k], s[k] = eta / 2, x_max, f_max, s_max
                    self.halved_at.append(k)
            z = self.P(x[k] + eta * falling[k] * s[k])
            x[k + 1] = self.P(x[k] + alpha * (z - x[k]) + (1 - alpha) * (x[k] - x[k - 1]))
            f[k + 1], s[k + 1] = self.value(x[k + 1])
            seen.append(f[k + 1])
            raised[k + 1] = f[k + 1] > f[k]
            if f[k + 1] > f_max:
                x_max, f_max, s_max = x[k + 1], f[k + 1], s[k + 1]
        return x_max, f_max, seen


@pytest.mark.parametrize("restarts", [1, 2])
@pytest.mark.parametrize(
    ("search", "norm", "lidar", "first", "last"),
    [
        (apgd, "linf", False, 2.0, 2.0),
        (apgd, "l2", False, 2.0, 2.0),
        (apgd, "linf", True, 2.0, 2.0),
        (apgd_decay, "linf", False, 2.0, 0.1),
        (apgd_decay, "l2", False, 2.0, 0.1),
        (apgd_decay, "linf", True, 0.5, 0.1),
    ],
)
def test_apgd_is_algorithm_1(
    network: nn.Module,
    images: Tensor,
    search: Search,
    norm: Norm,
    lidar: bool,
    first: float,
    last: float,
    restarts: int,
) -> None:
    """In float64, where two ways of computing one thing agree; the loss has waves, so that steps
    are halved at various times.

    `apgd` starts where the spec says, here at random places; the first start of `apgd_decay` is the
    clean input.
    """
    network, clean = network.double(), images.double()
    waves = torch.randn(
        clean.shape[1:], generator=torch.Generator().manual_seed(8), dtype=torch.float64
    )

    def f(x: Tensor, rows: Tensor = LABELS) -> Tensor:
        bumps = torch.sin(WAVES * x * waves).flatten(1).mean(1)
        return nn.functional.cross_entropy(network(x), rows, reduction="none") + 3.0 * bumps

    eps, n, W = (LINF if norm == "linf" else L2), 20, (5, 9, 12, 14, 16, 18, 19, 20)
    domain = Domain(clean, eps, norm=norm)
    threat = Threat(range_m=0.1) if lidar else Threat(camera_levels=8)
    trace = run(search, domain, f, AttackSpec("apgd", threat, steps=n, restarts=restarts))
    seen = streams()
    starts = ([] if search is apgd else [clean]) + [domain.random(seen) for _ in range(2)]
    starts = starts[:restarts]
    assert trace.best is not None
    assert trace.best_loss is not None
    halved = []
    for row in range(3):
        slow = SlowApgd(
            lambda x, row=row: f(x, LABELS[row : row + 1])[0],
            clean[row : row + 1],
            eps,
            norm,
            W,
            first,
            last,
        )  # type: ignore[misc]
        runs = [slow.run(start[row : row + 1], n) for start in starts]
        assert [float(loss[row]) for loss in trace.losses] == pytest.approx(
            [v for *_, seen in runs for v in seen], abs=1e-9
        )
        x, value, _ = max(runs, key=lambda found: found[1])
        assert float(trace.best_loss[row]) == pytest.approx(value, abs=1e-9)
        torch.testing.assert_close(trace.best[row : row + 1], x, atol=1e-9, rtol=0)
        halved.append(tuple(slow.halved_at))
    assert min(map(len, halved)) >= 1
    assert max(map(len, halved)) >= 2
    assert len(set(halved)) > 1, "frames of one batch halve at times of their own"
    assert (trace.forwards, trace.backwards) == (restarts * (n + 1), restarts * n)


@pytest.mark.parametrize(
    "threat", [Threat(camera_levels=8), Threat(range_m=0.1), Threat(camera_levels=8, range_m=0.1)]
)
def test_apgd_decay_can_cross_its_ball_in_any_number_of_steps(threat: Threat) -> None:
    for steps in (1, 2, 3, 5, 10, 40):
        shares = falling_steps(AttackSpec("apgd_decay", threat, steps=steps))
        assert len(shares) == steps
        assert sum(shares) >= 2.0 - 1e-9
        assert shares == sorted(shares, reverse=True)
    assert (shares[0], shares[-1]) == (0.5 if threat.sensors == ("lidar",) else 2.0, 0.1)


@pytest.mark.parametrize(
    ("steps", "by_hand"),
    # p: 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, 0.93, 0.99 (periods 0.22, 0.19, 0.16, 0.13, 0.10, 0.07,
    # 0.06, 0.06)
    [
        (10, {3, 5, 6, 7, 8, 9, 10}),
        (20, {5, 9, 12, 14, 16, 18, 19, 20}),
        (100, {22, 41, 57, 70, 80, 87, 93, 99}),
    ],
)
def test_checkpoints_by_hand(steps: int, by_hand: set[int]) -> None:
    assert _checkpoints(steps) == by_hand


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_apgd_beats_pgd_on_a_convex_problem(norm: Norm) -> None:
    """An ill-conditioned bowl with its end inside the ball: PGD's constant step jumps over it, APGD
    closes in."""
    clean = torch.full((4, 1, 1, 20), 0.5, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    top = clean + 0.02 * torch.randn(clean.shape, generator=generator, dtype=torch.float64)
    scale = torch.logspace(0, 2, 20, dtype=torch.float64)

    def loss(x: Tensor) -> Tensor:
        return -(scale * (x - top) ** 2).flatten(1).sum(1)

    for steps in (20, 50, 100):
        spec = AttackSpec("pgd", steps=steps, random_start=False)
        domain = Domain(clean, 0.1 if norm == "linf" else 0.3, norm=norm)
        theirs, ours = (
            run(pgd, domain, loss, spec).best_loss,
            run(apgd_decay, domain, loss, spec).best_loss,
        )
        published = run(apgd, domain, loss, spec).best_loss
        assert theirs is not None
        assert ours is not None
        assert published is not None
        assert (ours >= theirs).all()
        assert (ours > loss(clean)).all()
        assert steps < 50 or (published >= theirs).all(), "made for many steps"


@pytest.mark.parametrize("name", ["pgd", "mifgsm", "apgd", "apgd_decay"])
def test_restarts_never_lower_the_result_and_begin_as_fewer_would(
    name: str, network: nn.Module, images: Tensor
) -> None:
    spec = AttackSpec(name, steps=5)
    traces = [
        run(
            ALGORITHMS[name],
            Domain(images, 0.2),
            cross_entropy(network),
            replace(spec, restarts=restarts),
        )
        for restarts in (1, 2, 4)
    ]
    for fewer, more in pairwise(traces):
        assert fewer.best_loss is not None
        assert more.best_loss is not None
        assert (more.best_loss >= fewer.best_loss).all()
        for a, b in zip(fewer.losses, more.losses, strict=False):
            assert torch.equal(a, b)
    assert traces[2].backwards == 4 * traces[0].backwards
    losses = [traces[2].losses[0], traces[2].losses[len(traces[0].losses)]]
    assert not torch.equal(*losses), "another start"


def test_where_searches_start(network: nn.Module, images: Tensor) -> None:
    domain = Domain(images, LINF)
    problem = Problem(domain, cross_entropy(network), differentiable=True)
    spec = AttackSpec("pgd", restarts=3)
    drawn = list(draw_starts(problem, spec, streams()))
    assert len({float(start.sum()) for start in [images, *drawn]}) == 4
    assert torch.equal(
        next(draw_starts(problem, replace(spec, random_start=False), streams())), images
    )
    assert torch.equal(next(draw_starts(problem, spec, streams(), first_at_clean=True)), images)
    assert all(((start - images).abs() <= LINF + 1e-7).all() for start in drawn)


def test_a_start_is_drawn_when_its_search_begins(network: nn.Module, images: Tensor) -> None:
    """A rig's images take 100 MB: the starts of many restarts are not held at once."""
    seen = streams()
    problem = Problem(Domain(images, LINF), cross_entropy(network), differentiable=True)
    later = draw_starts(problem, AttackSpec("pgd", restarts=100), seen)
    next(later)
    expected = streams()
    problem.domain.random(expected)
    assert all(
        torch.equal(a.get_state(), b.get_state()) for a, b in zip(seen, expected, strict=True)
    )


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_frames_of_a_batch_do_not_influence_each_other(
    name: str, norm: Norm, network: nn.Module, images: Tensor
) -> None:
    network, images = network.double(), images.double()
    spec, eps = AttackSpec(name, steps=8, restarts=2), LINF if norm == "linf" else L2
    together = run(ALGORITHMS[name], Domain(images, eps, norm=norm), cross_entropy(network), spec)
    assert together.best is not None
    for row in range(3):
        one = slice(row, row + 1)
        alone = run(
            ALGORITHMS[name],
            Domain(images[one], eps, norm=norm),
            cross_entropy(network, LABELS[one]),
            spec,
            seed=row,
        )
        assert alone.best is not None
        torch.testing.assert_close(together.best[one], alone.best, atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_gradient_that_is_zero_everywhere_ends_the_search_at_once(
    name: str, images: Tensor
) -> None:
    spec = AttackSpec(name, random_start=False)
    trace = run(ALGORITHMS[name], Domain(images, 0.1), lambda x: (x * 0).flatten(1).sum(1), spec)
    assert (trace.forwards, trace.backwards) == (1, 1)
    assert trace.dead is not None
    assert trace.dead.all()
    assert trace.best is not None
    assert torch.equal(trace.best, images)


@pytest.mark.parametrize("name", ["pgd", "mifgsm", "apgd", "apgd_decay"])
def test_a_frame_without_gradient_stays_and_the_others_go_on(name: str, images: Tensor) -> None:
    """UPGD and MI-FGSM of torchattacks divide by the mean gradient, and such a frame turns to
    NaN."""
    weights = torch.tensor([1.0, 0.0, 1.0])
    spec = AttackSpec(name, random_start=False)
    trace = run(
        ALGORITHMS[name], Domain(images, 0.1), lambda x: weights * x.flatten(1).sum(1), spec
    )
    assert trace.best is not None
    assert trace.dead is not None
    assert trace.dead.tolist() == [False, True, False]
    assert torch.equal(trace.best[1], images[1])
    torch.testing.assert_close(trace.best[::2], (images[::2] + 0.1).clamp(0, 1))


@pytest.mark.parametrize("name", ["pgd", "mifgsm", "apgd", "apgd_decay"])
def test_part_of_a_frame_without_gradient_stays(name: str, images: Tensor) -> None:
    spec = AttackSpec(name, random_start=False)
    trace = run(ALGORITHMS[name], Domain(images, 0.1), lambda x: x[:, :3].flatten(1).sum(1), spec)
    assert trace.best is not None
    assert torch.equal(trace.best[:, 3:], images[:, 3:])
    torch.testing.assert_close(trace.best[:, :3], (images[:, :3] + 0.1).clamp(0, 1))
    assert trace.dead is not None
    assert not trace.dead.any()


@pytest.mark.parametrize("name", ["pgd", "mifgsm", "apgd", "apgd_decay"])
def test_the_best_iterate_is_kept_when_the_gradient_dies_later(name: str, images: Tensor) -> None:
    """Once the sum exceeds a margin the loss is flat, as 'hide' is once every object is hidden."""
    margin = images.flatten(1).sum(1) + 20
    spec = AttackSpec(name, steps=50, random_start=False)
    trace = run(
        ALGORITHMS[name],
        Domain(images, 0.5),
        lambda x: torch.minimum(x.flatten(1).sum(1), margin),
        spec,
    )
    assert trace.best is not None
    assert trace.best_loss is not None
    assert trace.dead is not None
    assert trace.dead.all()
    torch.testing.assert_close(trace.best_loss, margin)
    assert (trace.best.flatten(1).sum(1) >= margin - 1e-3).all()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_nan_gradients_are_counted_and_move_nothing(name: str, images: Tensor) -> None:
    def loss(x: Tensor) -> Tensor:
        return torch.sqrt(x[:, :1] * 0).flatten(1).sum(1) + x[:, 1:].flatten(1).sum(1)

    trace = run(
        ALGORITHMS[name], Domain(images, 0.1), loss, AttackSpec(name, steps=2, random_start=False)
    )
    assert trace.best is not None
    assert torch.equal(trace.best[:, :1], images[:, :1])
    torch.testing.assert_close(trace.best[:, 1:], (images[:, 1:] + 0.1).clamp(0, 1))
    assert trace.bad_gradients is not None
    assert trace.bad_gradients.tolist() == [trace.backwards * 80] * 3
