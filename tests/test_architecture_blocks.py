"""Candidates and the blocks that they make."""

import pytest
import torch
from torch import nn

from tutorial_vae.architecture import CANDIDATES, MORE_CANDIDATES, Candidate
from tutorial_vae.architecture.blocks import SuperStage, residual_block


def test_candidates_are_called_by_what_sets_them_apart() -> None:
    assert [candidate.name for candidate in MORE_CANDIDATES] == [
        "3×3",
        "5×5",
        "skip",
        "3×3 narrow",
        "5×5 narrow",
        "3×3 twice",
    ]
    assert MORE_CANDIDATES[:3] == CANDIDATES
    assert Candidate(7, width=2.0, depth=3).name == "7×7 wide 3 times"
    assert Candidate(width=0.25).name == "3×3 width 0.25"
    assert Candidate(7, depth=0).name == "skip"


@pytest.mark.parametrize(
    ("argument", "wrong"), [("kernel", 4), ("kernel", -1), ("width", 0.0), ("depth", -1)]
)
def test_sizes_of_candidates_are_checked(argument: str, wrong: float) -> None:
    with pytest.raises(ValueError, match=rf"{argument} must be .* not {wrong}"):
        Candidate(**{argument: wrong})


def test_a_block_has_the_convolutions_of_its_candidate() -> None:
    block = residual_block(Candidate(5, width=0.5, depth=2), 8)
    shapes = [tuple(m.weight.shape) for m in block.modules() if isinstance(m, nn.Conv2d)]
    assert shapes == [(4, 8, 5, 5), (8, 4, 1, 1)] * 2
    x = torch.rand(2, 8, 6, 7)
    assert block(x).shape == x.shape


def test_a_skip_returns_what_it_reads_and_has_no_weights() -> None:
    block = residual_block(Candidate(depth=0), 8)
    x = torch.rand(2, 8, 4, 4)
    assert block(x) is x
    assert not list(block.parameters())


def test_a_block_adds_to_what_it_reads() -> None:
    block = residual_block(Candidate(3), 8)
    with torch.no_grad():
        block[0].branch[-1].weight.zero_()
        block[0].branch[-1].bias.fill_(0.25)
    x = torch.rand(2, 8, 4, 4)
    torch.testing.assert_close(block(x), x + 0.25)


def test_a_stage_passes_the_chosen_block_alone() -> None:
    stage = SuperStage(CANDIDATES, 1, 8)
    x = torch.rand(2, 1, 9, 8)
    maps = stage.down(x)
    assert maps.shape == (2, 8, 5, 4)
    for choice, block in enumerate(stage.blocks):
        stage.choice = choice
        assert torch.equal(stage(x), block(maps))
        assert torch.equal(stage.extract(choice)(x), block(maps))


def test_an_output_does_not_depend_on_the_rest_of_the_batch() -> None:
    block = residual_block(Candidate(3), 8).train()
    x = torch.rand(5, 8, 4, 4)
    torch.testing.assert_close(block(x)[:2], block(x[:2]))
