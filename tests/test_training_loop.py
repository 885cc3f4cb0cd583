"""The loop under every training run, on sets and objectives that no VAE has."""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from tutorial_vae.training import optimise


class _Terms(NamedTuple):
    objective: Tensor
    batch_mean: Tensor


@dataclasses.dataclass
class _Record:
    step: list[int] = dataclasses.field(default_factory=list)
    objective: list[float] = dataclasses.field(default_factory=list)
    batch_mean: list[float] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)


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
        _line(), watch, _sets(), _Record(), steps=60, batch_size=4, lr=0.1, progress=False
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
    optimise(line, _Watch(), _sets(), _Record(), steps=400, lr=0.05, progress=False)
    assert line.weight.item() == pytest.approx(3, abs=0.01)
    assert line.bias.item() == pytest.approx(1, abs=0.01)


def test_a_small_set_is_used_whole() -> None:
    watch = _Watch()
    optimise(_line(), watch, _sets(), _Record(), steps=3, batch_size=8, progress=False)
    assert [len(part) for part in watch.fed[0]] == [8, 8, 5]


def test_a_run_over_two_sets_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    def run(line: nn.Linear, steps: int, checkpoint: Path | None) -> _Record:
        return optimise(
            line, _Watch(), _sets(), _Record(), steps=steps, batch_size=4, seed=2,
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
            _line(), _Watch(), sets, _Record(), steps=2, checkpoint=tmp_path / "run", progress=False
        )

    run(_sets())
    first, (other,) = _sets()
    with pytest.raises(ValueError, match="belongs to another run: its images"):
        run([first, (other.flip(0),)])
