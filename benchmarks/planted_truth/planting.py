"""One scenario, planted with one seed: labelled configurations, dealt by run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from gnnglass.planted import MOTIFS, PLANTED, base_configurations, planted_set
from gnnglass.study.workspace import derived_seed
from gnnglass.training import LabelledSet, Split
from gnnglass.trajectories import Snapshot, Trajectory
from gnnglass.trajectories.snapshot import FloatArray
from planted_truth.definition import AttributionBenchmark, BaseSection, ScenarioSection

#: The class that is explained.
TARGET = "planted"
HeldOutPart = Literal["validation", "test"]


@dataclass(frozen=True)
class Planting:
    """A scenario of a benchmark with one of its seeds.

    Attributes:
        benchmark: The benchmark.
        folder: Where it keeps its files.
        scenario: Name of the scenario.
        seed: Number of the seed, from 0.
    """

    benchmark: AttributionBenchmark
    folder: Path
    scenario: str
    seed: int

    @property
    def section(self) -> ScenarioSection:
        """What is planted."""
        return self.benchmark.scenarios[self.scenario]

    @property
    def base(self) -> BaseSection:
        """What it is planted into."""
        return self.benchmark.bases[self.section.base]

    @property
    def networks(self) -> tuple[str, ...]:
        """Those that are trained for it."""
        return self.benchmark.networks_of(self.scenario)

    def base_runs(self, workers: int | None = None) -> list[Trajectory]:
        """The runs of the base, simulated unless they are there."""
        base = self.base
        return base_configurations(
            self.folder / "bases" / self.section.base,
            base.dimension,
            n_runs=base.runs,
            frames_per_run=base.frames,
            n_particles=base.particles,
            seed=self.benchmark.seed,
            workers=workers,
        )

    def labelled(self) -> tuple[LabelledSet, Split]:
        """The configurations of both classes, and which runs train, validate and test.

        The same runs test with every seed, so that no network has seen any of them, whatever was
        planted; half of each part is planted.
        """
        return self._labelled

    @cached_property
    def _labelled(self) -> tuple[LabelledSet, Split]:
        runs = self.base_runs()
        quarter = round(len(runs) / 4)
        dealt = {
            "test": runs[:quarter],
            "validation": runs[quarter : 2 * quarter],
            "train": runs[2 * quarter :],
        }
        motif = MOTIFS.create(self.section.motif, **self.section.options)
        members: dict[str, list[Trajectory]] = {}
        for place, part in enumerate(dealt.values()):
            seed = derived_seed(self.benchmark.seed, self.seed, place)
            for label, planted in planted_set(part, motif, seed=seed).items():
                members.setdefault(label, []).extend(planted)
        names = {
            part: tuple(sorted(str(run.metadata["run"]) for run in trajectories))
            for part, trajectories in dealt.items()
        }
        return LabelledSet.from_trajectories(members), Split(**names)

    def explained(self, part: HeldOutPart) -> ExplainedSnapshots:
        """The planted configurations of a held-out part that are to be explained."""
        labelled, split = self.labelled()
        snapshots: list[Snapshot] = []
        runs: list[str] = []
        for i in labelled.where(getattr(split, part)):
            if labelled.labels[labelled.targets[i]] != TARGET:
                continue
            run = labelled.runs[i]
            if runs.count(run) < self.base.explained:
                snapshots.append(labelled.snapshots[i])
                runs.append(run)
        return ExplainedSnapshots(tuple(snapshots), tuple(runs))


@dataclass(frozen=True, eq=False)
class ExplainedSnapshots:
    """Planted configurations of held-out runs.

    Attributes:
        snapshots: The configurations.
        runs: The run of each.
    """

    snapshots: Sequence[Snapshot]
    runs: Sequence[str]

    @property
    def truth(self) -> list[FloatArray]:
        """Which particles were planted, one array of 0 and 1 per configuration."""
        return [snapshot.field(PLANTED) for snapshot in self.snapshots]
