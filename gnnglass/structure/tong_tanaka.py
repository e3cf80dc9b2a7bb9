"""How far the packing around each particle is from a perfect one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gnnglass.errors import InputError
from gnnglass.structure._neighbors import contact_distances
from gnnglass.structure._tessellation import mutual_contacts, radical_contacts
from gnnglass.structure.indicator import INDICATORS, Indicator
from gnnglass.systems import GlassFormer, SystemLike, glass_former
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

TRIANGLE = ((0, 1), (0, 2), (1, 2))
TETRAHEDRON = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


@INDICATORS.register("tong-tanaka")
@dataclass(eq=False)
class TongTanaka(Indicator):
    """Θ_i, 0 where particle and neighbours touch one another perfectly, larger where they do not.

    In 2D Θ_i = (1/N_i) Σ ``|θ_jk − θ*_jk|`` in radians, over the N_i pairs of adjacent neighbours
    j, k of i, with the angle θ_jk between them seen from i, and θ*_jk in the triangle of three
    discs that touch (Tong & Tanaka, Phys. Rev. X 8, 011041 (2018)). In 3D, where no angle is
    enough, Θ_i = (1/N_i) Σ_t Σ_ab ``|r_ab − σ_ab|`` / Σ_ab σ_ab over the N_i tetrahedra t of i and
    adjacent neighbours and the six edges ab of each, a pure number (Tong & Tanaka, Nat. Commun.
    10, 5596 (2019)). Neighbours, of i and of each other, share a face in the radical Voronoi
    tessellation with the radii σ_aa/2, as in these papers, and every triplet (2D: pair) of mutual
    neighbours counts; the distance of contact σ_ab is that of the pair, which in a mixture need not
    be additive.

    Args:
        system: A glass former, its registered name, its TOML file or its definition, for the
            diameters σ of its pair potentials.
        diameters: Of each species by its name, in units of length, instead of a system; then
            σ_ab = (σ_a + σ_b)/2.
    """

    label = "Tong–Tanaka Θ"
    unit = "1"
    formula = (
        r"\Theta_i = \frac1{N_i} \sum_{\langle jk \rangle} \lvert\theta_{jk} - \theta^*_{jk}\rvert"
        r"\text{ (2D)},\quad \frac1{N_i} \sum_t \frac{\sum_{\langle ab \rangle}"
        r" \lvert r_{ab} - \sigma_{ab}\rvert}{\sum_{\langle ab \rangle} \sigma_{ab}}\text{ (3D)}"
    )
    low_is_glassy = True

    system: SystemLike | None = None
    diameters: Mapping[str, float] | None = None

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The glass former's own number of dimensions; both if there is none."""
        return (2, 3) if self.system is None else (glass_former(self.system).dimension,)

    @property
    def made_for(self) -> GlassFormer | None:
        """The glass former whose diameters are used, if any."""
        return None if self.system is None else glass_former(self.system)

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """Θ of each particle, shape [n].

        Raises:
            InputError: If there are neither a system nor diameters, or both, if they lack a
                species of the snapshot, if two particles coincide, or one lies so deep in a larger
                one that it has no cell.
            UnknownNameError: If no glass former has that name.
        """
        contact = contact_distances(snapshot, self._source())
        contacts = radical_contacts(snapshot, contact[snapshot.types, snapshot.types] / 2)
        groups = mutual_contacts(contacts, len(snapshot), snapshot.dimension)
        i = contacts.i[groups[:, 0]]
        # The particle itself is corner 0, at the origin.
        types = snapshot.types[np.column_stack([i, contacts.j[groups]])]
        corners = np.concatenate(
            [np.zeros((len(i), 1, 2 + (snapshot.dimension == 3))), contacts.vectors[groups]], axis=1
        )
        edges = TRIANGLE if snapshot.dimension == 2 else TETRAHEDRON
        lengths, touching = np.empty((2, len(types), len(edges)))
        for k, (a, b) in enumerate(edges):
            lengths[:, k] = np.linalg.norm(corners[:, a] - corners[:, b], axis=1)
            touching[:, k] = contact[types[:, a], types[:, b]]
        deviation = angle_deviation if snapshot.dimension == 2 else length_deviation
        values = deviation(lengths, touching)[:, 0]
        n = len(snapshot)
        return np.bincount(i, values, minlength=n) / np.bincount(i, minlength=n)

    def _source(self) -> GlassFormer | Mapping[str, float]:
        if self.system is not None and self.diameters is None:
            return glass_former(self.system)
        if self.diameters is not None and self.system is None:
            return self.diameters
        given = "neither" if self.system is None else "both"
        raise InputError(
            f"{given} of system and diameters are given; expected the one or the other, such as "
            "system='kam2d' or diameters={'A': 1.0, 'B': 1.4}."
        )


def angle_deviation(lengths: FloatArray, touching: FloatArray) -> FloatArray:
    """By how much each angle of a triangle differs from that of three discs that touch.

    Args:
        lengths: Of the edges 01, 02 and 12 of each triangle, shape [m, 3].
        touching: The same if its corners were discs that touch, shape [m, 3].

    Returns:
        At the corners 0, 1 and 2, in radians, shape [m, 3].
    """
    return np.abs(_angles(lengths) - _angles(touching))


def length_deviation(lengths: FloatArray, touching: FloatArray) -> FloatArray:
    """By how much the edges of a tetrahedron differ from those of four spheres that touch.

    Args:
        lengths: Of the six edges of each tetrahedron, shape [m, 6].
        touching: The same if its corners were spheres that touch, shape [m, 6].

    Returns:
        In units of the mean edge of the latter, shape [m, 1].
    """
    off = np.abs(lengths - touching).sum(axis=1, keepdims=True)
    return np.asarray(off / touching.sum(axis=1, keepdims=True))


def _angles(lengths: FloatArray) -> FloatArray:
    """Angles at the corners of triangles of edges 01, 02 and 12, by the law of cosines."""
    a, b, c = lengths.T
    cosines = [
        (x**2 + y**2 - opposite**2) / (2 * x * y)
        for x, y, opposite in ((a, b, c), (a, c, b), (b, c, a))
    ]
    return np.arccos(np.clip(np.stack(cosines, axis=1), -1, 1))
