from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pytest

from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    with mpl.rc_context({"backend": "agg"}):
        from matplotlib import pyplot

        pyplot.switch_backend("agg")
        yield
        pyplot.close("all")


def shown(snapshot: Snapshot) -> np.ndarray:
    if snapshot.dimension == 2:
        return np.arange(len(snapshot))
    z = snapshot.positions[:, 2]
    order = np.argsort(z)
    return order[np.abs(z[order]) < 0.5]


def test_discs_have_their_true_size_and_place(snapshot: Snapshot) -> None:
    ax = snapshot.plot()
    discs = ax.collections[-1]
    ax.figure.canvas.draw()
    index = shown(snapshot)
    assert 0 < len(index) <= len(snapshot)
    np.testing.assert_allclose(discs.get_offsets(), snapshot.positions[index, :2])
    np.testing.assert_allclose(discs.get_widths(), np.array([1.0, 0.88])[snapshot.types[index]])
    assert ax.get_aspect() == 1
    assert ax.get_xlim() == pytest.approx((-snapshot.box[0] / 2, snapshot.box[0] / 2))
    assert ("slice |z| < 0.5" in ax.get_title()) == (snapshot.dimension == 3)
    assert len(np.unique(discs.get_facecolors(), axis=0)) == 2


@pytest.mark.parametrize(("species", "radius"), [(0, 0.5), (1, 0.44)])
def test_a_disc_covers_the_area_of_its_particle(species: int, radius: float) -> None:
    ax = Snapshot([5.0, 4.0], [[0.5, -0.5]], [species]).plot(linewidths=0)
    ax.axis("off")
    ax.figure.canvas.draw()
    pixels = np.asarray(ax.figure.canvas.buffer_rgba())[..., :3].astype(float)  # type: ignore[attr-defined]
    covered = np.sum(1 - pixels.min(axis=-1) / 255) / (1 - pixels.min() / 255)
    unit = np.ptp(ax.transData.transform([[0, 0], [1, 1]]), axis=0)
    assert covered / np.prod(unit) == pytest.approx(np.pi * radius**2, rel=0.02)


def test_signed_fields_are_centred_on_zero_and_others_are_not(snapshot: Snapshot) -> None:
    n = len(snapshot)
    marked = snapshot.with_fields(signed=np.linspace(-1, 3, n), energy=np.linspace(-4, -2, n))
    signed = marked.plot(color="signed").collections[-1]
    assert signed.get_clim() == (-3, 3)
    assert signed.get_cmap().name.startswith("RdBu")
    energy = marked.plot(color="energy").collections[-1]
    assert energy.get_clim() == (-4, -2)
    assert energy.get_cmap().name == "viridis"
    np.testing.assert_allclose(energy.get_array(), marked.field("energy")[shown(snapshot)])


def test_axes_and_style_are_the_callers(snapshot: Snapshot) -> None:
    from matplotlib import pyplot

    figure, ax = pyplot.subplots()
    marked = snapshot.with_fields(u=np.linspace(0, 1, len(snapshot)))
    assert marked.plot(ax, color="u", cmap="magma", clim=(0, 2), linewidths=0) is ax
    discs = ax.collections[-1]
    assert (discs.get_cmap().name, discs.get_clim()) == ("magma", (0, 2))
    figure.colorbar(discs)
    figure.canvas.draw()


def test_nan_is_drawn_and_unknown_fields_are_refused(snapshot: Snapshot) -> None:
    u = np.full(len(snapshot), np.nan)
    snapshot.with_fields(u=u).plot(color="u").figure.canvas.draw()
    u[0] = 1.0
    snapshot.with_fields(u=u).plot(color="u").figure.canvas.draw()
    with pytest.raises(InputError, match="no field 'v'"):
        snapshot.plot(color="v")
