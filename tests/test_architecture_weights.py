"""Weight search: every origin of every stage, exactly."""

import copy
import itertools

import pytest
import torch
from torch import Tensor

from tutorial_vae.architecture import SuperNetwork, WeightSources

SHAPE = (1, 16, 16)
PATH = (1, 0, 2)


def supernet(seed: int, widths: tuple[int, ...] = (4, 8, 16)) -> SuperNetwork:
    torch.manual_seed(seed)
    return SuperNetwork(SHAPE, widths=widths)


def sources() -> WeightSources:
    return WeightSources(supernet(0), [supernet(1), supernet(2)])


def stage_state(network: SuperNetwork, stage: int) -> dict[str, Tensor]:
    return network.extract(PATH).get_submodule(f"stage{stage}").state_dict()


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


def test_origins_have_names() -> None:
    assert sources().options == ("inherit", "fresh", "snapshot 1", "snapshot 2")
    assert sources().space == (4, 4, 4)
    assert WeightSources(supernet(0)).options == ("inherit", "fresh")


@pytest.mark.slow
def test_every_stage_has_the_weights_of_its_origin() -> None:
    origins = sources()
    fresh = origins.backbone(PATH, (1, 1, 1), seed=3)
    known = {0: supernet(0), 2: supernet(1), 3: supernet(2)}
    for weights in itertools.product(range(4), repeat=3):
        small = origins.backbone(PATH, weights, seed=3)
        for stage, number in enumerate(weights, start=1):
            found = small.get_submodule(f"stage{stage}").state_dict()
            expected = (
                fresh.get_submodule(f"stage{stage}").state_dict()
                if number == 1
                else stage_state(known[number], stage)
            )
            assert equal(found, expected)


def test_inheriting_everything_is_extraction() -> None:
    origins, x = sources(), torch.rand(4, *SHAPE)
    small = origins.backbone(PATH, (0, 0, 0))
    assert torch.equal(small(x), supernet(0).extract(PATH)(x))
    assert small.blocks == supernet(0).extract(PATH).blocks


def test_fresh_weights_come_from_their_seed_alone() -> None:
    origins = sources()
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    one, two, other = (origins.backbone(PATH, (1, 1, 1), seed=s) for s in (5, 5, 6))
    assert torch.equal(torch.rand(3), expected)
    assert equal(one.state_dict(), two.state_dict())
    assert not equal(one.state_dict(), other.state_dict())
    # Those of a block do not depend on the path that it lies on.
    along = origins.backbone((0, 0, 1), (0, 1, 0), seed=5)
    assert equal(along.stage2.state_dict(), one.stage2.state_dict())


def test_what_is_made_shares_nothing_with_its_origins() -> None:
    origins = sources()
    before = [
        copy.deepcopy(network.state_dict()) for network in (origins.inherited, *origins.snapshots)
    ]
    small = origins.backbone(PATH, (0, 2, 3))
    with torch.no_grad():
        for value in small.parameters():
            value.add_(1.0)
    after = [network.state_dict() for network in (origins.inherited, *origins.snapshots)]
    assert all(map(equal, before, after))


def test_the_kind_of_number_and_the_mode_are_the_inherited_ones() -> None:
    origins = WeightSources(supernet(0).double().eval(), [supernet(1)])
    small = origins.backbone(PATH, (0, 1, 2))
    assert {value.dtype for value in small.parameters()} == {torch.float64}
    assert not any(module.training for module in small.modules())


@pytest.mark.parametrize("weights", [(0, 0), (0, 0, 4), (0, -1, 0)])
def test_origins_that_do_not_exist_are_refused(weights: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"weights must give .* 0 to 3 for each of the 3 stages"):
        sources().backbone(PATH, weights)
    with pytest.raises(ValueError, match="path must give"):
        sources().backbone((0, 0, 3), (0, 0, 0))


def test_snapshots_of_other_super_networks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"snapshot 2 has the structure .*\(4, 8, 32\)"):
        WeightSources(supernet(0), [supernet(1), supernet(1, (4, 8, 32))])
