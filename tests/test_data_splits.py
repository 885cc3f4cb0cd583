"""The held-out fifth."""

import pytest

from tutorial_vae.data.splits import held_out_fifth


def test_a_fifth_by_content_alone() -> None:
    digests = [bytes([value]) for value in (7, 3, 9, 1, 5, 2, 8, 4, 6, 0)]
    chosen = held_out_fifth(digests, "x").tolist()
    assert [d[0] for d, test in zip(digests, chosen, strict=True) if test] == [1, 0]
    assert held_out_fifth(digests[::-1], "x").tolist() == chosen[::-1]


def test_identical_pictures_stay_together() -> None:
    digests = [bytes([value % 5]) for value in range(20)]
    chosen = held_out_fifth(digests, "x")
    assert chosen.sum() == 4
    assert chosen[::5].all()


def test_too_few_to_split() -> None:
    with pytest.raises(ValueError, match="mine holds 4 different"):
        held_out_fifth([b"a", b"b", b"c", b"d", b"d"], "mine")
