"""What a measured table is made of."""

SEEDS = range(5)

Row = dict[str, str | int | float]
