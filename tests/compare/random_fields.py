"""Fields whose spatial correlation is known: white noise filtered on a periodic grid."""

from itertools import product

import numpy as np

from gnnglass.trajectories import Snapshot


def exponential_fields(rng, n_fields, *, dimension, edge, xi, n, spacing=0.25, independent=0.0):
    """Snapshots with a field of unit variance and C(r) = (1 − `independent`) exp(−r / ξ).

    Exactly, C is that exponential summed over the periodic images. White noise is filtered with
    the square root of its Fourier transform; the modulus of the noise is set to one and only its
    phases are random, so that the correlation over the whole grid is C in each field, and not
    only on average. Particles sit on random places of the grid.
    """
    side = round(edge / spacing)
    places = np.stack(np.meshgrid(*[np.arange(side) * spacing] * dimension, indexing="ij"), -1)
    images = [np.array(image) * edge for image in product((-2, -1, 0, 1), repeat=dimension)]
    wanted = sum(np.exp(-np.linalg.norm(places + image, axis=-1) / xi) for image in images)
    spectrum = np.fft.fftn(wanted).real
    assert spectrum.min() > 0
    snapshots = []
    for _ in range(n_fields):
        noise = np.fft.fftn(rng.normal(size=places.shape[:-1]))
        field = np.fft.ifftn(np.sqrt(spectrum) * noise / np.abs(noise)).real * np.sqrt(
            places[..., 0].size
        )
        taken = rng.choice(field.size, n, replace=False)
        mixed = np.sqrt(1 - independent) * field.ravel()[taken]
        snapshots.append(
            Snapshot(
                box=np.full(dimension, edge),
                positions=places.reshape(-1, dimension)[taken] - edge / 2,
                types=np.arange(n) % 3 // 2,
                fields={"f": mixed + np.sqrt(independent) * rng.normal(size=n)},
            )
        )
    return snapshots
