"""The plan explorer: what each plan brought, for a source, a target and a number of images."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from tutorial_vae.explorer import Explorer, script, style
from tutorial_vae.models import VAE
from tutorial_vae.plots import layer_part
from tutorial_vae.transfer import PLANS, Plan

_MEASURES = ("elbo", "kl", "accuracy")
_BASELINES = ("untrained", "pca", "pixels")


class PlanExplorer(Explorer):
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

    target = traitlets.Unicode().tag(sync=True)
    source = traitlets.Unicode().tag(sync=True)
    plan = traitlets.Unicode().tag(sync=True)
    size = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        rows: Sequence[Mapping[str, str | float]],
        model: VAE,
        *,
        target: str | None = None,
        source: str | None = None,
        plan: str = "all",
        size: int | None = None,
    ) -> None:
        if not rows:
            raise ValueError("rows must hold at least one measurement")
        columns = {"target", "source", "plan", "size", "seed", "measure", "value"}
        if missing := columns - set(rows[0]):
            raise ValueError(f"rows lack the columns {', '.join(sorted(missing))}")
        named = {str(row["plan"]) for row in rows} - set(_BASELINES)
        if unknown := named - set(PLANS):
            raise ValueError(
                f"rows name the plans {', '.join(sorted(unknown))}, but plans are "
                f"{', '.join(PLANS)}"
            )
        targets, sources = (
            list(dict.fromkeys(str(row[column]) for row in rows if row[column] != "none"))
            for column in ("target", "source")
        )
        if not sources:
            raise ValueError("rows must hold runs from some source, got only those without one")
        sizes, seeds = (sorted({int(row[column]) for row in rows}) for column in ("size", "seed"))
        plans = [name for name in PLANS if name in named]
        data: dict[str, Any] = {
            "targets": targets,
            "sources": sources,
            "sizes": sizes,
            "seeds": len(seeds),
            "layers": list(model.layer_names),
            "plans": [_described(PLANS[name], model) for name in plans],
            "baselines": list(_BASELINES),
        }
        places: dict[str, list[Any]] = {
            "target": targets, "source": sources, "plan": plans, "size": sizes, "seed": seeds
        }  # fmt: skip
        for measure in _MEASURES:
            data[measure] = _packed(_of_plans(rows, measure, places))
        data["baseline"] = _packed(_of_baselines(rows, places))
        target = targets[0] if target is None else target
        super().__init__(
            data=data,
            target=target,
            source=next((s for s in sources if s != target), sources[0])
            if source is None
            else source,
            plan=plan,
            size=sizes[0] if size is None else size,
        )

    def _summary(self) -> str:
        counts = {name: len(self.data[f"{name}s"]) for name in ("source", "target", "plan", "size")}
        return " × ".join(f"{n} {name}{'s' * (n > 1)}" for name, n in counts.items())

    @traitlets.validate("target", "source", "plan", "size")
    def _known(self, proposal: Any) -> Any:
        name = proposal["trait"].name
        choices = self.data[f"{name}s"]
        return self._one_of(
            [each["name"] for each in choices] if name == "plan" else choices, proposal
        )


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


def _of_plans(
    rows: Sequence[Mapping[str, str | float]], measure: str, places: Mapping[str, list[Any]]
) -> np.ndarray:
    """Values as (targets, sources, plans, sizes, seeds), NaN where there is none."""
    values = np.full([len(known) for known in places.values()], np.nan)
    for row in rows:
        if row["measure"] != measure or row["plan"] not in places["plan"]:
            continue
        # Training from scratch takes nothing from any source, so it stands beside all of them.
        everywhere = row["source"] not in places["source"]
        values[
            tuple(
                slice(None) if name == "source" and everywhere else known.index(row[name])
                for name, known in places.items()
            )
        ] = row["value"]
    return values


def _of_baselines(
    rows: Sequence[Mapping[str, str | float]], places: Mapping[str, list[Any]]
) -> np.ndarray:
    """Accuracies as (targets, baselines, sizes, seeds), NaN where there is none."""
    known: dict[str, list[Any]] = {**places, "plan": list(_BASELINES)}
    columns = ("target", "plan", "size", "seed")
    values = np.full([len(known[name]) for name in columns], np.nan)
    for row in rows:
        if row["plan"] in _BASELINES and row["measure"] == "accuracy":
            values[tuple(known[name].index(row[name]) for name in columns)] = row["value"]
    return values


def _packed(values: np.ndarray) -> str:
    """Base64 text of four bytes for each value, as a single-precision number, low byte first."""
    return base64.b64encode(values.astype("<f4").tobytes()).decode()
