"""A study whose every column is known, because its trajectories were made up, not simulated.

Particles lie on a shaken square lattice. In a disc of each glass the species alternate, elsewhere
and in the liquids they are at random: so the glass has more unlike neighbours, which lowers its
energy, and the particles of the disc are responsible. Clones move A particles the less, the more
of the disc is around them, and B particles the more, the larger the mean of a hidden field of noise
is around them. What moves too little is censored.

The files stand where the ensembles of a study would have put them, so that its stages take them
for finished runs.
"""

import json
from pathlib import Path

import numpy as np

from gnnglass._records import file_digest
from gnnglass.compare import smooth
from gnnglass.simulate import Ensemble
from gnnglass.simulate._project import DOCUMENT
from gnnglass.study import Study, plan_runs
from gnnglass.study.check import check_study
from gnnglass.study.workspace import Workspace, plan_clones, run_names
from gnnglass.trajectories import Snapshot, Trajectory, write

SIDE = 12
#: Radius of the disc, and how far sites are shaken, in units of length.
RADIUS, SHAKEN = 3.8, 0.03
DT = 0.005
LAGS = (10, 20, 40, 80, 160, 320, 640)
#: How far a particle of mobility 1 goes in one unit of time.
SPEED = 1.0
#: By held-out glass, the length over which its A particles know of the disc.
REACHES = (0.3, 0.3, 2.5)
#: The length over which B particles know of the hidden field.
REACH = 1.0
LENGTHS = (0.4, REACH, 2.5)
#: The study's own figures of the fields that nothing was planted in.
BLIND = ("local_density", "voronoi_density", "voronoi_volume", "hexatic_order")

FRAMES = {"hold_steps": 1000, "n_frames": 2, "frame_interval": 1000}
CONTENT = {
    "title": "A study that is known",
    "system": {"name": "kam2d", "n_particles": SIDE**2},
    "simulate": {"runs": 8, "seed": 5},
    "levels": ["inherent"],
    "phases": {
        "glass": {"kT": 0.3, "kT_melt": 1.5, "dt": DT, **FRAMES},
        "liquid": {"kT": 1.0, "kT_melt": 1.5, "dt": DT, **FRAMES},
    },
    "split": {"validation": 0.25, "test": 0.375, "seed": 0},
    "classifiers": {
        "gnn": {
            "model": "message-passing",
            "recipe": {"r_max": 1.5},
            "model_options": {"hidden": 8, "n_layers": 1},
            "training": {"epochs": 12, "patience": 12, "batch_size": 4, "learning_rate": 0.01},
            "attribution": "graph-gradcam",
        },
    },
    "dynamics": {"n_clones": 4, "lag_steps": list(LAGS), "propensity_lag": 640},
    "compare": {"lengths": list(LENGTHS)},
    "null": {"shuffles": 3, "seed": 3},
}


def golden_study(**changes):
    return Study.from_dict({**CONTENT, **changes})


def configuration(rng, disc, step, types=None, hidden=None):
    """A shaken lattice; with a disc, the species alternate inside and `planted` says where."""
    n = SIDE**2
    box = np.full(2, np.sqrt(n / 1.2))
    column, row = np.divmod(np.arange(n), SIDE)
    sites = (np.stack([column, row], axis=1) + 0.5) / SIDE * box - box / 2
    apart = sites - (np.zeros(2) if disc is None else disc)
    apart -= box * np.round(apart / box)
    inside = (np.linalg.norm(apart, axis=1) < RADIUS) & (disc is not None)
    n_b = round(0.35 * n)
    if types is None:
        types = np.where(inside, (column + row) % 2, 0)
        types[rng.choice(np.flatnonzero(~inside), n_b - types.sum(), replace=False)] = 1
    return Snapshot(
        box,
        sites + rng.normal(0, SHAKEN, (n, 2)),
        types,
        ("A", "B"),
        images=np.zeros((n, 2), dtype=int),
        fields={
            "planted": inside.astype(float),
            "hidden": rng.normal(size=n) if hidden is None else hidden,
        },
        step=step,
    )


def put(run, trajectories):
    """Leave the products of a run where they belong, and its word that it is done."""
    for path, trajectory in trajectories.items():
        write(path, trajectory)
    digests = {path.stem: file_digest(path) for path in trajectories}
    document = {"done": True, "sha256": digests}
    (run.folder / DOCUMENT).write_text(json.dumps(document), encoding="utf-8")


def write_runs(study, folder):
    """All runs, their inherent structures being their thermal frames less shaken."""
    ensemble = Ensemble(folder / "runs")
    plan_runs(study, ensemble)
    for phase in ("liquid", "glass"):
        for k, name in enumerate(run_names(study, phase)):
            rng = np.random.default_rng([phase == "glass", k])
            run = ensemble[name]
            disc = rng.uniform(-2, 2, 2) if phase == "glass" else None
            first = configuration(rng, disc, 5000)
            frames = [first, configuration(rng, disc, 6000, first.types, first.field("hidden"))]
            facts = {
                "run": name,
                "phase": phase,
                "system": "kam2d",
                "dt": DT,
                "protocol": run.protocol.model_dump(mode="json"),
            }
            bare = [frame.replace(fields={}) for frame in frames]
            put(
                run,
                {
                    run.thermal: Trajectory(bare, {**facts, "level": "thermal"}),
                    run.inherent: Trajectory(frames, {**facts, "level": "inherent"}),
                },
            )


def mobility(snapshot, fields, reach, rng):
    """Of A: the smaller, the more of the disc is around; of B: by the hidden field."""
    around = smooth(snapshot, fields["planted"], reach)
    of_a = np.exp(-3 * around / around.max() + 0.05 * rng.normal(size=len(snapshot)))
    hidden = smooth(snapshot, fields["hidden"], REACH)
    return np.where(snapshot.of_type("A"), of_a, 0.2 * np.exp(0.4 * hidden / hidden.std()))


def to_either_side():
    """+1 or −1 for each site, so that what the neighbours of a site do adds up to nothing."""
    column, row = np.divmod(np.arange(SIDE**2), SIDE)
    pattern = np.array([1, 1, -1, -1])
    return pattern[column % 4] * pattern[row % 4]


def write_clones(workspace):
    """Clones in which every particle goes straight on, as fast as it is mobile."""
    plan_clones(workspace, workspace.study.dynamics)
    for k, name in enumerate(workspace.followed("glass")):
        rng = np.random.default_rng([7, k])
        fields = workspace.load(name, "inherent")[-1].fields
        start = workspace.load(name, "thermal")[-1].replace(fields={}, step=0)
        speed = SPEED * to_either_side() * mobility(start, fields, REACHES[k], rng)
        for clone in range(workspace.study.dynamics.n_clones):
            run = workspace.clones[f"{name}-clone-{clone:05d}"]
            angle = rng.uniform(0, 2 * np.pi) + rng.normal(0, 0.3, len(start))
            way = speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
            frames = [
                start.replace(positions=start.positions + lag * DT * way, step=lag)
                for lag in (0, *LAGS)
            ]
            put(run, {run.thermal: Trajectory(frames, {"run": run.name, "dt": DT})})


def golden_workspace(study, folder):
    """A study's folder with all trajectories, as if they had been simulated."""
    folder = Path(folder)
    workspace = Workspace(study, folder, check_study(study, "cpu"), workers=1, device="cpu")
    write_runs(study, folder)
    write_clones(workspace)
    return workspace
