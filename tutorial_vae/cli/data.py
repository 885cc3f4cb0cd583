"""The verb ``data``: lists image sets and draws their pictures."""

import argparse
from pathlib import Path

from .options import DATA_HELP, add_image_options, add_verb, chosen_images, write_png


def add(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    verb = add_verb(
        verbs,
        "data",
        "list the image sets, or draw some pictures of one",
        "tutorial-vae data dsprites -o sheet.png",
    )
    verb.add_argument("name", nargs="?", metavar="DATA", help=DATA_HELP)
    verb.add_argument("-o", "--output", type=Path, metavar="PNG", help="where to draw the pictures")
    verb.add_argument("--split", default="train", help="train (the default) or test")
    verb.add_argument(
        "--download",
        action="store_true",
        help="fetch the set again, in place of missing or damaged files",
    )
    add_image_options(verb)
    verb.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from ..data import CATALOGUE, download

    if options.name is None:
        if options.output or options.download:
            raise ValueError(
                "DATA is missing: name the set, for example `tutorial-vae data digits`"
            )
        for info in CATALOGUE.values():
            shape = "×".join(map(str, info.image_shape))
            counts = f"{info.train_count:,} + {info.test_count:,}"
            where = "offline" if info.offline else "downloaded"
            print(f"{info.name:<16} {shape:<10} {counts:<17} {where:<11} {info.summary}")
            print(f"{'':<16} {info.licence}; {info.source}")
        print("\nShape is channels×height×width, counts are train + test images.")
        print("Your own: folder:PATH (pictures, one sub-folder a class), npz:PATH and cub:PATH.")
        return
    if options.download:
        download(options.name)
    images = chosen_images(options.name, options.split, options)
    shape = "×".join(map(str, images.image_shape))
    print(f"{images.name}: {len(images):,} {options.split} images of {shape}")
    if images.class_names:
        print(f"classes: {', '.join(images.class_names)}")
    if options.output is not None:
        from ..plots import contact_sheet

        write_png(contact_sheet(images), options.output)
        print(f"drawn to {options.output}")
