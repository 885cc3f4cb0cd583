"""The loop under every training run, on sets and objectives that no VAE has."""

import copy
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from tutorial_vae.training import History, optimise, training_step


class _Terms(NamedTuple):
    objective: Tensor
    batch_mean: Tensor


class _Watch(nn.Module):
    """Maximises minus the squared distance of a line from its labels, and keeps what it was fed."""

    def __init__(self) -> None:
        super().__init__()
        self.fed: list[tuple[Tensor, ...]] = []

    def forward(self, network: nn.Module, x: Tensor, y: Tensor, other: Tensor) -> _Terms:
        self.fed.append((x, y, other))
        return _Terms(-(network(x)[:, 0] - y).square(), other.mean())


def _sets() -> list[tuple[Tensor, ...]]:
    x = torch.linspace(-1, 1, 12)[:, None]
    return [(x, 3 * x[:, 0] + 1), (torch.arange(5, dtype=torch.uint8).view(5, 1, 1, 1) * 51,)]


def _line() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(1, 1)


def test_each_step_has_a_batch_of_every_set_and_rows_stay_together() -> None:
    watch = _Watch()
    record = optimise(
        _line(),
        watch,
        _sets(),
        maximised="objective",
        steps=60,
        batch_size=4,
        lr=0.1,
        progress=False,
    )
    assert len(watch.fed) == 60
    for x, y, other in watch.fed:
        assert x.shape == (4, 1)
        assert torch.equal(y, 3 * x[:, 0] + 1)
        # Bytes arrive as floats in [0, 1]; the last of five sits the epoch of batches of 4 out.
        assert other.shape == (4, 1, 1, 1)
        torch.testing.assert_close(other * 5, (other * 5).round())
    epoch = torch.cat([x for x, _, _ in watch.fed[:3]])
    assert len(epoch.unique()) == 12
    assert record.step == [25, 50, 60]
    fed = torch.stack([other.mean() for _, _, other in watch.fed[:25]])
    assert record.batch_mean[0] == pytest.approx(fed.mean().item(), rel=1e-5)


def test_the_first_term_is_maximised() -> None:
    line = _line()
    optimise(line, _Watch(), _sets(), maximised="objective", steps=400, lr=0.05, progress=False)
    assert line.weight.item() == pytest.approx(3, abs=0.01)
    assert line.bias.item() == pytest.approx(1, abs=0.01)


def test_a_small_set_is_used_whole() -> None:
    watch = _Watch()
    optimise(_line(), watch, _sets(), maximised="objective", steps=3, batch_size=8, progress=False)
    assert [len(part) for part in watch.fed[0]] == [8, 8, 5]


def test_a_run_over_two_sets_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    def run(line: nn.Linear, steps: int, checkpoint: Path | None) -> History:
        return optimise(
            line, _Watch(), _sets(), maximised="objective", steps=steps, batch_size=4, seed=2,
            checkpoint=checkpoint, progress=False,
        )  # fmt: skip

    straight, stopped, resumed = _line(), _line(), _line()
    whole = run(straight, 70, None)
    run(stopped, 37, tmp_path / "run")
    gone_on = run(resumed, 70, tmp_path / "run")
    assert torch.equal(resumed.weight, straight.weight)
    assert torch.equal(resumed.bias, straight.bias)
    assert gone_on.step[-1] == whole.step[-1] == 70
    assert gone_on.batch_mean[-1] == whole.batch_mean[-1]


def test_a_checkpoint_knows_its_sets(tmp_path: Path) -> None:
    def run(sets: list[tuple[Tensor, ...]]) -> None:
        optimise(
            _line(),
            _Watch(),
            sets,
            maximised="objective",
            steps=2,
            checkpoint=tmp_path / "run",
            progress=False,
        )

    run(_sets())
    first, (other,) = _sets()
    with pytest.raises(ValueError, match="belongs to another run: its images"):
        run([first, (other.flip(0),)])


class _Parts(NamedTuple):
    batch_mean: Tensor
    likelihood: Tensor


class _SecondOfTwo(nn.Module):
    """The same in another order and under another name."""

    def __init__(self) -> None:
        super().__init__()
        self.watch = _Watch()

    def forward(self, network: nn.Module, *batches: Tensor) -> _Parts:
        terms = self.watch(network, *batches)
        return _Parts(terms.batch_mean, terms.objective)


def test_what_is_maximised_is_found_by_its_name() -> None:
    options = {"steps": 60, "batch_size": 4, "progress": False}
    one, two = _line(), _line()
    first = optimise(one, _Watch(), _sets(), maximised="objective", **options)
    second = optimise(two, _SecondOfTwo(), _sets(), maximised="likelihood", **options)
    assert torch.equal(one.weight, two.weight)
    assert second.likelihood == first.objective
    assert list(second.columns) == ["step", "likelihood", "batch_mean", "seconds"]
    with pytest.raises(TypeError, match="objective must return a named tuple with a field 'elbo'"):
        optimise(_line(), _Watch(), _sets(), maximised="elbo", **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"step": 1}, TypeError, r"there is no training option 'step' \(did you mean 'steps'\?\)"),
        ({"abacus": 1}, TypeError, "no training option 'abacus': the options are steps, batch_"),
        ({"steps": True}, ValueError, "steps must be a whole number of at least 1, not True"),
        ({"lr": 0}, ValueError, "lr must be a positive number, not 0"),
    ],
)
def test_options_that_there_are_not(
    options: dict[str, object], error: type[Exception], message: str
) -> None:
    line = _line()
    before = line.weight.clone()
    with pytest.raises(error, match=message):
        optimise(line, _Watch(), _sets(), maximised="objective", **options)
    assert torch.equal(line.weight, before)


def test_a_step_goes_up_the_gradient() -> None:
    line, watch = _line(), _Watch()
    optimiser = torch.optim.SGD(line.parameters(), lr=0.1)
    (x, y), (other,) = _sets()
    weight, bias = line.weight.item(), line.bias.item()
    terms = training_step(line, watch, optimiser, (x, y, other.float()), maximised="objective")
    errors = y - (weight * x[:, 0] + bias)
    torch.testing.assert_close(terms.objective.detach(), -errors.square())
    assert line.weight.item() == pytest.approx(weight + 0.2 * (errors * x[:, 0]).mean().item())
    assert line.bias.item() == pytest.approx(bias + 0.2 * errors.mean().item())


def test_a_history_has_a_column_for_each_name() -> None:
    history = History("score")
    assert (len(history), history.score, history.step) == (0, [], [])
    history.append(25, {"part": 2.0, "score": 3.0}, 0.5)
    assert copy.deepcopy(history) == history
    frame = history.to_frame()
    assert list(frame) == ["step", "score", "part", "seconds"]
    assert frame.iloc[0].tolist() == [25, 3.0, 2.0, 0.5]
    with pytest.raises(AttributeError, match="columns step, score, part, seconds has no 'elbo'"):
        history.elbo  # noqa: B018
    assert [ax.get_title(loc="left") for ax in history.plot().axes] == ["score", "part"]
