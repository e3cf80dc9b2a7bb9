"""A name, a path or the object: whatever is given, every function answers the same."""

from __future__ import annotations

import tomllib
from dataclasses import is_dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import gnnglass as gg
from gnnglass.compare import correlate_lags, correlation_length, noise_ceiling, spatial_correlation
from gnnglass.dynamics import TimeOrigins, waiting_configurations
from gnnglass.errors import InputError, UnknownNameError
from gnnglass.explain.faithfulness import (
    Resampling,
    faithfulness_curve,
    noise_stability,
    of_species,
    randomised,
)
from gnnglass.models import MODELS, VoxelRecipe, settled_by_recipe
from gnnglass.planted import MOTIFS, planted_set
from gnnglass.published import compare_by_name, with_dynamics, with_structure
from gnnglass.simulate import assess, match_energies
from gnnglass.structure import (
    PotentialEnergy,
    Softness,
    TongTanaka,
    indicator_for,
    indicators_for,
    mean_radial_counts,
    radial_counts,
    symmetry_functions,
)
from gnnglass.testing import example_of, example_snapshot
from gnnglass.training import Calibration, Split, TrainedClassifier
from gnnglass.trajectories import (
    Material,
    Snapshot,
    Trajectory,
    as_runs,
    as_snapshot,
    by_run,
    neighbor_pairs,
)

MINE = """
name = "mine"
dimension = 2
density = 1.2
species = ["A", "B"]
fractions = [0.65, 0.35]
potentials = [
    {pair = ["A", "A"], form = "force-shifted-lj", epsilon = 1.0, sigma = 1.0, cutoff = 2.5},
    {pair = ["A", "B"], form = "force-shifted-lj", epsilon = 1.4, sigma = 0.8, cutoff = 2.0},
    {pair = ["B", "B"], form = "force-shifted-lj", epsilon = 0.5, sigma = 0.9, cutoff = 2.2},
]
"""
SHORT = gg.Protocol(
    n_particles=100, kT=0.5, seed=7, n_frames=3, frame_interval=20, hold_steps=20, melt_steps=50,
    kT_melt=2.0, cooling_rate=5.0,
)  # fmt: skip
CLONES = gg.IsoconfigurationalProtocol(kT=0.5, n_clones=2, lag_steps=(5, 10), seed=3)


def content(value: object) -> object:
    """What a result holds, in values that compare: metadata of trajectories are left out."""
    if isinstance(value, Snapshot):
        value = [value.step, value.box, value.positions, value.types, dict(value.fields)]
    if isinstance(value, torch.Tensor | np.ndarray):
        return repr(value.tolist())
    if isinstance(value, pd.DataFrame):
        return value.to_csv()
    if isinstance(value, list | tuple | Trajectory):
        return [content(one) for one in value]
    if is_dataclass(value):
        value = dict(vars(value))
    return {k: content(value[k]) for k in value} if isinstance(value, dict) else repr(value)


