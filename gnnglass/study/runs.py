"""Which independent runs a study consists of: names, protocols, split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gnnglass.errors import InputError
from gnnglass.study.definition import Study
from gnnglass.study.ensemble_file import EnsembleFile

if TYPE_CHECKING:
    from gnnglass.ensembles import Ensemble
    from gnnglass.simulate import AgeingProtocol, Protocol

#: Part of the split (train, validation, test) to the names of its runs.
Parts = dict[str, list[str]]


def run_names(study: EnsembleFile, phase: str) -> tuple[str, ...]:
    """Names of the independent runs of one phase."""
    return tuple(f"{phase}-{k:03d}" for k in range(study.simulate.runs))


def protocols(study: EnsembleFile, phase: str) -> dict[str, Protocol | AgeingProtocol]:
    """The protocol of each run of one phase, each with a seed of its own.

    Raises:
        InputError: If the study's parameters do not make a protocol.
    """
    from gnnglass.simulate import AgeingProtocol, Protocol

    place = list(study.phases).index(phase)
    parameters = study.phases[phase]
    kind = AgeingProtocol if "waiting_steps" in parameters else Protocol
    settled = {"n_particles", "seed"} & set(parameters)
    if settled:
        raise InputError(
            f"phases.{phase} sets {', '.join(sorted(settled))}, which the study settles: use "
            "system.n_particles and simulate.seed."
        )
    try:
        return {
            run: kind(
                **parameters,
                n_particles=study.system.n_particles,
                seed=derived_seed(study.simulate.seed, place, k),
            )
            for k, run in enumerate(run_names(study, phase))
        }
    except InputError as error:
        raise InputError(f"phases.{phase}: {error}") from error


def plan_runs(study: EnsembleFile, ensemble: Ensemble) -> tuple[str, ...]:
    """Plan the runs of all phases.

    Returns:
        Their names.

    Raises:
        InputError: If the study's parameters do not make protocols.
        UnknownNameError: If the study names an engine or glass former that is not registered.
        MissingExtraError: If the engine is not installed.
        FileError: If the ensemble's folder cannot be written to.
    """
    made = {phase: protocols(study, phase) for phase in study.phases}
    ensemble.plan(
        study.system.name,
        {run: protocol for members in made.values() for run, protocol in members.items()},
        facts={run: {"phase": phase} for phase, members in made.items() for run in members},
        engine=study.simulate.engine,
    )
    return tuple(run for members in made.values() for run in members)


def deal(study: Study) -> Parts:
    """Which runs train, validate and test: the same at every level, for every classifier.

    Raises:
        InputError: If there are too few runs to have some of each phase in every part.
    """
    from gnnglass.training import deal_runs

    section = study.split
    dealt = deal_runs(
        {phase: run_names(study, phase) for phase in study.phases_in_order},
        validation=section.validation,
        test=section.test,
        seed=section.seed,
    )
    return {part: list(runs) for part, runs in vars(dealt).items()}


def derived_seed(*parts: int) -> int:
    """A seed below 2³¹ that depends on all parts."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0] >> 1)
