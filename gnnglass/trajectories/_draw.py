"""A snapshot as a picture: discs of true size, coloured by species or by a field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gnnglass._show import MOST_NAMES, axes_or_new
from gnnglass.trajectories.snapshot import FloatArray, Snapshot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Disc radius of each species, half of σ_AA = 1 and σ_BB = 0.88; further species as the first.
RADII = (0.5, 0.44)
SPECIES_COLORS = ("#4a6fa5", "#e0a458", "#6a994e", "#a4508b", "#8d99ae")
SLICE_THICKNESS = 1.0


def draw_snapshot(
    snapshot: Snapshot,
    ax: Axes | None = None,
    *,
    color: str | None = None,
    radii: Mapping[str, float] | None = None,
    **style: Any,
) -> Axes:
    """Draw the particles as discs of true size.

    A field with both signs is drawn with a diverging colour map, positive in blue and zero in
    white; another with a sequential one; NaN in grey. In 3D only particles with ``|z| < 1/2``
    are drawn, those with larger z on top. The discs are ``ax.collections[-1]``, from which a
    colour bar can be made.

    Args:
        snapshot: What to draw; in 2D all of it.
        ax: Axes to draw on; a new figure is made without.
        color: Name of a field; species otherwise.
        radii: Disc radius of species by name; of the others as in the Kob–Andersen mixture.
        **style: Passed to matplotlib's ``EllipseCollection`` (``cmap``, ``clim``, ``norm``).

    Returns:
        The axes.

    Raises:
        InputError: If the snapshot has no field `color`.
    """
    from matplotlib.collections import EllipseCollection

    values = None if color is None else snapshot.field(color)
    shown = np.arange(len(snapshot))
    if snapshot.dimension == 3:
        z = snapshot.positions[:, 2]
        shown = np.argsort(z)
        shown = shown[np.abs(z[shown]) < SLICE_THICKNESS / 2]
    ax = axes_or_new(ax, size=(5, 5))
    if values is None:
        palette = np.array(SPECIES_COLORS)
        style = {"facecolors": palette[snapshot.types[shown] % len(palette)], **style}
    else:
        style = {"array": np.ma.masked_invalid(values[shown]), **_color_scale(values), **style}
    diameters = 2 * disc_radii(snapshot, radii)[snapshot.types[shown]]
    discs = EllipseCollection(
        diameters,
        diameters,
        np.zeros(len(shown)),
        units="xy",
        offsets=snapshot.positions[shown, :2],
        offset_transform=ax.transData,
        **{"edgecolors": "black", "linewidths": 0.2, **style},
    )
    ax.add_collection(discs)
    half = snapshot.box / 2
    ax.set(xlim=(-half[0], half[0]), ylim=(-half[1], half[1]), xticks=[], yticks=[])
    ax.set_aspect("equal")
    if snapshot.dimension == 3:
        ax.set_title(f"slice |z| < {SLICE_THICKNESS / 2:g} of {snapshot.box[2]:.3g}")
    return ax


def disc_radii(snapshot: Snapshot, known: Mapping[str, float] | None = None) -> FloatArray:
    """The disc radius of each species, shape [n_species]; see `draw_snapshot`."""
    usual = [*RADII, *[RADII[0]] * len(snapshot.type_names)]
    return np.array(
        [(known or {}).get(name, usual[k]) for k, name in enumerate(snapshot.type_names)]
    )


#: About so many particles are drawn in a small picture.
MOST_IN_SMALL = 4000


def draw_small(snapshot: Snapshot, ax: Axes, *, title: str = "") -> None:
    """Draw a snapshot for a small picture: of one with very many particles, the middle of the box.

    Args:
        snapshot: What to draw.
        ax: Axes to draw on.
        title: What stands above; of a 3D snapshot, the slice that is drawn follows.
    """
    reach = snapshot.box / 2
    near = np.full(len(snapshot), True)
    # In 3D, what lies in the slice is about n^(2/3).
    n_drawn = len(snapshot) ** (2 / snapshot.dimension)
    if n_drawn > MOST_IN_SMALL:
        reach = reach * np.sqrt(MOST_IN_SMALL / n_drawn)
        near = (np.abs(snapshot.positions[:, :2]) < reach[:2]).all(axis=1)
        title = ", ".join(filter(None, [title, "middle of the box"]))
    if near.any():
        shown = Snapshot(
            snapshot.box, snapshot.positions[near], snapshot.types[near], snapshot.type_names
        )
        draw_snapshot(shown, ax)
    half = reach[:2]
    ax.set(xlim=(-half[0], half[0]), ylim=(-half[1], half[1]))
    ax.set_title("\n".join(filter(None, [title, ax.get_title()])), fontsize="x-small")
    for k, name in enumerate(snapshot.type_names):
        if name in snapshot.species:
            ax.plot([], [], "o", color=SPECIES_COLORS[k % len(SPECIES_COLORS)], label=name)
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=MOST_NAMES, fontsize="x-small",
        frameon=False, handletextpad=0.1, columnspacing=1.0,
    )  # fmt: skip


def _color_scale(values: FloatArray) -> dict[str, Any]:
    """Colour map and limits, from all particles, so that slices of one snapshot compare."""
    from matplotlib import colormaps

    finite = values[np.isfinite(values)]
    lowest, highest = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    signed = lowest < 0 < highest
    reach = max(-lowest, highest)
    return {
        "cmap": colormaps["RdBu" if signed else "viridis"].with_extremes(bad="lightgrey"),
        "clim": (-reach, reach) if signed else (lowest, highest),
    }