class Files:
    """Everything that is needed, on disk and in memory alike."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        former = gg.glass_former("kam2d")
        rng = np.random.default_rng(0)
        self.runs = []
        for k in range(2):
            frames = []
            for step in (0, 10, 20):
                frame = example_of(former, seed=100 * k + step)
                x = rng.normal(size=(5, len(frame)))
                fields = {"x": x[0], "y": x[0] + x[1], "z": x[2], "a": x[0] + x[3], "b": x[0]}
                frames.append(
                    frame.replace(
                        fields={**fields, "potential_energy": former.energies(frame)},
                        step=step,
                        images=np.zeros(frame.positions.shape),
                    )
                )
            facts = {"run": f"run{k}", "system": "kam2d", "level": "inherent", "dt": 0.01}
            self.runs.append(self.kept(f"run{k}", Trajectory(frames, facts)))
        whole = gg.read(self.runs[0])
        thermal = {**whole.metadata, "level": "thermal"}
        self.thermal = self.kept("thermal", Trajectory(whole.frames, thermal))
        self.single = self.kept("single", Trajectory([whole[0]], whole.metadata))
        still = [whole[0].replace(step=step, fields={}) for step in (0, 10, 20)]
        waiting = {"protocol": {"waiting_steps": (0, 10, 20)}, "dt": 0.01}
        self.ageing = self.kept("ageing", Trajectory(still, waiting))
        clones = {"isoconfigurational": {"n_clones": 2, "lag_steps": (10,)}, "dt": 0.01}
        in_one = [still[0], still[1], still[1]]
        self.in_one = self.kept("in_one", Trajectory(in_one, {**clones, "system": "kam2d"}))
        self.clones = [
            self.kept(f"clone{k}", Trajectory(still, {"run": f"clone{k}", "dt": 0.01}))
            for k in range(2)
        ]
        self.classifier = folder / "classifier.safetensors"
        self.toml = folder / "mine.toml"
        self.toml.write_text(MINE)
        recipe = gg.recipe_for("message-passing", 2, r_max=1.7)
        options = {**settled_by_recipe(recipe), "hidden": 8}
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = MODELS.create("message-passing", **options)
            model.head.linear.reset_parameters()  # type: ignore[operator]
        model.standardise([recipe(frame) for frame in whole])
        TrainedClassifier(
            model_name="message-passing",
            model_options=options,
            model=model.eval(),
            recipe=recipe,
            labels=("liquid", "glass"),
            material=replace(gg.glass_former("kam2d").material, level="thermal"),
            split=Split((), (), ()),
            calibration=Calibration(),
        ).save(self.classifier)

    def kept(self, name: str, trajectory: Trajectory) -> Path:
        gg.write(self.folder / f"{name}.gsd", trajectory)
        return self.folder / f"{name}.gsd"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Files:
    return Files(tmp_path_factory.mktemp("sources"))


def written(source: object, files: Files) -> Trajectory:
    gg.write(files.folder / "written.gsd", source)
    return gg.read(files.folder / "written.gsd")


FRAMES = {
    "write": written,
    "inherent_structures": lambda s, f: gg.inherent_structures("kam2d", s),
    "assess": lambda s, f: assess("kam2d", s),
    "annotate_structure": lambda s, f: gg.annotate_structure(s, {"z": TongTanaka("kam2d")}),
    "annotate_importance": lambda s, f: gg.annotate_importance(
        f.classifier, s, gg.GraphGradCAM(), "importance"
    ),
    "compute": lambda s, f: gg.GraphGradCAM().compute(gg.load(f.classifier), s),
    "logits": lambda s, f: gg.load(f.classifier).logits(s),
    "scores": lambda s, f: gg.load(f.classifier).scores(s),
    "predict_proba": lambda s, f: gg.load(f.classifier).predict_proba(s),
    "of_species": lambda s, f: of_species([x.field("x") for x in gg.as_trajectory(s)], s, "A"),
    "noise_stability": lambda s, f: noise_stability(
        lambda snapshots: gg.load(f.classifier).model and gg.Saliency().compute(  # type: ignore[return-value]
            f.classifier, snapshots
        ),
        s, 0.05, n_seeds=1,
    ),
    "Resampling": lambda s, f: faithfulness_curve(
        f.classifier, f.runs[0], [x.field("x") for x in gg.read(f.runs[0])],
        perturbation=Resampling(s), fractions=(0, 0.5), n_random=1,
    ),
    "Softness.fit": lambda s, f: Softness().fit(
        s, [np.sign(x.field("x")) for x in gg.as_trajectory(s)]
    ).compute(f.single).values,
    "explicit runs": lambda s, f: gg.correlate(
        s, "x", "y", runs=["r"] * len(gg.as_trajectory(s)), species=["A"]
    )["A"].per_configuration,
}  # fmt: skip


@pytest.mark.parametrize("kind", ["path", "string", "snapshots"])
@pytest.mark.parametrize("function", FRAMES)
def test_frames_may_be_a_file_a_trajectory_or_snapshots(files, function, kind):
    path = files.thermal
    given = {"path": path, "string": str(path), "snapshots": list(gg.read(path))}[kind]
    expected = content(FRAMES[function](gg.read(path), files))
    assert content(FRAMES[function](given, files)) == expected


@pytest.mark.parametrize("function", [name for name in FRAMES if name not in ("assess",)])
def test_one_snapshot_is_a_trajectory_of_one_frame(files, function):
    whole = gg.read(files.single)
    expected = content(FRAMES[function](Trajectory([whole[0]]), files))
    assert content(FRAMES[function](whole[0], files)) == expected


@pytest.mark.parametrize(
    "function", ["inherent_structures", "annotate_structure", "annotate_importance", "write"]
)
def test_a_trajectory_comes_back_as_one_with_its_metadata(files, function):
    for source in (files.thermal, gg.read(files.thermal)):
        found = FRAMES[function](source, files)
        assert isinstance(found, Trajectory) and len(found) == 3
        assert found.metadata["run"] == "run0"
    alone = FRAMES[function](gg.read(files.single)[0], files)
    assert isinstance(alone, Trajectory) and len(alone) == 1


def planned_clones(source: object, files: Files) -> dict[str, object]:
    ensemble = gg.Ensemble(files.folder / "clones")
    ensemble.plan_clones("kam2d", {"one": source}, {"one": CLONES})  # type: ignore[dict-item]
    return {name: ensemble[name].state_point for name in ensemble}


ONE = {
    "neighbor_pairs": lambda s, f: neighbor_pairs(s, 1.5),
    "types_of": lambda s, f: gg.glass_former("kam2d").types_of(s),
    "energies": lambda s, f: gg.glass_former("kam2d").energies(s),
    "forces": lambda s, f: gg.glass_former("kam2d").forces(s),
    "virial": lambda s, f: gg.glass_former("kam2d").virial(s),
    "pressure": lambda s, f: gg.glass_former("kam2d").pressure(s, 0.5),
    "Indicator.compute": lambda s, f: gg.INDICATORS.create("hexatic-order").compute(s).values,
    "radial_counts": lambda s, f: radial_counts(s, [1.0], 0.07),
    "mean_radial_counts": lambda s, f: mean_radial_counts(s),
    "symmetry_functions": lambda s, f: symmetry_functions(s),
    "GraphRecipe": lambda s, f: gg.recipe_for("message-passing", 2)(s).edge_distance,
    "VoxelRecipe": lambda s, f: VoxelRecipe(0.4, 0.4)(s),
    "VoxelRecipe.shape": lambda s, f: VoxelRecipe(0.4, 0.4).shape(s),
    "VoxelRecipe.sample": lambda s, f: VoxelRecipe(0.4, 0.4).sample(np.eye(4), s),
    "plant": lambda s, f: MOTIFS.create("swapped-species").plant(s, np.random.default_rng(0)),
    "smooth": lambda s, f: gg.smooth(s, gg.read(f.single)[0].field("x"), 0.5),
    "minimize": lambda s, f: gg.ENGINES.create("lammps").minimize("kam2d", s),
    "energies_and_forces": lambda s, f: gg.ENGINES.create("lammps").energies_and_forces("kam2d", s),
    "isoconfigurational": lambda s, f: gg.read(
        gg.ENGINES.create("lammps").isoconfigurational("kam2d", s, CLONES, f.folder / "iso.gsd")
    ),
    "plan_clones": planned_clones,
    "with_structure": lambda s, f: with_structure(s, system="kam2d"),
}


@pytest.mark.parametrize("kind", ["path", "string", "trajectory", "list"])
@pytest.mark.parametrize("function", ONE)
def test_one_configuration_may_be_a_file_or_a_trajectory_of_one_frame(files, function, kind):
    path, whole = files.single, gg.read(files.single)
    given = {"path": path, "string": str(path), "trajectory": whole, "list": [whole[0]]}[kind]
    expected = content(ONE[function](whole[0], files))
    assert content(ONE[function](given, files)) == expected


def test_several_frames_are_not_one_configuration(files):
    with pytest.raises(InputError, match=r"one configuration, got 3 frames; pick one of them"):
        as_snapshot(files.thermal)


def planned(system: object, files: Files) -> dict[str, object]:
    ensemble = gg.Ensemble(files.folder / "ensemble")
    ensemble.plan(system, {"one": SHORT})
    return ensemble["one"].state_point


NAMED = {
    "inherent_structures": lambda s, f: gg.inherent_structures(s, list(gg.read(f.thermal))),
    "minimize": lambda s, f: gg.ENGINES.create("lammps").minimize(s, f.single),
    "energies_and_forces": lambda s, f: gg.ENGINES.create("lammps").energies_and_forces(
        s, f.single
    ),
    "run": lambda s, f: gg.ENGINES.create("lammps").run(s, SHORT, f.folder / "run.gsd"),
    "isoconfigurational": lambda s, f: gg.read(
        gg.ENGINES.create("lammps").isoconfigurational(s, f.single, CLONES, f.folder / "iso.gsd")
    ),
    "assess": lambda s, f: assess(s, [x.replace(fields={}) for x in gg.read(f.thermal)]),
    "plan": planned,
    "PotentialEnergy": lambda s, f: PotentialEnergy(s).compute(f.single).values,
    "TongTanaka": lambda s, f: TongTanaka(s).compute(f.single).values,
    "with_structure": lambda s, f: with_structure(f.single, system=s),
    "example_of": lambda s, f: example_of(s),
    "fit": lambda s, f: fitted(s, f).system,
}


def fitted(system: object, files: Files) -> TrainedClassifier:
    labels = ("liquid", "glass")
    frames = tuple(example_snapshot(2, 64, seed) for seed in range(4))
    runs = ("a", "b", "c", "d")
    material = Material.of([Trajectory(frames, {"level": "inherent"})])
    labelled = gg.LabelledSet(frames, np.array([0, 1, 0, 1]), runs, labels, material)
    return gg.fit(
        labelled,
        Split(("a", "b"), ("c", "d"), ()),
        model="linear",
        recipe=gg.recipe_for("linear", 2),
        options=gg.TrainingOptions(epochs=1, batch_size=2),
        system=system,
        device="cpu",
        progress=False,
    )


@pytest.mark.parametrize("kind", ["name", "definition", "path", "string"])
@pytest.mark.parametrize("function", NAMED)
def test_a_glass_former_may_be_its_name_its_file_or_its_definition(files, function, kind):
    given = {
        "name": "kam2d",
        "definition": tomllib.loads(MINE),
        "path": files.toml,
        "string": str(files.toml),
    }[kind]
    expected = content(NAMED[function](gg.glass_former(given), files))
    assert content(NAMED[function](given, files)) == expected


@pytest.mark.parametrize("function", [name for name in NAMED if name != "example_of"])
def test_an_unknown_glass_former_is_refused(files, function):
    with pytest.raises(UnknownNameError, match="unknown glass former 'kam4d'"):
        NAMED[function]("kam4d", files)


BY_RUN = {
    "correlate": lambda s, r: gg.correlate(s, "x", "y", runs=r),
    "compare_fields": lambda s, r: gg.compare_fields(
        s, ["x", "z"], ["y"], runs=r, halves={"y": ("a", "b")}
    ),
    "gain": lambda s, r: gg.gain(s, "x", "y", given=["z"], runs=r),
    "correlate_lags": lambda s, r: correlate_lags(s, "x", {1.0: "y"}, runs=r),
    "spatial_correlation": lambda s, r: spatial_correlation(s, "x", runs=r),
    "correlation_length": lambda s, r: correlation_length(
        s, "x", runs=r, bin_width=0.1, fit_range=(0.9, None)
    ),
    "noise_ceiling": lambda s, r: noise_ceiling(s, "a", "b", runs=r),
    "compare_by_name": lambda s, r: compare_by_name(s, ["x"], ["y"], runs=r),
}


@pytest.mark.parametrize("function", BY_RUN)
def test_each_trajectory_or_file_is_a_run(files, function):
    trajectories = [gg.read(path) for path in files.runs]
    snapshots = [snapshot for trajectory in trajectories for snapshot in trajectory]
    names = ["run0"] * 3 + ["run1"] * 3
    expected = content(BY_RUN[function](snapshots, names))
    for given in (files.runs, tuple(map(str, files.runs)), trajectories):
        assert content(BY_RUN[function](given, None)) == expected
    # The run is what counts: with every snapshot a run of its own the answer is another one.
    assert content(BY_RUN[function](snapshots, range(6))) != expected


@pytest.mark.parametrize("function", BY_RUN)
def test_bare_snapshots_need_their_runs_and_trajectories_have_them(files, function):
    trajectories = [gg.read(path) for path in files.runs]
    with pytest.raises(InputError, match="does not say of which run"):
        BY_RUN[function](list(trajectories[0]), None)
    with pytest.raises(InputError, match="leave runs out"):
        BY_RUN[function](trajectories, ["a", "b"])
    with pytest.raises(InputError, match="two trajectories are called run 'run0'"):
        BY_RUN[function]([files.runs[0], trajectories[0]], None)


def test_runs_without_a_name_go_by_their_place(files):
    frames = gg.read(files.runs[0]).frames
    given = [Trajectory(frames[:2]), Trajectory(frames[2:], {"run": "named"})]
    assert by_run(given, None)[1] == ["run-0", "run-0", "named"]
    assert by_run(str(files.runs[0]), None)[1] == ["run0"] * 3
    assert [len(one) for one in as_runs(files.runs[0])] == [3]


SETS = {
    "LabelledSet": lambda s: gg.LabelledSet.from_trajectories({"liquid": s[:1], "glass": s[1:]}),
    "LabelledSet, single": lambda s: gg.LabelledSet.from_trajectories(
        {"liquid": s[0], "glass": s[1]}
    ),
    "match_energies": lambda s: match_energies({"liquid": s[:1], "glass": s[1]}, tolerance=1e9),
    "planted_set": lambda s: planted_set(s, MOTIFS.create("swapped-species"), seed=1),
    "from_clones": lambda s: gg.IsoconfigurationalEnsemble.from_clones(s).displacements,
}


@pytest.mark.parametrize("kind", ["paths", "strings"])
@pytest.mark.parametrize("function", SETS)
def test_sets_of_runs_may_be_files(files, function, kind):
    paths = files.clones if function == "from_clones" else files.runs
    given = paths if kind == "paths" else [str(path) for path in paths]
    assert content(SETS[function](given)) == content(SETS[function]([gg.read(p) for p in paths]))
    with pytest.raises(InputError, match="does not say of which run"):
        SETS[function](list(gg.read(paths[0])))


WHOLE = {
    "from_trajectory": lambda f, s: gg.IsoconfigurationalEnsemble.from_trajectory(s).displacements,
    "with_dynamics": lambda f, s: with_dynamics(s),
    "waiting_configurations": lambda f, s: waiting_configurations(s),
    "TimeOrigins": lambda f, s: (TimeOrigins(s, [10]).times, list(TimeOrigins(s, [10]).windows())),
    "indicator_for": lambda f, s: indicator_for("potential-energy", s),
    "indicators_for": lambda f, s: indicators_for(s),
    "annotate_structure, names": lambda f, s: gg.annotate_structure(s, ["potential-energy"]),
    "annotate_structure, a name": lambda f, s: gg.annotate_structure(s, "potential-energy"),
    "annotate_structure, mapping": lambda f, s: gg.annotate_structure(s, {"e": "potential-energy"}),
}


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("function", WHOLE)
def test_a_trajectory_with_what_its_metadata_say_may_be_a_file(files, function, kind):
    name = {"waiting_configurations": "ageing", "TimeOrigins": "ageing"}.get(function, "in_one")
    path = getattr(files, name)
    expected = content(WHOLE[function](files, gg.read(path)))
    assert content(WHOLE[function](files, kind(path))) == expected


def test_names_of_indicators_and_attributions_stand_for_what_they_create(files):
    whole = gg.read(files.thermal)
    found = gg.annotate_structure(whole, ["potential-energy", "tong-tanaka"])
    for frame in found:
        energies = gg.glass_former("kam2d").energies(frame)
        np.testing.assert_array_equal(frame.field("potential_energy"), energies)
        assert "tong_tanaka" in frame.fields
    named = gg.annotate_importance(files.classifier, files.thermal, "graph-gradcam", "importance")
    loaded = gg.load(files.classifier)
    expected = gg.annotate_importance(loaded, whole, gg.GraphGradCAM(), "importance")
    assert content(named) == content(expected) and named.metadata == whole.metadata
    with pytest.raises(UnknownNameError, match="unknown attribution 'gradcam'"):
        gg.annotate_importance(loaded, whole, "gradcam", "importance")
    with pytest.raises(UnknownNameError, match="unknown structural indicator"):
        gg.annotate_structure(whole, ["energy"])


def test_a_classifier_may_be_its_file(files):
    scores = [snapshot.field("x") for snapshot in gg.read(files.thermal)]
    judged = [
        content(faithfulness_curve(one, files.thermal, scores, fractions=(0, 0.5), n_random=1))
        for one in (files.classifier, str(files.classifier), gg.load(files.classifier))
    ]
    assert judged[0] == judged[1] == judged[2]
    drawn = [
        content(randomised(one, 1).logits(files.thermal))
        for one in (files.classifier, gg.load(files.classifier))
    ]
    assert drawn[0] == drawn[1]
