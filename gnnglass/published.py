"""Published data from file to table: configurations with dynamics and structure, and figures.

What a published file holds, isoconfigurational runs or propensities, becomes fields of one
configuration; `compare` does the rest.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gnnglass import dynamics, structure
from gnnglass._arguments import checks_arguments
from gnnglass.compare import compare_fields
from gnnglass.dynamics import IsoconfigurationalEnsemble, Propensity
from gnnglass.dynamics.ensemble import FEWEST_FOR_HALVES
from gnnglass.errors import InputError, did_you_mean
from gnnglass.simulate import Progress, inherent_structures
from gnnglass.structure import INDICATORS, indicator_field
from gnnglass.systems import SystemLike, glass_former
from gnnglass.trajectories import (
    RunsLike,
    Snapshot,
    Trajectory,
    TrajectoryLike,
    as_trajectory,
    by_run,
)
from gnnglass.trajectories.material import restated
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    import pandas as pd

PROPENSITIES = ("propensity", "propensity_cage_relative")
TIMES = ("tau_bond", "tau_overlap")
#: The propensities of GlassBench, one field for each lag.
MD_PROPENSITY = "md_prop"
#: What published models predicted for the configurations of GlassBench, likewise.
PREDICTIONS = ("BOTAN", "CAGE", "GlassMLP", "SE3")
#: What `gnnglass explain` and studies call their maps.
IMPORTANCE = "importance"
OF_A_LAG = re.compile(rf"({'|'.join((MD_PROPENSITY, *PREDICTIONS))})_(\d+)")


@checks_arguments
def targets_in(snapshot: Snapshot) -> list[str]:
    """Propensities and relaxation times among the fields of `snapshot`."""
    return [name for name in snapshot.fields if is_propensity(name) or name in TIMES]


@checks_arguments
def is_propensity(name: str) -> bool:
    """Whether a field is a propensity, ours or one that was published."""
    return name in PROPENSITIES or _stem(name) == MD_PROPENSITY


@checks_arguments
def predictors_in(snapshot: Snapshot) -> list[str]:
    """Structural indicators, importance maps and published predictions among the fields."""
    indicators = {indicator_field(name) for name in INDICATORS}
    return [
        name
        for name in snapshot.fields
        if name in indicators or name.startswith(IMPORTANCE) or _stem(name) in PREDICTIONS
    ]


@checks_arguments
def by_lag(predictors: Sequence[str], targets: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    """Targets together with the predictors that speak of them.

    What a model predicted for one lag is not set against the propensity at another.

    Returns:
        Pairs of predictors and the targets that these are for; each target is in one of them.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for target in targets:
        fit = tuple(x for x in predictors if lag_of(x) in (None, lag_of(target)))
        groups.setdefault(fit, []).append(target)
    return [(list(fit), members) for fit, members in groups.items()]


@checks_arguments
def lag_of(name: str) -> int | None:
    """The number of the lag that a field of GlassBench is for; None if it is for none or all."""
    match = OF_A_LAG.fullmatch(name)
    return None if match is None else int(match[2])


def _stem(name: str) -> str:
    match = OF_A_LAG.fullmatch(name)
    return name if match is None else match[1]


LAYOUT = "isoconfigurational"


@checks_arguments
def tells_dynamics(trajectory: Trajectory) -> bool:
    """Whether there are isoconfigurational runs, or one configuration with propensities."""
    return _holds_runs(trajectory) or (len(trajectory) == 1 and bool(targets_in(trajectory[0])))


