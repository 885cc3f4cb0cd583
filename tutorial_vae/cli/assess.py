"""The verb ``assess``: says what to expect of a transfer, before any long training."""

import argparse
import sys
from pathlib import Path

from .options import (
    DATA_HELP,
    MODEL_HELP,
    add_device,
    add_verb,
    chosen_images,
    chosen_model,
    need_folder,
)


def add(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    verb = add_verb(
        verbs,
        "assess",
        "say whether a trained VAE will help on other images, in an HTML card",
        "tutorial-vae assess glyphs-latin --to digits -o card.html",
    )
    verb.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    verb.add_argument("--to", required=True, metavar="DATA", help=f"the target: {DATA_HELP}")
    verb.add_argument("-o", "--output", type=Path, metavar="HTML", required=True)
    verb.add_argument("--json", type=Path, metavar="FILE", help="the numbers and words, too")
    verb.add_argument(
        "--limit", type=int, default=1000, metavar="N", help="images at most (1000; up to 2000)"
    )
    verb.add_argument(
        "--source-images",
        metavar="DATA",
        help="what the model was trained on; known of models that come with the package",
    )
    verb.add_argument("--seed", type=int, default=0, metavar="N")
    add_device(verb)
    verb.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from ..pretrained import pretrained_names
    from ..transfer import assess
    from ..transfer.target import MOST_TO_ASSESS, check_limit

    for path in (options.output, options.json):
        if path is not None:
            need_folder(path)
    check_limit(options.limit)
    model = chosen_model(options.model)
    channels, height, width = model.image_shape
    if height != width:
        raise ValueError(
            f"{options.model} reads {height}×{width} images, but image sets are loaded square"
        )
    shape = {"size": height, "channels": channels}
    # The training part: what is held out stays unseen for the measurement of a transfer.
    target = chosen_images(options.to, "train", options, **shape)
    source = options.source_images
    if source is None and not Path(options.model).is_file() and options.model in pretrained_names():
        source = options.model
    own = None
    if source is not None:
        own = chosen_images(source, "train", options, **shape, limit=MOST_TO_ASSESS)
    card = assess(
        model,
        target,
        source_images=own,
        limit=options.limit,
        seed=options.seed,
        device=options.device,
        progress=sys.stderr.isatty(),
    )
    name = Path(options.model).stem
    card.to_html(options.output, title=f"Will {name} help on {card.target}?")
    if options.json is not None:
        card.to_json(options.json)
    print(f"assessed on {len(card.images):,} images of {target.name}\n")
    print(card.recommendation)
    print(f"\ncard in {options.output}")
