"""What an algorithm sees, and the record that it leaves: best iterates, dead and broken gradients,
counts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from calico.errors import CalicoError
from calico_eval.attacks.search_space.base import Domain
from calico_eval.attacks.search_space.problem import Problem


@pytest.fixture
def clean() -> Tensor:
    return torch.rand((2, 3, 4, 5), generator=torch.Generator().manual_seed(1))


def test_a_gradient_is_each_frames_own_and_noted(clean: Tensor) -> None:
    problem = Problem(Domain(clean, 0.1), lambda x: (x**2).flatten(1).sum(1), differentiable=True)
    loss, gradient = problem.gradient(clean)
    torch.testing.assert_close(gradient, 2 * clean)
    torch.testing.assert_close(loss, (clean**2).sum(dim=(1, 2, 3)))
    torch.testing.assert_close(problem.loss(clean / 2), loss / 4)
    trace = problem.trace
    assert (trace.forwards, trace.backwards, len(trace.losses)) == (2, 1, 2)
    assert trace.dead is not None
    assert trace.bad_gradients is not None
    assert not trace.dead.any()
    assert not trace.bad_gradients.any()
    assert trace.first_gradient is not None
    torch.testing.assert_close(trace.first_gradient, 2 * clean)


def test_the_best_iterate_of_each_frame_is_kept_the_first_of_equals(clean: Tensor) -> None:
    values = iter([[1.0, 5.0], [3.0, 4.0], [3.0, 5.0], [2.0, 6.0]])
    problem = Problem(
        Domain(clean, 1.0), lambda x: torch.tensor(next(values)), differentiable=False
    )
    places = [torch.full_like(clean, place) for place in (0.1, 0.2, 0.3, 0.4)]
    for place in places:
        problem.loss(place)
    assert problem.trace.best is not None
    assert problem.trace.best_loss is not None
    assert problem.trace.best_loss.tolist() == [3.0, 6.0]
    assert torch.equal(problem.trace.best[0], places[1][0])
    assert torch.equal(problem.trace.best[1], places[3][1])


def test_a_loss_that_is_no_number_is_never_the_best(clean: Tensor) -> None:
    nan = float("nan")
    values = iter([[nan, 1.0], [-3.0, nan], [nan, 2.0]])
    problem = Problem(
        Domain(clean, 1.0), lambda x: torch.tensor(next(values)), differentiable=False
    )
    for place in (0.1, 0.2, 0.3):
        problem.loss(torch.full_like(clean, place))
    assert problem.trace.best is not None
    assert problem.trace.best_loss is not None
    assert problem.trace.best_loss.tolist() == [-3.0, 2.0]
    assert problem.trace.best[:, 0, 0, 0].tolist() == pytest.approx([0.2, 0.3])


def test_nan_and_infinite_gradients_are_zero_and_counted_per_frame(clean: Tensor) -> None:
    def loss(x: Tensor) -> Tensor:
        broken = torch.sqrt(
            x[1, :1] * 0
        ).sum()  # the derivative of sqrt at 0 is infinite, times 0: NaN
        endless = torch.sqrt(x[1, 1, 0, 0] - clean[1, 1, 0, 0])  # infinite
        return x[:, 2].flatten(1).sum(1) + torch.stack([broken * 0, broken + endless])

    problem = Problem(Domain(clean, 0.1), loss, differentiable=True)
    for _ in range(2):
        _, gradient = problem.gradient(clean)
    assert torch.isfinite(gradient).all()
    assert torch.equal(gradient[:, 2], torch.ones_like(gradient[:, 2]))
    assert not gradient[:, :2].any()
    assert problem.trace.bad_gradients is not None
    assert problem.trace.bad_gradients.tolist() == [0, 2 * (20 + 1)]


def test_a_gradient_that_is_zero_for_one_frame_is_noted_for_that_frame(clean: Tensor) -> None:
    weights = torch.tensor([0.0, 1.0])
    problem = Problem(
        Domain(clean, 0.1), lambda x: weights * x.flatten(1).sum(1), differentiable=True
    )
    problem.gradient(clean)
    assert problem.trace.dead is not None
    assert problem.trace.dead.tolist() == [True, False]


def test_a_loss_that_does_not_depend_on_the_input_is_dead_and_no_crash(clean: Tensor) -> None:
    for loss in (lambda x: torch.ones(2), lambda x: torch.ones(2, requires_grad=True) * 2):
        problem = Problem(Domain(clean, 0.1), loss, differentiable=True)
        _, gradient = problem.gradient(clean)
        assert not gradient.any()
        assert problem.trace.dead is not None
        assert problem.trace.dead.all()


def test_an_engine_without_gradients_gives_none(clean: Tensor) -> None:
    problem = Problem(Domain(clean, 0.1), lambda x: x.flatten(1).sum(1), differentiable=False)
    with pytest.raises(
        CalicoError, match="gives no gradients; expected a model in torch with loss"
    ):
        problem.gradient(clean)


def test_a_second_search_adds_its_counts_and_leaves_the_best(clean: Tensor) -> None:
    problems = [
        Problem(Domain(clean, 0.1), lambda x, k=k: k * x.flatten(1).sum(1), differentiable=True)
        for k in (1.0, 0.0)
    ]
    for problem in problems:
        problem.gradient(clean)
        problem.loss(clean)
    first, second = (problem.trace for problem in problems)
    best = first.best_loss
    first.join(second)
    assert (first.forwards, first.backwards, len(first.losses)) == (4, 2, 4)
    assert first.best_loss is best
    assert first.dead is not None
    assert first.dead.all()