@checks_arguments
def with_dynamics(
    trajectory: TrajectoryLike, time: float | None = None, *, system: SystemLike | None = None
) -> Trajectory:
    """One configuration with its propensities.

    Of isoconfigurational runs (BOTAN, DeepMind, GlassBench's trajectories, our own clones) the
    fields are ``propensity`` and ``propensity_cage_relative``, from four clones on also
    ``…_half_1`` and ``…_half_2``, from even and odd clones, for the noise ceiling; with several
    lags also ``tau_bond`` and ``tau_overlap``, as `gnnglass.dynamics.annotate` gives them: a
    single lag says no more than whether a particle has relaxed by then. The metadata entry
    ``propensity_time`` is the lag of the propensities.

    A configuration that comes with propensities (GlassBench's models, what ``gnnglass dynamics``
    wrote) is returned as it is.

    Args:
        trajectory: As read from a file, or the file.
        time: Lag of the propensities, in units of time; the last if None.
        system: The mixture, whose diameters say what a bond is; the one the metadata name if None.

    Raises:
        InputError: If there are neither runs nor propensities, `time` is none of the lags, the
            runs do not fit together, or there are several lags and the mixture is unknown.
    """
    trajectory = as_trajectory(trajectory)
    if not tells_dynamics(trajectory):
        raise InputError(
            f"{trajectory!r} holds neither isoconfigurational runs nor one configuration with "
            "propensities; give a file of BOTAN, DeepMind or GlassBench, or one that `gnnglass "
            "dynamics` wrote."
        )
    if not _holds_runs(trajectory):
        if time is not None:
            raise InputError(
                f"{trajectory!r} holds propensities and no runs, so there is no lag to choose; "
                "leave the time away."
            )
        return trajectory
    ensemble = IsoconfigurationalEnsemble.from_trajectory(trajectory)
    lag = float(ensemble.times[-1]) if time is None else time
    fields = _fields(ensemble, lag, system)
    if ensemble.n_clones >= FEWEST_FOR_HALVES:
        for number, half in enumerate(ensemble.halves(), start=1):
            alone = _fields(half, lag, system)
            fields |= {
                f"{name}_half_{number}": alone[name]
                for name in (*PROPENSITIES, *TIMES)
                if name in alone
            }
    snapshot = ensemble.initial.with_fields(**fields)
    return Trajectory([snapshot], {**trajectory.metadata, "propensity_time": lag})


def _holds_runs(trajectory: Trajectory) -> bool:
    return LAYOUT in trajectory.metadata and len(trajectory) > 1


def _fields(
    ensemble: IsoconfigurationalEnsemble, lag: float, system: SystemLike | None
) -> dict[str, FloatArray]:
    if len(ensemble.times) > 1:
        bonds = dynamics.BondBreaking(system=system)
        return dict(dynamics.annotate(ensemble, time=lag, bonds=bonds).fields)
    return {
        "propensity": Propensity().compute(ensemble).at(lag),
        "propensity_cage_relative": Propensity(cage_relative=True).compute(ensemble).at(lag),
    }


@checks_arguments
def with_structure(
    configuration: TrajectoryLike,
    *,
    system: SystemLike | None = None,
    inherent: bool = False,
    engine: str = "lammps",
    keep: str | Path | None = None,
) -> Trajectory:
    """Add all registered indicators that are defined for a configuration, by their names.

    Args:
        configuration: One frame with any fields, which stay, or the file of one.
        system: The glass former; the one the metadata name if None.
        inherent: Take the inherent structure for the configuration: positions and indicators are
            its own, all other fields those of the configuration it was found from.
        engine: Name of the engine that minimises.
        keep: Folder where inherent structures are kept, so that they are not sought again.

    Returns:
        One frame with fields such as ``potential_energy``; the metadata name the system.

    Raises:
        InputError: If the system is unknown, or does not fit the configuration.
        UnknownNameError: If there is no such system or engine.
        SimulationError: If no minimum is reached.
        MissingExtraError: If the engine is not installed.
        FileError: If inherent structures cannot be kept.
    """
    configuration = as_trajectory(configuration)
    stated = configuration.metadata.get("system") if system is None else system
    if stated is None:
        raise InputError(
            f"{configuration!r} does not name its glass former, whose potentials are needed; give "
            "the system, such as 'ka3d'."
        )
    former = glass_former(stated)
    given = restated(configuration, system=former.identity)
    found = inherent_structures(former, given, engine, keep=keep) if inherent else given
    joined = Trajectory(
        [found[0].with_fields(**{**given[0].fields, **found[0].fields})], found.metadata
    )
    indicators = structure.indicators_for(joined)
    return structure.annotate(
        joined,
        {structure.indicator_field(name): indicator for name, indicator in indicators.items()},
    )


