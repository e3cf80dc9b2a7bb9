"""How one run relaxes, without clones: averages and local relaxation times over time origins."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from gnnglass._arguments import checks_arguments
from gnnglass._show import Shown
from gnnglass.dynamics.relaxation import BondBreaking, LocalRelaxation, SelfOverlap, first_crossing
from gnnglass.dynamics.time_correlation import (
    LABELS,
    Curve,
    TimeCorrelations,
    TimeOrigins,
    Windows,
    axes_of_curve,
)
from gnnglass.errors import InputError, NotComputedError
from gnnglass.systems import SystemLike
from gnnglass.trajectories import Snapshot, Trajectory
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

#: Where averages over particles count as relaxed.
RELAXED = 1 / math.e
#: Averages whose relaxation time is told.
TOLD = ("self_scattering", "overlap")


@dataclass(frozen=True)
class _Start:
    """A time origin; see `gnnglass.dynamics.relaxation.Start`."""

    initial: Snapshot
    system: SystemLike | None


@dataclass(frozen=True)
class _Watched:
    """Windows whose number is reported as they are read."""

    source: TimeOrigins
    read: Callable[[], None]

    @property
    def times(self) -> FloatArray:
        return self.source.times

    def windows(self) -> Iterator[tuple[Snapshot, FloatArray]]:
        for window in self.source.windows():
            yield window
            self.read()


@checks_arguments
@dataclass(eq=False)
class RunRelaxation(Shown):
    """Time correlations and local relaxation times of one run, over its time origins.

    Averages over particles are those of `TimeCorrelations`, of plain and of cage-relative
    displacements. Local relaxation times are found at each origin for itself: the particle's own
    C_i(t) in the frames that follow, as `BondBreaking` and `SelfOverlap` define it, with no mean
    over clones. C_i of a single run is a step function, so τ_i is the time of an event and not a
    property of the configuration (Widmer-Cooper, Harrowell & Fynewever, Phys. Rev. Lett. 93,
    135701 (2004)); the average over particles and origins is what it tells well. Origins that are
    less than a relaxation time apart tell nearly the same, and a run that ages is not the same at
    all of them.

    Args:
        correlations: Parameters of the averages; plain and cage-relative displacements are both
            used, whatever its ``cage_relative`` is.
        bonds: How bonds are defined; None leaves them out, as of an unknown mixture.
        overlap: How overlap is defined.
    """

    correlations: TimeCorrelations = field(default_factory=TimeCorrelations)
    bonds: BondBreaking | None = field(default_factory=BondBreaking)
    overlap: SelfOverlap = field(default_factory=SelfOverlap)

    def __post_init__(self) -> None:
        self._frame: pd.DataFrame | None = None
        self._annotated: Trajectory | None = None

    @checks_arguments
    def compute(
        self, origins: TimeOrigins, *, progress: Callable[[int, int], object] | None = None
    ) -> Self:
        """Measure at every origin; returns self. Each window is read three times.

        Args:
            origins: The time origins of the run.
            progress: Called with the number of windows read and the total number.

        Raises:
            InputError: If the run is of inherent structures, or of clones, if a parameter does
                not fit it, or as `TimeOrigins.windows`.
        """
        import pandas as pd

        facts = origins.metadata
        if facts.get("level") == "inherent":
            raise InputError(
                "the trajectory holds inherent structures, and displacements between minima are "
                "not those of particles; give the thermal trajectory they were made from."
            )
        if "isoconfigurational" in facts:
            raise InputError(
                "the trajectory holds clones of one configuration, not one run; gnnglass dynamics "
                "(gnnglass.dynamics.IsoconfigurationalEnsemble) analyses them."
            )
        n_read, total = 0, 3 * origins.n_origins

        def count() -> None:
            nonlocal n_read
            n_read += 1
            if progress is not None:
                progress(n_read, total)

        source, tables = _Watched(origins, count), []
        for relative in (False, True):
            curves = replace(self.correlations, cage_relative=relative).compute(source)
            table = curves.to_frame()
            table.insert(0, "cage_relative", relative)
            tables.append(table)
        frames = list(self._annotate(source, facts.get("system")))
        self._frame = pd.concat(tables, ignore_index=True)
        self._annotated = Trajectory(frames, facts)
        return self

    def to_frame(self) -> pd.DataFrame:
        """The table of `TimeCorrelations`, with ``cage_relative`` in front.

        Raises:
            NotComputedError: Before `compute`.
        """
        return self._results()[0].copy()

    @property
    def annotated(self) -> Trajectory:
        """The configuration at each origin, with the local relaxation times that follow it.

        The fields are ``tau_bond`` and ``tau_overlap``, and of both ``…_censored``, as
        `gnnglass.dynamics.annotate` has them.

        Raises:
            NotComputedError: Before `compute`.
        """
        return self._results()[1]

    def relaxation_times(self) -> pd.DataFrame:
        """When averages over particles fall to 1/e, one row per species and kind of displacement.

        The columns are ``cage_relative``, ``species``, ``tau_self_scattering`` and ``tau_overlap``,
        and of both ``…_censored``: 1 where the average is above 1/e at the last lag, which is then
        given as the bound.

        Raises:
            NotComputedError: Before `compute`.
        """
        import pandas as pd

        rows = []
        by = ["cage_relative", "species"]
        for (relative, species), curves in self.to_frame().groupby(by, sort=False):
            row: dict[str, float | str | bool] = {"cage_relative": relative, "species": species}
            for name in TOLD:
                values = curves[[name]].to_numpy()
                (tau,), (censored,) = first_crossing(curves["time"].to_numpy(), values, RELAXED)
                row |= {f"tau_{name}": float(tau), f"tau_{name}_censored": float(censored)}
            rows.append(row)
        return pd.DataFrame(rows)

    def local_times(self) -> pd.DataFrame:
        """Local relaxation times of all origins together, one row per quantity and species.

        The columns are ``quantity`` (``tau_bond`` or ``tau_overlap``), ``species``, the ``median``,
        the share ``censored`` that had not relaxed at the last lag (from one half on the median is
        only a bound), and the share ``without`` a time, for want of bonds, which does not count.

        Raises:
            NotComputedError: Before `compute`.
        """
        import pandas as pd

        frames, rows = self.annotated, []
        for quantity in (name for name in ("tau_bond", "tau_overlap") if name in frames[0].fields):
            for species in frames[0].species:
                tau, censored = (
                    np.concatenate([frame.field(name)[frame.of_type(species)] for frame in frames])
                    for name in (quantity, f"{quantity}_censored")
                )
                known = ~np.isnan(tau)
                rows.append(
                    {
                        "quantity": quantity,
                        "species": species,
                        "median": float(np.median(tau[known])) if known.any() else math.nan,
                        "censored": float(censored[known].mean()) if known.any() else math.nan,
                        "without": float(1 - known.mean()),
                    }
                )
        return pd.DataFrame(rows)

    def plot(self, ax: Axes | None = None, *, curve: Curve = "self_scattering") -> Axes:
        """Draw one of the curves: a colour per species, cage-relative displacements dashed.

        Args:
            ax: Axes to draw on; by default those of a new figure.
            curve: ``"msd"``, ``"self_scattering"``, ``"overlap"`` or ``"chi4"``.

        Raises:
            NotComputedError: Before `compute`.
            InputError: If there is no such curve.
        """
        frame = self.to_frame()
        ax = axes_of_curve(curve, ax)
        for number, (species, of_species) in enumerate(frame.groupby("species", sort=False)):
            for relative, rows in of_species.groupby("cage_relative", sort=False):
                ax.plot(
                    rows["time"],
                    rows[curve],
                    marker=".",
                    color=f"C{number}",
                    linestyle="--" if relative else "-",
                    label=f"{species}, cage-relative" if relative else species,
                )
        ax.set_ylabel(LABELS[curve])
        ax.legend(frameon=False)
        return ax

    def sentence(self) -> str:
        """The relaxation times of F_s, in one sentence; raises like `to_frame`."""
        told = [
            f"{row.species}{', cage-relative' if row.cage_relative else ''} "
            f"{'more than ' if row.tau_self_scattering_censored else ''}"
            f"{row.tau_self_scattering:.3g}"
            for row in self.relaxation_times().itertuples()
        ]
        return (
            f"F_s(q = {self.correlations.q:g}, t) falls to 1/e at t = {'; '.join(told)}; "
            f"{len(self.annotated)} time origins."
        )

    def _annotate(self, source: Windows, system: SystemLike | None) -> Iterator[Snapshot]:
        """The configuration at each origin, with local relaxation times."""
        measured: dict[str, LocalRelaxation] = {"tau_overlap": self.overlap}
        if self.bonds is not None:
            measured = {"tau_bond": self.bonds, **measured}
        for initial, displacements in source.windows():
            fields: dict[str, FloatArray] = {}
            for name, relaxation in measured.items():
                correlation = relaxation.local(_Start(initial, system))(displacements)
                known = ~np.isnan(correlation[0])
                tau, censored = np.full((2, len(initial)), np.nan)
                tau[known], censored[known] = first_crossing(
                    source.times, correlation[:, known], relaxation.threshold
                )
                fields |= {name: tau, f"{name}_censored": censored}
            yield initial.with_fields(**fields)

    def _results(self) -> tuple[pd.DataFrame, Trajectory]:
        if self._frame is None or self._annotated is None:
            raise NotComputedError("RunRelaxation holds no result yet; call compute first.")
        return self._frame, self._annotated
