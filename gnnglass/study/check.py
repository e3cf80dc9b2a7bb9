"""Checks of a study before any work is done, so that nothing fails after hours of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from gnnglass._options import require_memory
from gnnglass.compare import smooth
from gnnglass.dynamics import BondBreaking
from gnnglass.errors import InputError, did_you_mean, shown
from gnnglass.explain import ATTRIBUTIONS
from gnnglass.models import AnyRecipe, GraphRecipe, VoxelRecipe, create_model, recipe_for
from gnnglass.simulate import ENGINES
from gnnglass.simulate._state import lattice_start
from gnnglass.structure import indicator_field, indicators_for
from gnnglass.study.definition import ClassifierSection, Study
from gnnglass.study.workspace import Parts, deal, every_protocol, files_of, protocols
from gnnglass.systems import GlassFormer, glass_former
from gnnglass.training import TrainingOptions, choose_device
from gnnglass.trajectories import Material, Snapshot, Trajectory, read


def check_study(study: Study, device: str = "auto") -> Parts:
    """Make everything a study names, from the first lattice on, and throw it away.

    Args:
        study: The study.
        device: Where its networks are to run.

    Returns:
        The names of the runs that train, validate and test.

    Raises:
        InputError: If parameters make no sense or do not fit together.
        UnknownNameError: If something is named that is not registered.
        MissingExtraError: If the engine is not installed.
    """
    system = glass_former(study.system.name)
    ENGINES.factory(study.simulate.engine)
    choose_device(device)
    starts = [_start(study, system, phase) for phase in study.labels]
    parts = deal(study)
    if study.explain_level not in study.levels:
        raise InputError(
            f"explain_level is {study.explain_level!r}, but the levels trained are "
            f"{', '.join(study.levels)}."
        )
    if study.dynamics is not None and study.dynamics.phase not in study.phases:
        raise InputError(
            f"dynamics.phase is {shown(study.dynamics.phase)}"
            f"{did_you_mean(study.dynamics.phase, study.phases)}; the phases are "
            f"{', '.join(study.phases)}."
        )
    if (
        study.dynamics is not None
        and study.of_files(study.dynamics.phase) is not None
        and "thermal" not in study.levels
    ):
        raise InputError(
            "dynamics starts clones from thermal configurations, but of files only the levels in "
            f"levels are kept, {', '.join(study.levels)}; add thermal to them."
        )
    if study.dynamics is not None:
        BondBreaking(study.dynamics.r_bond, study.dynamics.r_break).cutoffs(starts[0], system)
    if study.dynamics is not None and study.dynamics.ageing:
        phase = study.dynamics.phase
        if "waiting_steps" not in study.phases[phase]:
            raise InputError(
                f"dynamics.ageing follows a phase at its waiting times, but phases.{phase} has no "
                "waiting_steps; give it some, or leave dynamics.ageing out."
            )
    n_frames = sum(len(protocol.frame_steps) for protocol in every_protocol(study))
    n_frames += sum(len(files_of(study, phase)) for phase in study.phases)
    for name, section in study.classifiers.items():
        try:
            _check_classifier(section, system, starts[0], n_frames)
        except InputError as error:
            raise InputError(f"classifiers.{name}: {error}") from error
    lattice = Trajectory([starts[0]], {"system": study.system.name})
    measured = [indicator_field(name) for name in indicators_for(lattice)]
    unknown = [name for name in study.compare.given if name not in measured]
    if unknown:
        raise InputError(
            f"compare.given: no indicator is called {', '.join(unknown)}"
            f"{did_you_mean(unknown[0], measured)}; measured are "
            f"{', '.join(measured)}."
        )
    try:
        for length in study.compare.lengths:
            smooth(starts[0], np.zeros(len(starts[0])), length)
    except InputError as error:
        raise InputError(f"compare.lengths: {error}") from error
    return parts


def _start(study: Study, system: GlassFormer, phase: str) -> Snapshot:
    """A configuration with the box and the species of a phase: a lattice, or one of a file."""
    files = files_of(study, phase)
    if not files:
        return lattice_start(system, next(iter(protocols(study, phase).values())))
    first = read(next(iter(files.values())))
    Material.of([first]).require_fit(
        system.material, whose=f"phases.{phase}: {first.source}", made_for=repr(system.name)
    )
    return first[0]


def recipe_of(section: ClassifierSection, system: GlassFormer) -> AnyRecipe:
    """How the configurations of a system become the input of a classifier; raises `InputError`."""
    if "system" in section.recipe:
        raise InputError("recipe: system is that of the study; leave it out.")
    parameters = {**section.recipe, "system": system}
    return recipe_for(section.model, system.dimension, system.species, **parameters)


def _check_classifier(
    section: ClassifierSection, system: GlassFormer, start: Snapshot, n_frames: int
) -> None:
    options = TrainingOptions.from_dict(section.training)
    recipe = recipe_of(section, system)
    # A lattice has the box that every later configuration has, and as many neighbours.
    made: Any = recipe(start)
    tensors = [made] if isinstance(recipe, VoxelRecipe) else made.to_dict().values()
    n_bytes = sum(getattr(tensor, "nbytes", 0) for tensor in tensors)
    require_memory(n_frames * n_bytes, f"{n_frames} configurations as input of {section.model}")
    model = create_model(section.model, recipe, section.model_options)
    if options.ball_radius is not None:
        n_bytes += model.ball(made, start, options.ball_radius).nbytes
        require_memory(n_frames * n_bytes, f"{n_frames} configurations and their balls")
    attribution = ATTRIBUTIONS.create(section.attribution, **section.attribution_options)
    kind = "graph" if isinstance(recipe, GraphRecipe) else "voxel"
    if kind not in attribution.kinds:
        raise InputError(
            f"the attribution {section.attribution!r} explains {' and '.join(attribution.kinds)} "
            f"models, but {section.model!r} reads a {kind}."
        )
    attribution.check(model)
