"""Run every benchmark and print its table. ``make bench`` calls it."""

import import_time
import training_speed


def main() -> None:
    """Print all tables."""
    import_time.main()
    training_speed.main()


if __name__ == "__main__":
    main()
