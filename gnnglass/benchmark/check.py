"""Refuse, before anything is simulated, what would fail hours later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gnnglass.benchmark.definition import AttributionBenchmark
from gnnglass.errors import InputError
from gnnglass.planted import MOTIFS
from gnnglass.training import TrainingOptions, choose_device, create_model, recipe_for


def check_benchmark(benchmark: AttributionBenchmark, device: str = "auto") -> None:
    """Make every motif, network and attribution that a benchmark names, and throw them away.

    Raises:
        InputError: If something is named that is not registered, parameters make no sense, or do
            not fit together.
    """
    choose_device(device)
    for name, scenario in benchmark.scenarios.items():
        with _told(f"scenarios.{name}"):
            motif = MOTIFS.create(scenario.motif, **scenario.options)
            dimension = benchmark.bases[scenario.base].dimension
            if dimension not in motif.dimensions:
                raise InputError(f"{scenario.motif!r} cannot be planted in {dimension}D.")
    for name, network in benchmark.networks.items():
        with _told(f"networks.{name}"):
            for dimension in {base.dimension for base in benchmark.bases.values()}:
                for one in network.candidates_in(dimension):
                    TrainingOptions(**one.training)
                    recipe = recipe_for(network.model, dimension, **one.recipe)
                    model = create_model(network.model, recipe, one.model_options)
                    for label, section in network.attributions.items():
                        attribution = section.create()
                        if model.kind not in attribution.kinds:
                            raise InputError(
                                f"{label} explains {' and '.join(attribution.kinds)} models; "
                                f"{network.model!r} is a {model.kind} model."
                            )
                        attribution.check(model)


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Say where in the file an error comes from, and in one sentence."""
    try:
        yield
    # Motifs, networks and recipes are given what the file says, and fail in their own ways on it.
    except (ValueError, TypeError, LookupError, RuntimeError) as error:
        reason = str(error).split("\n")[0].rstrip(".")
        raise InputError(f"{where}: {reason}.") from error
