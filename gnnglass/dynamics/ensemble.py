"""Many runs from one configuration, with fresh velocities each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gnnglass.dynamics.clone_frames import CloneFrames, InOneTrajectory
from gnnglass.dynamics.frames import steps_in_order, time_step
from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot, Trajectory
from gnnglass.trajectories.snapshot import FloatArray

#: Each half needs two clones to be an ensemble itself.
FEWEST_FOR_HALVES = 4


@dataclass(frozen=True, eq=False)
class IsoconfigurationalEnsemble:
    """Where every particle of one configuration has gone in each of several runs.

    The runs (clones) differ only in their initial velocities, so what is common to them is owed
    to the configuration (Widmer-Cooper, Harrowell & Fynewever, Phys. Rev. Lett. 93, 135701
    (2004)).

    Attributes:
        initial: The configuration all clones start from, n particles in d dimensions.
        clones: r_i(t) − r_i(0) of each clone, not wrapped, shape [n_lags, n, d], in units of
            length. Given as one array of shape [n_clones, n_lags, n, d], or as any sequence of
            such arrays, so that clones may be read only when asked for.
        times: The lags t, increasing, shape [n_lags], in units of time.

    Raises:
        InputError: On fewer than two clones, shapes that do not fit together, lags that are not
            positive and increasing, or displacements that are not finite. What is in one array
            is looked at once; another sequence whenever a clone is read.
    """

    initial: Snapshot
    clones: Sequence[FloatArray] | FloatArray
    times: FloatArray

    def __post_init__(self) -> None:
        times = np.array(self.times, dtype=np.float64)
        if times.ndim != 1 or times.size == 0:
            raise InputError(f"times have shape {times.shape}; expected [n_lags], at least one.")
        if not np.all(np.isfinite(times)) or np.any(np.diff(times, prepend=0.0) <= 0):
            raise InputError(
                f"times are {times.tolist()}; expected positive lags in increasing order."
            )
        times.flags.writeable = False
        object.__setattr__(self, "times", times)
        _require_clones(len(self.clones))
        if isinstance(self.clones, np.ndarray):
            displacements = np.asarray(self.clones, dtype=np.float64).view()
            displacements.flags.writeable = False
            object.__setattr__(self, "clones", tuple(displacements))
            for _ in self:
                pass

    @classmethod
    def from_trajectory(cls, trajectory: Trajectory) -> IsoconfigurationalEnsemble:
        """Take apart one trajectory that holds all clones; they are read when they are needed.

        Args:
            trajectory: Frame 0 is the initial configuration, then come all lags of clone 0, all
                lags of clone 1 and so on; ``metadata["isoconfigurational"]`` holds ``n_clones``
                and ``lag_steps`` (steps since frame 0), and ``metadata["dt"]`` the time per step.

        Raises:
            InputError: If metadata or the number of frames do not fit this layout; when a clone
                is read, if its steps do not, if it is of another configuration, or if images are
                unknown.
        """
        layout = trajectory.metadata.get("isoconfigurational")
        if not isinstance(layout, Mapping) or not {"n_clones", "lag_steps"} <= set(layout):
            raise InputError(
                "the trajectory is not an isoconfigurational ensemble: its metadata lack "
                "'isoconfigurational' with n_clones and lag_steps; for clones in separate files "
                "use from_clones."
            )
        n_clones, lag_steps = int(layout["n_clones"]), np.array(layout["lag_steps"], dtype=np.int64)
        dt = time_step([trajectory])
        _require_clones(n_clones)
        if len(trajectory) != 1 + n_clones * len(lag_steps):
            raise InputError(
                f"the trajectory has {len(trajectory)} frames; expected "
                f"1 + {n_clones} clones × {len(lag_steps)} lags = {1 + n_clones * len(lag_steps)}; "
                "a run was probably cut off."
            )
        frames = InOneTrajectory(trajectory, len(lag_steps))
        initial = trajectory[0]
        return cls(initial, CloneFrames(initial, lag_steps, frames), np.asarray(lag_steps * dt))

    @classmethod
    def from_clones(
        cls, clones: Sequence[Trajectory], dt: float | None = None
    ) -> IsoconfigurationalEnsemble:
        """Join clones that are separate trajectories; they are read when they are needed.

        Args:
            clones: One trajectory each; frame 0 is the initial configuration, the same for all,
                and the later frames come at the same steps after it.
            dt: Time per step; taken from the clones' metadata if None.

        Raises:
            InputError: On fewer than two clones, or no `dt`; when a clone is read, if it is of
                another configuration or at other steps, if its frames are out of order, or if
                images are unknown.
        """
        _require_clones(len(clones))
        dt = time_step(clones, dt)
        initial = clones[0][0]
        steps = steps_in_order(clones[0], "clone 0")
        if len(steps) < 2:
            raise InputError("clone 0 has no frame after the initial one; expected lags.")
        lag_steps = steps[1:] - steps[0]
        return cls(initial, CloneFrames(initial, lag_steps, clones), np.asarray(lag_steps * dt))

    def __iter__(self) -> Iterator[FloatArray]:
        """Displacements of one clone after the other, shape [n_lags, n, d], read-only.

        Raises:
            InputError: If those of a clone do not fit or are not finite.
        """
        expected = (len(self.times), len(self.initial), self.initial.dimension)
        for index, clone in enumerate(self.clones):
            if np.shape(clone) != expected:
                raise InputError(
                    f"displacements of clone {index} have shape {np.shape(clone)}; expected "
                    f"{list(expected)} for these lags and this configuration."
                )
            if not np.all(np.isfinite(clone)):
                raise InputError(
                    f"some displacements of clone {index} are NaN or infinite; the run that "
                    "produced them has probably blown up."
                )
            yield clone

    def windows(self) -> Iterator[tuple[Snapshot, FloatArray]]:
        """Each clone as a configuration and what became of it, as `TimeCorrelations` takes it."""
        for clone in self:
            yield self.initial, clone

    @property
    def displacements(self) -> FloatArray:
        """Those of all clones in memory, shape [n_clones, n_lags, n, d], read-only."""
        displacements = np.stack(list(self))
        displacements.flags.writeable = False
        return displacements

    @property
    def n_clones(self) -> int:
        """Number of runs M."""
        return len(self.clones)

    def lag(self, time: float) -> int:
        """Which of the lags `time` is.

        Raises:
            InputError: If it is none of them.
        """
        match = np.flatnonzero(np.isclose(self.times, time))
        if match.size == 0:
            known = ", ".join(f"{t:g}" for t in self.times)
            raise InputError(f"no lag t = {time:g} in this ensemble; it has {known}.")
        return int(match[0])

    def halves(self) -> tuple[IsoconfigurationalEnsemble, IsoconfigurationalEnsemble]:
        """Even and odd clones as two ensembles, to tell how far results depend on the runs.

        Raises:
            InputError: On fewer than four clones.
        """
        if self.n_clones < FEWEST_FOR_HALVES:
            raise InputError(
                f"an ensemble of {self.n_clones} clones cannot be halved; expected at least "
                f"{FEWEST_FOR_HALVES}, two for each half."
            )
        even, odd = (
            IsoconfigurationalEnsemble(self.initial, self.clones[start::2], self.times)
            for start in (0, 1)
        )
        return even, odd

    def __repr__(self) -> str:
        return (
            f"<IsoconfigurationalEnsemble of {self.n_clones} clones, {len(self.times)} lags up to "
            f"t = {self.times[-1]:g}, from {self.initial!r}>"
        )


def _require_clones(n_clones: int) -> None:
    if n_clones < 2:
        raise InputError(
            f"an isoconfigurational ensemble needs at least 2 clones, got {n_clones}; run more "
            "from the same configuration (16 or more for good averages)."
        )
