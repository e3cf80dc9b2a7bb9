"""Whatever a published file tells of dynamics, as fields of one configuration."""

from __future__ import annotations

from gnnglass import dynamics
from gnnglass.dynamics import IsoconfigurationalEnsemble, Propensity
from gnnglass.dynamics.ensemble import FEWEST_FOR_HALVES
from gnnglass.errors import InputError
from gnnglass.published.names import PROPENSITIES, TIMES, targets_in
from gnnglass.trajectories import Trajectory
from gnnglass.trajectories.snapshot import FloatArray

LAYOUT = "isoconfigurational"


def tells_dynamics(trajectory: Trajectory) -> bool:
    """Whether there are isoconfigurational runs, or one configuration with propensities."""
    return _holds_runs(trajectory) or (len(trajectory) == 1 and bool(targets_in(trajectory[0])))


def with_dynamics(trajectory: Trajectory, time: float | None = None) -> Trajectory:
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
        trajectory: As read from a file.
        time: Lag of the propensities, in units of time; the last if None.

    Raises:
        InputError: If there are neither runs nor propensities, `time` is none of the lags, or the
            runs do not fit together.
    """
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
    fields = _fields(ensemble, lag)
    if ensemble.n_clones >= FEWEST_FOR_HALVES:
        for number, half in enumerate(ensemble.halves(), start=1):
            alone = _fields(half, lag)
            fields |= {
                f"{name}_half_{number}": alone[name]
                for name in (*PROPENSITIES, *TIMES)
                if name in alone
            }
    snapshot = ensemble.initial.with_fields(**fields)
    return Trajectory([snapshot], {**trajectory.metadata, "propensity_time": lag})


def _holds_runs(trajectory: Trajectory) -> bool:
    return LAYOUT in trajectory.metadata and len(trajectory) > 1


def _fields(ensemble: IsoconfigurationalEnsemble, lag: float) -> dict[str, FloatArray]:
    if len(ensemble.times) > 1:
        return dict(dynamics.annotate(ensemble, time=lag).fields)
    return {
        "propensity": Propensity().compute(ensemble).at(lag),
        "propensity_cage_relative": Propensity(cage_relative=True).compute(ensemble).at(lag),
    }
