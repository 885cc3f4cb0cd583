"""The exercises of chapter 8, Centred kernel alignment."""

from collections.abc import Callable

import torch
from torch import Tensor

from tutorial_vae.similarity import cka, hsic

from ..checking import Exercise, random_input


def _centred(gram: Tensor) -> Tensor:
    return gram - gram.mean(dim=0) - gram.mean(dim=1, keepdim=True) + gram.mean()


def _gram(images: int, features: int, *, seed: int) -> Tensor:
    x = random_input(images, features, seed=seed) + 1
    return x @ x.T


def _batches(x: Tensor, y: Tensor, size: int) -> list[tuple[Tensor, Tensor]]:
    return list(zip(x.split(size), y.split(size), strict=True))


def _number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _minibatch_cka(x: Tensor, y: Tensor, size: int, estimator: str = "unbiased") -> Tensor:
    def total(one: Tensor, other: Tensor) -> float:
        return sum(hsic(a, b, estimator=estimator) for a, b in _batches(one, other, size))

    return _number(total(x, y) / (total(x, x) * total(y, y)) ** 0.5)


def _without_root(x: Tensor, y: Tensor, size: int) -> Tensor:
    batches = len(x) // size
    cross, own_x, own_y = (
        sum(hsic(a, b) for a, b in _batches(one, other, size)) / batches
        for one, other in ((x, y), (x, x), (y, y))
    )
    return _number(cross / (own_x * own_y))


def _u_centred(gram: Tensor) -> Tensor:
    n = len(gram)
    hollow = gram - gram.diag().diag()
    rows = hollow.sum(dim=1) / (n - 2)
    centred = hollow - rows - rows[:, None] + hollow.sum() / ((n - 1) * (n - 2))
    return centred - centred.diag().diag()


