"""What every registered motif must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gnnglass.testing.examples import example_snapshot
from gnnglass.trajectories import Snapshot

if TYPE_CHECKING:
    from gnnglass.planted import Motif


def check_motif(name: str) -> None:
    """Check that a registered motif keeps the contract of `gnnglass.planted.Motif`.

    Box, step, count and composition are kept; some, but a minority, is planted, all of it inside
    the ball, and only particles of or near the ball have moved, none of them through the box;
    without contrast nothing changes; the same seed gives the same plant; translation through the
    box and relabelling commute with planting; the repr makes an equal motif; a snapshot that is
    too small, or of a dimension that the motif does not know, is refused.

    Raises:
        AssertionError: Where the contract is broken.
    """
    from gnnglass.errors import InputError
    from gnnglass.planted import MOTIFS

    motif = MOTIFS.create(name)
    assert eval(repr(motif), {type(motif).__name__: type(motif)}) == motif, f"{name}: its repr"
    for dimension, n in ((2, 400), (3, 1000)):
        snapshot, refused = example_snapshot(dimension, n), example_snapshot(dimension, 8)
        if dimension in motif.dimensions:
            _check_plant(name, motif, snapshot)
        else:
            refused = snapshot
        try:
            motif.plant(refused, np.random.default_rng(0))
        except InputError:
            continue
        raise AssertionError(f"{name}: planted into {refused!r}")


def _check_plant(name: str, motif: Motif, snapshot: Snapshot) -> None:
    from dataclasses import replace

    n, dimension = snapshot.positions.shape
    before = snapshot.replace(images=np.ones((n, dimension)), step=7, fields={"old": np.ones(n)})
    first, second = (motif.plant(before, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(first.positions, second.positions), f"{name}: one seed, two plants"

    center = 5
    after = motif.plant(before, np.random.default_rng(2), center=center)
    assert np.array_equal(after.box, before.box) and after.step == before.step, f"{name}: box"
    assert np.array_equal(np.sort(after.types), np.sort(before.types)), f"{name}: composition"
    assert set(after.fields) == {"planted"}, f"{name}: it has the fields {set(after.fields)}"
    truth = after.field("planted")
    assert set(truth) == {0.0, 1.0}, f"{name}: planted is {set(truth)}"
    assert truth.sum() < n / 2, f"{name}: planted {truth.sum():g} of {n}"
    away = before.minimum_image(before.positions - before.positions[center])
    away = np.linalg.norm(away, axis=1)
    assert away[truth == 1].max() < motif.radius, f"{name}: planted outside the ball"
    moves = np.linalg.norm(after.unwrapped - before.unwrapped, axis=1)
    assert moves.max() < motif.radius, f"{name}: a particle has moved by {moves.max():.3g}"
    reach = away[(moves > 0) | (after.types != before.types)].max()
    assert reach < motif.radius + 2, f"{name}: changed something {reach:.3g} from the centre"
    same = replace(motif, contrast=0.0).plant(before, np.random.default_rng(2), center=center)  # type: ignore[type-var]
    assert np.array_equal(same.unwrapped, before.unwrapped), f"{name}: contrast 0 moves"
    assert np.array_equal(same.types, before.types), f"{name}: contrast 0 changes species"

    rng = np.random.default_rng(0)
    shift, order = rng.normal(0, 20, dimension), rng.permutation(n)
    moved = before.replace(
        positions=before.positions[order] + shift, types=before.types[order], fields={}
    )
    place = int(np.flatnonzero(order == center)[0])
    again = motif.plant(moved, np.random.default_rng(2), center=place)
    assert np.array_equal(again.field("planted"), truth[order]), f"{name}: other particles"
    assert np.array_equal(again.types, after.types[order]), f"{name}: other species"
    change = np.abs(again.minimum_image(again.positions - after.positions[order] - shift)).max()
    assert change < 1e-6, f"{name}: translation and relabelling change it by {change:.3g}"
