"""The plan explorer: what each plan brought, for a source, a target and a number of images."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas

from tutorial_vae.explorer import Choice, ChoiceExplorer, frame_of, pack_rows, script, style
from tutorial_vae.models import VAE
from tutorial_vae.plots import layer_part
from tutorial_vae.transfer import PLANS, Plan

_MEASURES = ("elbo", "kl", "accuracy")
_BASELINES = ("untrained", "pca", "pixels")


class PlanExplorer(ChoiceExplorer):
    """What every component plan brought: ELBO beside training from scratch, and probe accuracy.

    A diagram of the network shows which layers the chosen plan freezes, trains and gives fresh
    weights. Below it, each plan has a dot for the mean over the seeds and a line from the lowest
    seed to the highest. The ELBO is compared with training from scratch seed by seed. What leaves
    no choice, such as a single number of images, has no menu.

    Args:
        rows: those of the tables ``transfer``, ``transfer_few`` and ``transfer_many``, or any with
            the same columns: target, source, plan, size, seed, measure and value. Runs that are
            missing are said to be not measured.
        model: a model with the layers of those that were retrained, for the diagram.
        target: the set that is trained on at first, by default the first.
        source: the set that the weights come from at first, by default the first that is not the
            target.
        plan: the plan shown at first.
        size: images of the target at first, by default the fewest.

    Attributes:
        target: follows its menu, and may be set; so do source, plan and size.

    Raises:
        ValueError: there are no rows, none has a source, a column is missing, or a plan is unknown.
    """

    _esm = script(__file__)
    _css = style(__file__)

    source = Choice("weights from")
    target = Choice("new images")
    size = Choice("how many of them")
    plan = Choice("plan")

    def __init__(
        self,
        rows: pandas.DataFrame | Sequence[Mapping[str, Any]],
        model: VAE,
        *,
        target: str | None = None,
        source: str | None = None,
        plan: str = "all",
        size: int | None = None,
    ) -> None:
        columns = ["target", "source", "plan", "size", "seed", "measure", "value"]
        table = frame_of(rows, columns)
        if table.empty:
            raise ValueError("rows must hold at least one measurement")
        named = set(table["plan"]) - set(_BASELINES)
        if unknown := named - set(PLANS):
            raise ValueError(
                f"rows name the plans {', '.join(sorted(unknown))}, but plans are "
                f"{', '.join(PLANS)}"
            )
        alone = table["source"] == "none"
        targets, sources = (
            table["target"].unique().tolist(),
            table[~alone]["source"].unique().tolist(),
        )
        if not sources:
            raise ValueError("rows must hold runs from some source, got only those without one")
        sizes, seeds = (sorted(set(table[column].astype(int))) for column in ("size", "seed"))
        plans = [name for name in PLANS if name in named]
        target = targets[0] if target is None else target
        other = next((name for name in sources if name != target), sources[0])
        # Training from scratch takes nothing from any source, so it stands beside all of them.
        beside = [table[alone].assign(source=source) for source in sources]
        spread = pandas.concat([table[~alone], *beside])
        axes = {"target": targets, "source": sources, "plan": plans, "size": sizes, "seed": seeds}
        bare = {"target": targets, "plan": list(_BASELINES), "size": sizes, "seed": seeds}
        super().__init__(
            {"source": sources, "target": targets, "size": sizes, "plan": plans},
            {"target": target, "source": source or other, "plan": plan, "size": size},
            seeds=len(seeds),
            layers=list(model.layer_names),
            plans=[_described(PLANS[name], model) for name in plans],
            baselines=list(_BASELINES),
            baseline=pack_rows(table, "accuracy", bare),
            **{measure: pack_rows(spread, measure, axes) for measure in _MEASURES},
        )

    def _summary(self) -> str:
        return self._counts("source", "target", "plan", "size")


def _described(plan: Plan, model: VAE) -> dict[str, Any]:
    """What the diagram shows of a plan: the state of each layer, and how much is trained."""
    trained, fresh = plan.trained_layers(model), plan.reset_layers(model)
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    parts = {layer_part(layer) for layer in trained}
    if parts == {"encoder", "latent"}:
        parts = {"encoder"}  # the latent heads belong to the encoder where it is trained as a whole
    return {
        "name": plan.name,
        "summary": plan.summary,
        "states": [
            "fresh" if layer in fresh else "trained" if layer in trained else "frozen"
            for layer in model.layer_names
        ],
        "share": sum(sizes[name] for name in plan.trained(model)) / sum(sizes.values()),
        "part": parts.pop() if len(parts) == 1 else "other",
    }
