"""Super-networks: exact counts, and paths that are small networks of the same outputs."""

import itertools

import pytest
import torch
from torch import nn

from tutorial_vae.adaptation.backbones import Backbone
from tutorial_vae.adaptation.classifiers import Classifier
from tutorial_vae.architecture import (
    CANDIDATES,
    MORE_CANDIDATES,
    Candidate,
    PathBackbone,
    SuperNetwork,
)
from tutorial_vae.architecture.network import super_network_of

SHAPE = (1, 16, 16)
WIDTHS = (4, 8, 16)


def supernet() -> SuperNetwork:
    torch.manual_seed(0)
    return SuperNetwork(SHAPE, widths=WIDTHS)


def images(n: int = 5) -> torch.Tensor:
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(1))


# Counts


def test_three_stages_of_three_candidates_are_nine_blocks_and_27_paths() -> None:
    network = supernet()
    assert network.block_count == 9
    stored = [block for name in network.stages for block in network.get_submodule(name).blocks]
    assert len(stored) == len(set(map(id, stored))) == 9
    paths = list(network.paths())
    assert network.path_count == len(paths) == len(set(paths)) == 27
    assert paths[:4] == [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 0)]
    assert set(paths) == set(itertools.product(range(3), repeat=3))
    assert network.space == (3, 3, 3)


def test_blocks_are_stages_times_candidates_and_paths_their_power() -> None:
    network = SuperNetwork((3, 16, 16), widths=(4, 4), candidates=MORE_CANDIDATES)
    assert (network.block_count, network.path_count) == (2 * 6, 6**2)
    assert len(list(network.paths())) == 36


def test_all_27_paths_compute_different_features() -> None:
    network, x = supernet(), images()
    found = []
    for path in network.paths():
        with torch.no_grad(), network.following(path):
            found.append(network(x))
    assert all(not torch.allclose(a, b) for a, b in itertools.combinations(found, 2))


# Paths


def test_a_super_network_is_a_backbone() -> None:
    network = supernet()
    assert isinstance(network, Backbone)
    assert (network.image_shape, network.feature_dim) == (SHAPE, 16)
    maps = {}
    for name in network.stages:
        network.get_submodule(name).register_forward_hook(
            lambda _m, _i, output, name=name: maps.update({name: output})
        )
    features = network(images())
    assert [tuple(maps[name].shape) for name in network.stages] == [
        (5, 4, 8, 8),
        (5, 8, 4, 4),
        (5, 16, 2, 2),
    ]
    assert torch.equal(features, maps["stage3"].mean(dim=(2, 3)))
    assert torch.equal(network.maps(images()), maps["stage3"])


def test_the_path_is_followed_and_comes_back_also_after_an_error() -> None:
    network = supernet()
    assert network.path == (0, 0, 0)
    network.path = (2, 1, 0)
    assert network.path == (2, 1, 0)
    with network.following((0, 0, 1)):
        assert network.path == (0, 0, 1)
    assert network.path == (2, 1, 0)
    with pytest.raises(RuntimeError), network.following((0, 0, 1)):
        network(torch.rand(1, 5, 16, 16))
    assert network.path == (2, 1, 0)


@pytest.mark.parametrize("path", [(0, 0), (0, 0, 3), (0, 0, -1), (0, 0, 0, 0)])
def test_paths_that_do_not_exist_are_refused(path: tuple[int, ...]) -> None:
    network = supernet()
    for use in (network.extract, lambda path: setattr(network, "path", path)):
        with pytest.raises(ValueError, match=r"path must give .* 0 to 2 for each of the 3 stages"):
            use(path)
    with pytest.raises(ValueError, match="path must give"), network.following(path):
        pass
    assert network.path == (0, 0, 0)


def test_random_paths_are_all_equally_likely() -> None:
    network = supernet()
    torch.manual_seed(0)
    counts = dict.fromkeys(network.paths(), 0)
    for _ in range(2700):
        counts[network.random_path()] += 1
    chi_squared = sum((count - 100) ** 2 / 100 for count in counts.values())
    assert chi_squared < 54  # of 26 degrees of freedom: exceeded once in a thousand


# Extraction


def test_every_extracted_path_gives_the_same_outputs_bit_for_bit() -> None:
    network, x = SuperNetwork(SHAPE, widths=(4, 8), candidates=MORE_CANDIDATES), images()
    for path in network.paths():
        small = network.extract(path)
        with torch.no_grad(), network.following(path):
            assert torch.equal(small(x), network(x))
            assert torch.equal(small.maps(x), network.maps(x))


def test_an_extracted_path_shares_no_tensors() -> None:
    network, x = supernet(), images()
    small = network.extract((0, 1, 2))
    places = {value.data_ptr() for value in network.state_dict().values()}
    assert not places & {value.data_ptr() for value in small.state_dict().values()}
    with torch.no_grad(), network.following((0, 1, 2)):
        before = small(x)
        for value in network.parameters():
            value.add_(1.0)
        assert torch.equal(small(x), before)
        assert not torch.equal(network(x), before)


def test_an_extracted_path_is_an_ordinary_small_network() -> None:
    network = supernet().double().eval()
    network.stage1.requires_grad_(False)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    small = network.extract((1, 2, 0))
    assert torch.equal(torch.rand(3), expected)
    assert isinstance(small, PathBackbone)
    assert [block.name for block in small.blocks] == ["5×5", "skip", "3×3"]
    assert not any(isinstance(module, nn.ModuleList) for module in small.modules())
    assert not any(module.training for module in small.modules())
    assert all(value.dtype == torch.float64 for value in small.parameters())
    assert [value.requires_grad for value in small.stage1.parameters()] == [False] * 9
    assert all(value.requires_grad for value in small.stage2.parameters())
    # Made anew from what it says about itself, it takes the weights.
    again = PathBackbone(small.image_shape, small.blocks, widths=small.widths).double()
    again.load_state_dict(small.state_dict())
    x = images().double()
    assert torch.equal(again(x), small(x))


# Refusals


def test_sizes_that_do_not_suit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"sides of at least 8.*not 16×7"):
        SuperNetwork((1, 16, 7), widths=WIDTHS)
    with pytest.raises(ValueError, match="at least one stage"):
        SuperNetwork(SHAPE, widths=())
    with pytest.raises(ValueError, match="each of widths must be a whole number"):
        SuperNetwork(SHAPE, widths=(4, 0))
    twice = (Candidate(depth=0), Candidate(5, depth=0))
    for wrong in ((), twice):
        with pytest.raises(ValueError, match="candidates must be one or more different ones"):
            SuperNetwork(SHAPE, candidates=wrong)
    with pytest.raises(ValueError, match="blocks must be as many as the 3 widths, not 1"):
        PathBackbone(SHAPE, CANDIDATES[:1])


def test_the_super_network_within_a_module_is_found() -> None:
    network = supernet()
    assert super_network_of(network) is network
    assert super_network_of(Classifier(network, 3)) is network
    with pytest.raises(ValueError, match=r"Classifier must hold one SuperNetwork.* not 0"):
        super_network_of(Classifier(network.extract((0, 0, 0)), 3))
