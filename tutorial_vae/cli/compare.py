"""The verb ``compare``: compares two VAEs layer by layer in a report."""

import argparse
from pathlib import Path

from .options import DATA_HELP, add_device, add_verb, as_png, chosen_images, need_folder


def add(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    verb = add_verb(
        verbs,
        "compare",
        "compare two VAEs layer by layer, beside an untrained control, in an HTML report",
        "tutorial-vae compare a.safetensors b.safetensors --images digits -o report.html",
    )
    verb.add_argument("model_a", type=Path, metavar="MODEL_A")
    verb.add_argument("model_b", type=Path, metavar="MODEL_B")
    verb.add_argument("--images", required=True, metavar="DATA", help=DATA_HELP)
    verb.add_argument("-o", "--output", type=Path, metavar="HTML", required=True)
    verb.add_argument(
        "--limit", type=int, default=500, metavar="N", help="test images at most (500)"
    )
    verb.add_argument("--seed", type=int, default=0, metavar="N")
    verb.add_argument("--kernel", default="linear", help="linear (the default) or rbf")
    verb.add_argument("--estimator", default="unbiased", help="unbiased (the default) or biased")
    add_device(verb)
    verb.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    import torch

    from ..explorer.html import Section
    from ..models import VAE, load_model
    from ..plots import image_grid
    from ..similarity import compare_layers
    from ..similarity.layer_explorer import LayerExplorer
    from ..similarity.maps import layer_profiles

    need_folder(options.output)
    model_a, model_b = load_model(options.model_a), load_model(options.model_b)
    channels, height, width = model_a.image_shape
    if model_a.image_shape != model_b.image_shape:
        raise ValueError(
            f"{options.model_a} reads images of shape {model_a.image_shape} and {options.model_b} "
            f"of shape {model_b.image_shape}: compare models that read the same images"
        )
    if height != width:
        raise ValueError(
            f"{options.model_a} reads {height}×{width} images, but image sets are loaded square"
        )
    images = chosen_images(options.images, "test", options, size=height, channels=channels)
    torch.manual_seed(options.seed)
    untrained = VAE(
        model_b.image_shape,
        model_b.latent_dim,
        architecture=model_b.architecture,
        likelihood=model_b.likelihood,
    )
    name_a, name_b = options.model_a.stem, options.model_b.stem
    trained_key, untrained_key = f"{name_a} and {name_b}", f"{name_a} and an untrained network"
    similarities = {
        key: compare_layers(
            model_a,
            other,
            images,
            kernel=options.kernel,
            estimator=options.estimator,
            device=options.device,
        )
        for key, other in ((trained_key, model_b), (untrained_key, untrained))
    }
    shown = images.images[:10].float() / 255
    sections = [
        Section(
            "The images and how each model reconstructs them",
            "Each column is one test image. A model that was trained on other images shows here "
            "what it can and cannot draw.",
            as_png(
                image_grid(
                    {
                        "images": shown,
                        name_a: model_a.reconstruct(shown),
                        name_b: model_b.reconstruct(shown),
                    }
                )
            ),
            f"Ten test images of {images.name}, and below them what {name_a} and {name_b} make of "
            "each.",
        )
    ]
    if similarities[trained_key].rows == similarities[trained_key].columns:
        sections.append(
            Section(
                "Each layer against its namesake",
                "The band is a 95 % interval over the images. The dashed grey line is the control: "
                f"a network like {name_b} that was never trained. Only what stands above it can "
                "have been learnt.",
                as_png(layer_profiles(similarities, controls=[untrained_key])),
                f"CKA of each layer of {name_a} with the same layer of {name_b}, and of an "
                "untrained network.",
            )
        )
    explorer = LayerExplorer(similarities, row_title=name_a, column_title="the other model")
    explorer.to_html(
        options.output,
        title=f"{name_a} and {name_b}, layer by layer",
        introduction=(
            f"Centred kernel alignment ({options.estimator}, {options.kernel} kernel) between the "
            f"layers of two VAEs on {len(images):,} test images of {images.name}: 1 where two "
            "layers tell the images apart in the same way, 0 where they have nothing in common. "
            "The decoders were fed the posterior means."
        ),
        sections=sections,
    )
    print(f"compared on {len(images):,} test images of {images.name}; report in {options.output}")
