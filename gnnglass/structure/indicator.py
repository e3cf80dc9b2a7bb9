"""What a structural indicator is: one configuration in, one number per particle out."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from gnnglass._arguments import checks_arguments
from gnnglass._show import Shown, by_species
from gnnglass.errors import InputError, NotComputedError
from gnnglass.registry import Registry
from gnnglass.systems import GlassFormer
from gnnglass.systems.glass_former import stated_mixture
from gnnglass.trajectories import (
    Material,
    Snapshot,
    SnapshotLike,
    Trajectory,
    TrajectoryLike,
    as_snapshot,
    as_trajectory,
)
from gnnglass.trajectories.material import checked_differences, require_reach
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Indicator(Shown, ABC):
    """A scalar that describes the surroundings of each particle, from positions alone.

    Subclasses are dataclasses of their parameters, so that their repr can be evaluated, and
    give `measure`. What follows is shown wherever the registered indicator or its field is.

    Attributes:
        label: What it is called in prose; its registered name with spaces if empty.
        unit: In words, such as "energy" or "length^-d"; "1" for a pure number.
        formula: In LaTeX, without dollar signs; may be empty.
        low_is_glassy: Whether its low values are the glass-like ones, which maps show in blue.
    """

    label: ClassVar[str] = ""
    unit: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    low_is_glassy: ClassVar[bool] = False

    _snapshot: Snapshot | None = None
    _values: FloatArray | None = None

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Numbers of space dimensions in which the indicator is defined."""
        return (2, 3)

    @property
    def made_for(self) -> GlassFormer | None:
        """The glass former whose parameters the indicator uses, if it uses any."""
        return None

    @property
    def reach(self) -> float | None:
        """The distance within which it counts neighbours, in units of length, if it does."""
        return None

    @abstractmethod
    def measure(self, snapshot: Snapshot) -> FloatArray:
        """What a subclass computes, after `compute` has checked the dimension; shape [n]."""

    @checks_arguments
    def compute(self, system: SnapshotLike, *, accept: Collection[str] = ()) -> Self:
        """Measure one configuration; returns self.

        Args:
            system: A `Snapshot`, or anything `as_snapshot` turns into one, such as a path, a
                ``gsd.hoomd.Frame`` or a pair (box, points).
            accept: Names of differences from what the indicator is made for that are meant, of
                `gnnglass.trajectories.material.DIFFERENCES`.

        Raises:
            InputError: If there is more than one configuration, if it has a dimension in which
                the indicator is not defined, if its composition or density are not those of the
                glass former whose parameters are used, or if a parameter does not fit it.
        """
        snapshot = as_snapshot(system)
        self.require_fit(Material.of([Trajectory([snapshot])]), accept)
        return self._measured(snapshot)

    def require_fit(self, material: Material, accept: Collection[str] = ()) -> dict[str, str]:
        """Refuse configurations that the indicator is not made for.

        Returns:
            The differences that were accepted, in words.

        Raises:
            InputError: If the glass former whose parameters are used is another one, or lengths
                are in another unit, with the figures of both.
        """
        checked_differences(accept)
        require_reach(material, self.reach, whose=repr(self), accept=accept)
        former = self.made_for
        if former is None or material.dimension not in self.dimensions:
            return {}
        return material.require_fit(
            former.material,
            whose="the configuration",
            made_for=f"{former.name!r}, whose parameters {type(self).__name__} uses",
            accept=accept,
        )

    def _measured(self, snapshot: Snapshot) -> Self:
        if snapshot.dimension not in self.dimensions:
            defined = " and ".join(f"{d}D" for d in self.dimensions)
            raise InputError(
                f"{self!r} is defined in {defined} only; this snapshot is {snapshot.dimension}D."
            )
        self._snapshot, self._values = snapshot, self.measure(snapshot)
        return self

    @property
    def values(self) -> FloatArray:
        """The indicator of each particle, shape [n].

        Raises:
            NotComputedError: Before `compute`.
        """
        return self._computed()[1]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the configuration coloured by the indicator; raises like `values`.

        Args:
            ax: Axes to draw on; a new figure is made without.
        """
        snapshot, values = self._computed()
        return snapshot.with_fields(indicator=values).plot(ax, color="indicator")

    def sentence(self) -> str:
        """The mean over the particles of each species, in one sentence; raises like `values`."""
        snapshot, values = self._computed()
        unit = f", in units of {self.unit}" if self.unit not in ("", "1") else ""
        return (
            f"{self!r} of {len(snapshot)} particles: {by_species(values, snapshot.species)}{unit}."
        )

    def _computed(self) -> tuple[Snapshot, FloatArray]:
        if self._snapshot is None or self._values is None:
            raise NotComputedError(
                f"{type(self).__name__} holds no result yet; call compute first."
            )
        return self._snapshot, self._values


class _Indicators(Registry[Indicator]):
    """The registered indicators; each is known by the name of its field, too."""

    def spelling(self, name: str) -> str:
        self._load()
        return name if name in self._entries else str(name).replace("_", "-")


INDICATORS: Registry[Indicator] = _Indicators("structural indicator", "gnnglass.structure")


@checks_arguments
def needs_system(name: str) -> bool:
    """Whether the registered indicator `name` has to know the glass former.

    Raises:
        UnknownNameError: If no indicator has that name.
    """
    return "system" in inspect.signature(INDICATORS.factory(name)).parameters


@checks_arguments
def indicator_for(name: str, trajectory: TrajectoryLike) -> Indicator:
    """The registered indicator `name` with its default parameters.

    An indicator with a parameter ``system`` gets the glass former that the trajectory's metadata
    name.

    Raises:
        UnknownNameError: If no indicator has that name.
        InputError: If the indicator needs the glass former and the metadata do not name it.
    """
    if not needs_system(name):
        return INDICATORS.create(name)
    system = as_trajectory(trajectory).metadata.get("system")
    if system is None:
        raise InputError(
            f"{name!r} needs to know the glass former, but the trajectory's metadata hold no "
            "'system'; name one, such as 'kam2d'."
        )
    return INDICATORS.create(name, system=system)


@checks_arguments
def indicator_field(name: str) -> str:
    """The field of the registered indicator `name`; a field by itself is its own."""
    return name.replace("-", "_")


@checks_arguments
def indicators_for(trajectory: TrajectoryLike) -> dict[str, Indicator]:
    """Every registered indicator that is defined in the trajectory's dimension, by its name.

    Raises:
        InputError: As `indicator_for`.
    """
    trajectory = as_trajectory(trajectory)
    every = {name: indicator_for(name, trajectory) for name in INDICATORS}
    dimension = trajectory[0].dimension
    return {name: one for name, one in every.items() if dimension in one.dimensions}


@checks_arguments
def annotate(
    trajectory: TrajectoryLike,
    indicators: Mapping[str, Indicator | str] | Sequence[str],
    *,
    accept: Collection[str] = (),
) -> Trajectory:
    """The trajectory with indicators as per-particle fields.

    Args:
        trajectory: Snapshots, thermal or inherent, as `gnnglass.trajectories.as_trajectory` takes
            them: a trajectory, a file, or one or more snapshots.
        indicators: Registered names, such as ``["potential-energy"]``, each of which becomes the
            field that `indicator_field` gives, here ``potential_energy``; or indicators, or
            their names, by the name of their field, such as
            ``{"e_pot": PotentialEnergy("kam2d")}``. Names stand for what `indicator_for` gives.
        accept: As `Indicator.compute` takes it; what was accepted is stored in the metadata as
            ``accepted``.

    Returns:
        A trajectory with the metadata of the one that was given; of a single snapshot it has one
        frame.

    Raises:
        InputError: As `Indicator.compute` and `indicator_for`.
        UnknownNameError: If no indicator has that name.
        FileError: If a path cannot be read.
    """
    whole = as_trajectory(trajectory)
    if not isinstance(indicators, Mapping):
        names = [indicators] if isinstance(indicators, str) else indicators
        indicators = {indicator_field(name): name for name in names}
    made = {
        field: indicator_for(one, whole) if isinstance(one, str) else one
        for field, one in indicators.items()
    }
    material = Material.of([whole])
    accepted: dict[str, str] = {}
    for indicator in made.values():
        accepted |= indicator.require_fit(material, accept)
    annotated = whole.map(
        lambda snapshot: snapshot.with_fields(
            **{field: indicator._measured(snapshot).values for field, indicator in made.items()}
        )
    )
    return annotated.accepting(accepted)


@checks_arguments
def annotate_all(
    trajectory: TrajectoryLike, *, accept: Collection[str] = ()
) -> tuple[Trajectory, dict[str, str]]:
    """The trajectory with every registered indicator that can be measured on it.

    What takes the parameters of a glass former is left out where none is stated, or one that is not
    known here; so is what is not defined in this dimension, counts neighbours within a distance
    that does not fit the box, or cannot be measured on a frame for another reason.

    Args:
        trajectory: As `annotate` takes it.
        accept: As `annotate` takes it.

    Returns:
        The annotated trajectory, and the indicators that were left out: name to reason, a clause.

    Raises:
        InputError: If the configurations are not like the glass former that is stated, or lengths
            are in another unit, so that all would be measured wrongly, or if no indicator is left.
        FileError: If a path cannot be read.
    """
    whole = as_trajectory(trajectory)
    material = Material.of([whole])
    former, without, accepted = stated_mixture(whole, material, accept)
    frames, left_out = list(whole), dict[str, str]()
    for name in INDICATORS:
        if former is None and needs_system(name):
            left_out[name] = without
            continue
        indicator = indicator_for(name, whole)
        if material.dimension not in indicator.dimensions:
            left_out[name] = f"not defined in {material.dimension}D"
            continue
        accepted |= indicator.require_fit(material, accept)
        try:
            measured = [indicator._measured(frame).values for frame in frames]
        except InputError as error:
            left_out[name] = str(error).rstrip(".")
            continue
        field = indicator_field(name)
        frames = [
            frame.with_fields(**{field: values})
            for frame, values in zip(frames, measured, strict=True)
        ]
    if len(left_out) == len(INDICATORS.names()):
        reasons = "; ".join(dict.fromkeys(left_out.values()))
        raise InputError(f"no structural indicator can be measured on the trajectory: {reasons}.")
    return Trajectory(frames, whole.metadata, whole.source).accepting(accepted), left_out
