"""Dynamics as fields of a configuration, and as a function of its age."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from gnnglass._arguments import checks_arguments
from gnnglass._show import Shown, axes_or_new, by_species
from gnnglass.dynamics._means import compute_together
from gnnglass.dynamics.ensemble import (
    FEWEST_FOR_HALVES,
    IsoconfigurationalEnsemble,
    steps_in_order,
    time_step,
)
from gnnglass.dynamics.propensity import Propensity
from gnnglass.dynamics.relaxation import BondBreaking, SelfOverlap
from gnnglass.dynamics.time_correlation import LABELS, Curve, TimeCorrelations
from gnnglass.errors import InputError, NotComputedError
from gnnglass.registry import Description
from gnnglass.trajectories import Snapshot, TrajectoryLike, as_trajectory
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

#: The fields that `annotate` adds, as reports describe them; `FIELDS` has all fields of dynamics.
QUANTITIES = {
    "propensity": Description(
        "propensity",
        unit="length",
        summary="Isoconfigurational mean of the distance a particle has moved.",
        low_is_glassy=True,
    ),
    "propensity_cage_relative": Description(
        "cage-relative propensity",
        unit="length",
        summary="Propensity after subtracting the mean displacement of the neighbours.",
        low_is_glassy=True,
    ),
    "tau_bond": Description(
        "relaxation time (bond breaking)",
        unit="time",
        summary="Time at which half of a particle's bonds are broken on average over clones.",
    ),
    "tau_overlap": Description(
        "relaxation time (overlap)",
        unit="time",
        summary="Time at which a particle is still near its initial position in 1/e of the clones.",
    ),
}
FIELDS = {
    **QUANTITIES,
    "debye_waller": Description(
        "Debye–Waller factor",
        unit="length^2",
        summary="Isoconfigurational mean squared displacement after a short time.",
        low_is_glassy=True,
    ),
}


@checks_arguments
def annotate(
    ensemble: IsoconfigurationalEnsemble,
    *,
    time: float | None = None,
    bonds: BondBreaking | None = None,
    overlap: SelfOverlap | None = None,
    halves: bool = False,
) -> Snapshot:
    """Add propensities and local relaxation times to the initial configuration.

    The fields are ``propensity``, ``propensity_cage_relative``, ``tau_bond`` and ``tau_overlap``;
    of both times there are also ``…_censored``, which is 1 where the particle had not relaxed at
    the last lag (its time is then that lag), and ``…_error``, the standard error, NaN where
    censored. A particle without bonds has NaN for all three of ``tau_bond``: `gnnglass.compare`
    takes a mark that is NaN for a target without a value, and leaves the particle out.

    Args:
        ensemble: Runs from one configuration; each clone is read once, and twice with `halves`.
        time: Lag of the propensities; the last if None.
        bonds: How bonds are defined; `BondBreaking` with its defaults if None, which need to know
            the mixture.
        overlap: How overlap is defined, and the cage of the cage-relative propensity;
            `SelfOverlap` with its defaults if None.
        halves: Also add the fields from the even and from the odd clones alone, as ``…_half_1`` and
            ``…_half_2``. Their agreement measures how reliable a field is
            (`gnnglass.compare.noise_ceiling`).

    Raises:
        InputError: If `time` is none of the lags, a cutoff does not fit the configuration, a
            clone cannot be used, or `halves` is set with fewer than four clones.
    """
    lag = len(ensemble.times) - 1 if time is None else ensemble.lag(time)
    parts = ensemble.halves() if halves else ()
    bonds, overlap = bonds or BondBreaking(), overlap or SelfOverlap()
    plain = Propensity()
    relative = Propensity(cage_relative=True, neighbors=overlap.neighbors)
    compute_together(ensemble, [bonds, overlap, plain, relative])
    fields = {
        "propensity": plain.values[lag],
        "propensity_cage_relative": relative.values[lag],
    }
    for name, relaxation in (("tau_bond", bonds), ("tau_overlap", overlap)):
        fields[name] = relaxation.tau
        fields[f"{name}_censored"] = np.where(np.isnan(relaxation.tau), np.nan, relaxation.censored)
        fields[f"{name}_error"] = relaxation.tau_error
    for number, half in enumerate(parts, start=1):
        alone = annotate(half, time=time, bonds=replace(bonds), overlap=replace(overlap))
        fields |= {f"{name}_half_{number}": alone.field(name) for name in QUANTITIES}
    return ensemble.initial.with_fields(**fields)


def _mean_or_nan(of: Callable[[FloatArray], np.float64], values: FloatArray) -> float:
    return float(of(values)) if values.size else math.nan


@checks_arguments
def waiting_configurations(trajectory: TrajectoryLike) -> dict[float, Snapshot]:
    """The configurations of an ageing run, by waiting time since the quench.

    Clones can be started from each of them.

    Args:
        trajectory: A run with `gnnglass.simulate.AgeingProtocol`, or its file: one frame at each
            of the ``waiting_steps`` in ``metadata["protocol"]``.

    Raises:
        InputError: If the run is not an ageing run, or frames are missing or out of order.
    """
    trajectory = as_trajectory(trajectory)
    protocol = trajectory.metadata.get("protocol")
    if not isinstance(protocol, Mapping) or "waiting_steps" not in protocol:
        raise InputError(
            "the trajectory is not of an ageing run: its metadata lack 'protocol' with "
            "waiting_steps; simulate it with an AgeingProtocol."
        )
    waited = np.array(protocol["waiting_steps"], dtype=np.int64)
    steps = steps_in_order(trajectory, "the ageing run")
    if steps.shape != waited.shape or np.any(np.diff(steps) != np.diff(waited)):
        raise InputError(
            f"the ageing run has frames at steps {', '.join(map(str, steps))}, which are not as "
            f"far apart as its waiting steps {', '.join(map(str, waited))}; a frame is missing."
        )
    return dict(zip((waited * time_step([trajectory])).tolist(), trajectory, strict=True))


@checks_arguments
@dataclass(eq=False)
class Ageing(Shown):
    """All quantities of `gnnglass.dynamics` at several waiting times t_w after a quench.

    Each waiting time has its own isoconfigurational ensemble, started from the configuration at
    t_w. Its propensity p_i(t_w, t) = ``⟨|r_i(t_w + t) − r_i(t_w)|⟩`` is the non-equilibrium one: in
    an ageing system it depends on t_w, and so do the two-time correlations C(t_w + t, t_w) (Kob &
    Barrat, Phys. Rev. Lett. 78, 4581 (1997)).

    Args:
        correlations: Parameters of the averages over particles; plain and cage-relative
            displacements are both used, whatever its ``cage_relative`` is.
        bonds: How bonds are defined.
        overlap: How overlap is defined, and the cage of the cage-relative propensity.
        time: Lag t of the propensities; the last of each ensemble if None.
    """

    correlations: TimeCorrelations = field(default_factory=TimeCorrelations)
    bonds: BondBreaking = field(default_factory=BondBreaking)
    overlap: SelfOverlap = field(default_factory=SelfOverlap)
    time: float | None = None

    def __post_init__(self) -> None:
        self._snapshots: dict[float, Snapshot] | None = None
        self._frame: pd.DataFrame | None = None

    @checks_arguments
    def compute(self, ensembles: Mapping[float, IsoconfigurationalEnsemble]) -> Self:
        """Measure at each waiting time; returns self.

        Args:
            ensembles: Waiting time, in units of time -> the clones that started then.

        Raises:
            InputError: If there is no ensemble, a waiting time is negative or not finite, or a
                parameter does not fit an ensemble.
        """
        import pandas as pd

        if not ensembles:
            raise InputError("there is no waiting time; expected an ensemble for at least one.")
        wrong = [waited for waited in ensembles if not (np.isfinite(waited) and waited >= 0)]
        if wrong:
            raise InputError(
                f"the waiting time is {wrong[0]:g}; expected the time since the quench, 0 or more."
            )
        snapshots, tables = {}, []
        for waited, ensemble in sorted(ensembles.items()):
            snapshots[waited] = annotate(
                ensemble,
                time=self.time,
                bonds=replace(self.bonds),
                overlap=replace(self.overlap),
                halves=ensemble.n_clones >= FEWEST_FOR_HALVES,
            )
            for relative in (False, True):
                curves = replace(self.correlations, cage_relative=relative).compute(ensemble)
                table = curves.to_frame()
                table.insert(0, "cage_relative", relative)
                table.insert(0, "waiting_time", waited)
                tables.append(table)
        self._snapshots, self._frame = snapshots, pd.concat(tables, ignore_index=True)
        return self

    @property
    def snapshots(self) -> dict[float, Snapshot]:
        """By waiting time, the configuration with the fields of `annotate`.

        The fields ``…_half_1`` and ``…_half_2`` are present if an ensemble has at least four
        clones.

        Raises:
            NotComputedError: Before `compute`.
        """
        return dict(self._results()[0])

    def to_frame(self) -> pd.DataFrame:
        """The table of `TimeCorrelations`, with ``waiting_time`` and ``cage_relative`` in front.

        Raises:
            NotComputedError: Before `compute`.
        """
        return self._results()[1].copy()

    def summary(self) -> pd.DataFrame:
        """Averages of the single-particle quantities, one row per waiting time and species.

        The columns are ``waiting_time``, ``species``, the mean ``propensity`` and
        ``propensity_cage_relative``, and of ``tau_bond`` and ``tau_overlap`` the median and, as
        ``…_censored``, the share that had not relaxed; from a share of one half on, the median
        is only a lower bound. Particles without a time, because they have no bonds, do not count.

        Raises:
            NotComputedError: Before `compute`.
        """
        import pandas as pd

        rows = []
        for waited, snapshot in self._results()[0].items():
            for name in snapshot.type_names:
                of_species = snapshot.of_type(name)
                if not of_species.any():
                    continue
                values = {key: one[of_species] for key, one in snapshot.fields.items()}
                row: dict[str, float | str] = {"waiting_time": waited, "species": name}
                for key in ("propensity", "propensity_cage_relative"):
                    row[key] = float(values[key].mean())
                for key in ("tau_bond", "tau_overlap"):
                    has_one = ~np.isnan(values[key])
                    row[key] = _mean_or_nan(np.median, values[key][has_one])
                    row[f"{key}_censored"] = _mean_or_nan(
                        np.mean, values[f"{key}_censored"][has_one]
                    )
                rows.append(row)
        return pd.DataFrame(rows)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        curve: Curve = "self_scattering",
        species: str | None = None,
        cage_relative: bool = False,
    ) -> Axes:
        """Draw one curve of one species, a line for each waiting time.

        Args:
            ax: Axes to draw on; by default those of a new figure.
            curve: ``"msd"``, ``"self_scattering"``, ``"overlap"`` or ``"chi4"``.
            species: Name of the species; the first if None.
            cage_relative: Whether to use cage-relative displacements.

        Raises:
            NotComputedError: Before `compute`.
            InputError: If there is no such curve or species.
        """
        frame = self.to_frame()
        known = frame["species"].unique()
        species = known[0] if species is None else species
        if curve not in LABELS or species not in known:
            raise InputError(
                f"no curve {curve!r} of species {species!r}; there are {', '.join(LABELS)} of "
                f"{', '.join(known)}."
            )
        ax = axes_or_new(ax)
        shown = frame[(frame["species"] == species) & (frame["cage_relative"] == cage_relative)]
        for waited, rows in shown.groupby("waiting_time"):
            ax.plot(rows["time"], rows[curve], marker=".", label=f"{waited:g}")
        ax.set_xscale("log")
        ax.set_xlabel("time $t$ after the waiting time")
        ax.set_ylabel(f"{LABELS[curve]} of {species}")
        ax.legend(frameon=False, title="waiting time")
        return ax

    def sentence(self) -> str:
        """The mean propensity at each waiting time, in one sentence.

        Raises:
            NotComputedError: Before `compute`.
        """
        told = [
            f"{by_species(snapshot.field('propensity'), snapshot.species)} at {waited:g}"
            for waited, snapshot in self._results()[0].items()
        ]
        return f"Propensity by waiting time: {'; '.join(told)}."

    def _results(self) -> tuple[dict[float, Snapshot], pd.DataFrame]:
        if self._snapshots is None or self._frame is None:
            raise NotComputedError("Ageing holds no result yet; call compute first.")
        return self._snapshots, self._frame