def _pair_with_orders(
    images: int, features: int, orders: int, *, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """U-centred grams of two layers, and orders of which two leave the images as they are."""
    x = random_input(images, features, seed=seed)
    y = 0.2 * x + random_input(images, features, seed=seed + 1)
    generator = torch.Generator().manual_seed(seed)
    shuffles = [torch.randperm(images, generator=generator) for _ in range(orders - 2)]
    return (
        _u_centred(x @ x.T),
        _u_centred(y @ y.T),
        torch.stack([torch.arange(images), *shuffles, torch.arange(images)]),
    )


def _shuffled_products(gram_x: Tensor, gram_y: Tensor, orders: Tensor) -> Tensor:
    return torch.stack([(gram_x * gram_y[order][:, order]).sum() for order in orders])


def _p_value(gram_x: Tensor, gram_y: Tensor, orders: Tensor) -> Tensor:
    value = (gram_x * gram_y).sum()
    reached = (_shuffled_products(gram_x, gram_y, orders) >= value - 1e-9 * value.abs()).sum()
    return (1 + reached.double()) / (1 + len(orders))


def _p_from(
    count: Callable[[Tensor, Tensor], Tensor],
    shuffled: Callable[[Tensor, Tensor, Tensor], Tensor] = _shuffled_products,
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """A p-value that counts something else, or shuffles in another way."""

    def p_value(gram_x: Tensor, gram_y: Tensor, orders: Tensor) -> Tensor:
        reached = count(shuffled(gram_x, gram_y, orders), (gram_x * gram_y).sum()).sum()
        return (1 + reached.double()) / (1 + len(orders))

    return p_value


def _reaches(products: Tensor, value: Tensor) -> Tensor:
    return products >= value - 1e-9 * value.abs()


EXERCISES: dict[str, Exercise] = {
    "cka-1": Exercise(
        inputs=[
            (_gram(5, 3, seed=0),),
            (_gram(4, 6, seed=1),),
            (_gram(9, 2, seed=2),),
        ],
        answer=_centred,
        mistakes={
            "Only the rows sum to zero: take the means of the columns off too.": (
                lambda gram: gram - gram.mean(dim=1, keepdim=True)
            ),
            "Only the columns sum to zero: take the means of the rows off too.": (
                lambda gram: gram - gram.mean(dim=0)
            ),
            "The overall mean is taken off twice, once with the rows and once with the columns: "
            "add it again.": (
                lambda gram: gram - gram.mean(dim=0) - gram.mean(dim=1, keepdim=True)
            ),
            "The sign of the overall mean is wrong.": (
                lambda gram: _centred(gram) - 2 * gram.mean()
            ),
            "Only the overall mean is taken off; each image has a mean of its own.": (
                lambda gram: gram - gram.mean()
            ),
            "The same mean is taken off twice: one should belong to the row, the other to the "
            "column.": (lambda gram: gram - 2 * gram.mean(dim=0) + gram.mean()),
            "The row's mean is taken off twice: one should belong to the column.": (
                lambda gram: gram - 2 * gram.mean(dim=1, keepdim=True) + gram.mean()
            ),
            "Sums come off; take means.": (
                lambda gram: gram - gram.sum(dim=0) - gram.sum(dim=1, keepdim=True) + gram.sum()
            ),
            "This multiplies the table by itself, as if its rows were features; only centre it.": (
                lambda gram: (gram - gram.mean(dim=0)) @ (gram - gram.mean(dim=0)).T
            ),
            "This is the U-centred gram; here the diagonal stays.": _u_centred,
            "The diagonal is left out of the means; here it belongs to them.": (
                lambda gram: _centred(gram - gram.diag().diag())
            ),
        },
    ),
    "cka-2": Exercise(
        inputs=[
            (
                random_input(24, 5, seed=0),
                random_input(24, 5, seed=0) + random_input(24, 5, seed=1),
                8,
            ),
            (random_input(30, 3, seed=2), random_input(30, 4, seed=3) ** 2, 6),
            (random_input(12, 2, seed=4), random_input(12, 2, seed=4).exp(), 12),
        ],
        answer=_minibatch_cka,
        mistakes={
            "This averages the ratios of the batches; average above and below the line first.": (
                lambda x, y, size: _number(
                    sum(cka(a, b) for a, b in _batches(x, y, size)) * size / len(x)
                )
            ),
            "This looks at all images at once, not at batches.": (
                lambda x, y, size: _number(cka(x, y))
            ),
            "This is the last batch alone.": (
                lambda x, y, size: _number(cka(x[-size:], y[-size:]))
            ),
            "This is the first batch alone.": (lambda x, y, size: _number(cka(x[:size], y[:size]))),
            "The estimator is the biased one, whose mean over batches is not that of all images.": (
                lambda x, y, size: _minibatch_cka(x, y, size, estimator="biased")
            ),
            "The square root below the line is missing.": _without_root,
            "The root is taken within each batch; average both HSICs below the line first.": (
                lambda x, y, size: _number(
                    sum(hsic(a, b) for a, b in _batches(x, y, size))
                    / sum((hsic(a, a) * hsic(b, b)) ** 0.5 for a, b in _batches(x, y, size))
                )
            ),
            "The HSICs below the line are those of all images; average them over batches too.": (
                lambda x, y, size: _number(
                    sum(hsic(a, b) for a, b in _batches(x, y, size))
                    * (size / len(x))
                    / (hsic(x, x) * hsic(y, y)) ** 0.5
                )
            ),
            "There is a mean above the line and sums below it: take means of all three.": (
                lambda x, y, size: _minibatch_cka(x, y, size) * size / len(x)
            ),
            "This is HSIC, averaged over the batches; CKA divides it.": (
                lambda x, y, size: _number(
                    sum(hsic(a, b) for a, b in _batches(x, y, size)) * size / len(x)
                )
            ),
        },
    ),
    "cka-3": Exercise(
        inputs=[
            _pair_with_orders(8, 3, 60, seed=38),
            _pair_with_orders(7, 4, 70, seed=5),
            _pair_with_orders(8, 3, 60, seed=63),
        ],
        answer=_p_value,
        mistakes={
            "The ones are missing: the order that was seen counts among the others, above the "
            "line and below it.": (
                lambda gram_x, gram_y, orders: (
                    _reaches(_shuffled_products(gram_x, gram_y, orders), (gram_x * gram_y).sum())
                    .double()
                    .mean()
                )
            ),
            "A shuffle that gives exactly the value reaches it too.": _p_from(
                lambda products, value: products > value + 1e-9 * value.abs()
            ),
            "This counts the shuffles that stay below the value.": _p_from(
                lambda products, value: ~_reaches(products, value)
            ),
            "Only rows or only columns are shuffled; an image has one of each.": _p_from(
                _reaches,
                lambda gram_x, gram_y, orders: torch.stack(
                    [(gram_x * gram_y[order]).sum() for order in orders]
                ),
            ),
            "The first layer is shuffled; the orders are of the second layer's images.": _p_from(
                _reaches,
                lambda gram_x, gram_y, orders: _shuffled_products(gram_y, gram_x, orders),
            ),
            "Only diagonal entries are taken, and they are 0; let the rows move, then the "
            "columns.": _p_from(
                _reaches,
                lambda gram_x, gram_y, orders: torch.stack(
                    [(gram_x * gram_y[order, order]).sum() for order in orders]
                ),
            ),
            "Both grams are shuffled in the same order, which leaves the images paired.": _p_from(
                lambda products, value: torch.ones_like(products)
            ),
            "Large negative values count here too; the question is only who reaches the value.": (
                _p_from(lambda products, value: _reaches(products.abs(), value.abs()))
            ),
            "A one is missing below the line.": (
                lambda gram_x, gram_y, orders: (
                    _p_value(gram_x, gram_y, orders) * (1 + len(orders)) / len(orders)
                )
            ),
            "A one is missing above the line: no p-value can be 0.": (
                lambda gram_x, gram_y, orders: (
                    _p_value(gram_x, gram_y, orders) - 1 / (1 + len(orders))
                )
            ),
        },
    ),
}