@checks_arguments
def annotated(
    trajectories: Iterable[TrajectoryLike],
    fields: Collection[str] = (),
    *,
    time: float | None = None,
    system: SystemLike | None = None,
    inherent: bool = False,
    engine: str = "lammps",
    keep: str | Path | None = None,
    progress: Progress | None = None,
) -> list[Trajectory]:
    """Give each published file, or file of clones, propensities and structural indicators.

    First all dynamics are worked out, which is quick and finds what cannot be used, then the
    structures. Of runs no more than their averages is held at any time.

    Args:
        trajectories: As read from files, or the files; may be an iterator.
        fields: The names that are asked for, if any are. A trajectory that has them all, or that
            tells nothing of dynamics, is returned as it is, unless `inherent`.
        time: Lag of the propensities, as `with_dynamics` takes it.
        system: The glass former, as `with_structure` takes it, like the following.
        inherent: Whether to take inherent structures.
        engine: Name of the engine that minimises.
        keep: Folder where inherent structures are kept.
        progress: Called with the trajectories whose structure is done and those there are.

    Raises:
        InputError: As `with_dynamics` and `with_structure`, the others likewise.
    """
    found: list[Trajectory] = []
    left: list[int] = []
    for k, trajectory in enumerate(map(as_trajectory, trajectories)):
        if fields and not inherent and _complete(trajectory, fields):
            found.append(trajectory)
        else:
            _require_makeable(trajectory, fields)
            found.append(with_dynamics(trajectory, time, system=system))
            left.append(k)
    for done, k in enumerate(left, start=1):
        found[k] = with_structure(
            found[k], system=system, inherent=inherent, engine=engine, keep=keep
        )
        if progress is not None:
            progress(done, len(left))
    return found


def _complete(trajectory: Trajectory, fields: Collection[str]) -> bool:
    first = trajectory[0]
    return set(map(first.spelling, fields)) <= set(first.fields) or not tells_dynamics(trajectory)


def _require_makeable(trajectory: Trajectory, fields: Collection[str]) -> None:
    """Refuse names of fields that are not there and are not made on the way either.

    Raises:
        InputError: If one is such a name.
    """
    known = [*trajectory[0].fields, *map(indicator_field, INDICATORS), *PROPENSITIES, *TIMES]
    for name in fields:
        spelt = indicator_field(name)
        # With its marks, errors and halves.
        is_dynamic = spelt.startswith((*PROPENSITIES, *TIMES))
        if not {name, spelt} & set(known) and not is_dynamic:
            raise InputError(
                f"no field {name!r}{did_you_mean(name, known)} is in "
                f"{trajectory.source or 'the trajectory'} or made on the way; there are: "
                f"{', '.join(dict.fromkeys(known))}."
            )


NOT_SMOOTHED = "not smoothed: the length is chosen on other runs, and there is one run only"


@checks_arguments
def compare_by_name(
    snapshots: RunsLike,
    predictors: Sequence[str] = (),
    targets: Sequence[str] = (),
    *,
    runs: Sequence[Hashable] | None = None,
    lengths: Sequence[float] | None = None,
    **options: Any,
) -> pd.DataFrame:
    """`gnnglass.compare.compare_fields` with fields that need not be named.

    Fields ``…_censored`` of targets are their marks, and fields ``…_half_1`` and ``…_half_2`` give
    their noise ceilings.

    Args:
        snapshots: Annotated configurations: one trajectory or file per independent
            run, or snapshots, of which `runs` says the run.
        predictors: Names of fields; by default the structural indicators, importance maps and
            published predictions among those of the first snapshot, predictions of one lag with
            targets of that lag only.
        targets: Names of fields; by default propensities and relaxation times.
        runs: Independent run of each snapshot; left out with trajectories or files.
        lengths: Candidate smoothing lengths of the predictors. With a single run no choice
            can be made: several are then left out, and the note says so.
        **options: As `compare_fields` takes them.

    Raises:
        InputError: As `compare_fields`.
    """
    import pandas as pd

    snapshots, runs = by_run(snapshots, runs)
    first = snapshots[0]
    sought = list(map(first.spelling, targets)) or targets_in(first)
    # With nothing to choose from, `compare_fields` says what is missing.
    named = bool(predictors) or not sought
    groups = [(list(predictors), sought)] if named else by_lag(predictors_in(first), sought)
    undecided = lengths is not None and len(set(lengths)) > 1 and len(set(runs)) == 1
    table = pd.concat(
        [
            compare_fields(
                snapshots,
                x,
                y,
                runs=runs,
                lengths=None if undecided else lengths,
                censored=censoring_marks(first, y),
                halves=halves_in(first, y),
                **options,
            )
            for x, y in groups
        ],
        ignore_index=True,
    )
    if undecided:
        table["note"] += f"; {NOT_SMOOTHED}"
    return table


@checks_arguments
def censoring_marks(snapshot: Snapshot, targets: Sequence[str]) -> dict[str, str]:
    """Of the targets that can be censored, the fields that say where they are."""
    flags = {name: f"{name}_censored" for name in targets}
    return {name: flag for name, flag in flags.items() if flag in snapshot.fields}


@checks_arguments
def halves_in(snapshot: Snapshot, targets: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Of the targets that were also measured on either half of the clones, these two fields."""
    halves = {name: (f"{name}_half_1", f"{name}_half_2") for name in targets}
    return {
        name: pair for name, pair in halves.items() if all(one in snapshot.fields for one in pair)
    }


SYSTEM, TEMPERATURE, RELAXATION_TIME, SPECIES = "ka3d", 0.44, 4120.0, "A"
#: What the figures are; ours must be the same to stand beside them.
QUANTITY = (
    f"Pearson's r with the propensity at t = {RELAXATION_TIME:g}, the relaxation time, "
    f"{SPECIES} particles"
)
#: Where the figures themselves are read off, row t = 4120, on the test set of GlassBench
#: (doi:10.5281/zenodo.10118191): pcc_mean_044.csv (mean over configurations) and pcc_all_044.csv
#: (pooled).
SOURCE = (
    "results/pcc_mean_044.csv and pcc_all_044.csv of github.com/xjiang-hnu/EIGNN, published with "
    "Jiang et al., J. Phys. Chem. B 129, 3053 (2025)"
)
JIANG = "Jiang et al., J. Phys. Chem. B 129, 3053 (2025)"


@dataclass(frozen=True)
class PublishedFigure:
    """How well one published predictor does.

    Attributes:
        predictor: Name of the model or of the structural indicator.
        supervised: Whether it was trained on dynamics.
        mean: Coefficient per configuration, averaged over these; NaN if not published.
        pooled: Coefficient over all particles of all configurations together.
        citation: The paper of the model, or the one that gives the figure of the indicator.
    """

    predictor: str
    supervised: bool
    mean: float
    pooled: float
    citation: str


FIGURES = (
    PublishedFigure("EIGNN-cage", True, 0.817, 0.818, JIANG),
    PublishedFigure("SE(3)", True, 0.791, 0.815, "Pezzicoli, Charpiat & Landes, arXiv:2211.03226"),
    PublishedFigure(
        "CAGE",
        True,
        0.782,
        0.779,
        "Alkemade, Smallenburg & Filion, J. Chem. Phys. 158, 134512 (2023)",
    ),
    PublishedFigure(
        "GlassMLP",
        True,
        0.756,
        0.768,
        "Jung, Biroli & Berthier, Phys. Rev. Lett. 130, 238202 (2023)",
    ),
    PublishedFigure("BOTAN", True, 0.752, 0.755, "Shiba et al., J. Chem. Phys. 158, 084503 (2023)"),
    PublishedFigure("potential energy", False, np.nan, 0.507, JIANG),
    PublishedFigure("density", False, np.nan, -0.246, JIANG),
    PublishedFigure("hexatic order", False, np.nan, -0.145, JIANG),
)


@checks_arguments
def beside(table: pd.DataFrame, metadata: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The published figures and ours in one table, the highest first.

    Ours are those rows of `table` that are the same `QUANTITY`.

    Args:
        table: As from `gnnglass.published.compare_by_name`.
        metadata: Of each trajectory that was compared.

    Returns:
        Columns predictor, supervised, mean, pooled and source. There are no rows if nothing was
        compared with a propensity, or the mixture or the temperature is another.
    """
    import pandas as pd

    columns = ["predictor", "supervised", "mean", "pooled", "source"]
    if not (any(map(is_propensity, table["target"])) and all(map(_is_theirs, metadata))):
        return pd.DataFrame(columns=columns)
    rows = [(one.predictor, one.supervised, one.mean, one.pooled, one.citation) for one in FIGURES]
    if all(np.isclose(one.get("propensity_time", 0.0), RELAXATION_TIME) for one in metadata):
        same = table[
            (table["target"] == "propensity")
            & (table["species"] == SPECIES)
            & (table["method"] == "pearson")
        ]
        rows += [
            (
                row["predictor"]
                + (f", smoothed over {row['length']:g}" if row["smoothed"] else ""),
                False,
                row["estimate"],
                row["pooled"],
                "here",
            )
            for row in same.to_dict("records")
        ]
    joined = pd.DataFrame(rows, columns=columns)
    size = joined["mean"].fillna(joined["pooled"]).abs()
    return joined.loc[size.sort_values(ascending=False).index].reset_index(drop=True)


def _is_theirs(metadata: Mapping[str, Any]) -> bool:
    kT = metadata.get("kT")
    return metadata.get("system") == SYSTEM and kT is not None and bool(np.isclose(kT, TEMPERATURE))
