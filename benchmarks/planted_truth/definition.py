"""What a benchmark file may say: what is planted into what, and who has to find it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from gnnglass._toml import checked, load_toml
from gnnglass.errors import InputError, UnknownNameError
from gnnglass.models import create_model, recipe_for
from gnnglass.planted import MOTIFS
from gnnglass.registry import check_arguments
from gnnglass.study.definition import Section
from gnnglass.training import TrainingOptions, choose_device

if TYPE_CHECKING:
    from gnnglass.explain import Attribution

#: Names files and rows of tables.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.+-]{0,40}$")]


class BaseSection(Section):
    """`[bases.<name>]`: inherent structures that motifs are planted into.

    Attributes:
        dimension: Number of space dimensions.
        runs: Independent runs; a quarter validates, a quarter tests, the rest trains.
        frames: Configurations of each.
        particles: Particles of each.
        explained: Of each held-out run, so many configurations are explained.
    """

    dimension: Literal[2, 3]
    runs: int = Field(ge=8)
    frames: int = Field(ge=1)
    particles: int = Field(ge=1)
    explained: int = Field(default=2, ge=1)


class ScenarioSection(Section):
    """`[scenarios.<name>]`: a motif in one of the bases.

    Attributes:
        base: Name of the base.
        motif: Registered motif.
        options: Its parameters.
    """

    base: str
    motif: str
    options: dict[str, Any] = Field(default_factory=dict)


class CandidateSection(Section):
    """`[[networks.<name>.candidates]]`: one way to feed, make and train a network.

    Attributes:
        dimension: Dimension it is meant for; both by default.
        recipe: Parameters of its graph or voxel recipe, in place of the network's defaults.
        model_options: Constructor arguments of the network.
        training: Fields of `gnnglass.training.TrainingOptions`, but the seed.
    """

    dimension: Literal[2, 3] | None = None
    recipe: dict[str, Any] = Field(default_factory=dict)
    model_options: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)


class AttributionSection(Section):
    """`[networks.<name>.attributions.<name>]`: a way to explain a network.

    Attributes:
        method: Registered attribution.
        options: Its arguments.
        scenarios: Where it takes part; everywhere without.
    """

    method: str
    options: dict[str, Any] = Field(default_factory=dict)
    scenarios: tuple[str, ...] | None = None

    def create(self) -> Attribution:
        """The attribution."""
        from gnnglass.explain import ATTRIBUTIONS

        return ATTRIBUTIONS.create(self.method, **self.options)


class NetworkSection(Section):
    """`[networks.<name>]`: a network, and the attributions that explain it.

    Attributes:
        model: Registered network.
        candidates: Of these, the one is taken whose first attribution localises best on the
            validation runs, for each scenario with its first seed.
        attributions: By the name that tables give them.
        scenarios: Where it takes part; everywhere without.
    """

    model: str
    scenarios: tuple[str, ...] | None = None
    candidates: tuple[CandidateSection, ...] = (CandidateSection(),)
    attributions: dict[str, AttributionSection] = Field(min_length=1)

    def attributions_in(self, scenario: str) -> dict[str, AttributionSection]:
        """Those that take part in a scenario."""
        return {
            label: one
            for label, one in self.attributions.items()
            if one.scenarios is None or scenario in one.scenarios
        }

    def candidates_in(self, dimension: int) -> list[CandidateSection]:
        """Those that are meant for a dimension."""
        return [one for one in self.candidates if one.dimension in (None, dimension)]


class JudgedSection(Section):
    """`[judged]`: the attribution the benchmark is about, and the network it has to beat.

    Of the latter's attributions the one is taken that localises best on the validation runs: an
    advantage that the judged one does not have. It has to take part everywhere.

    Attributes:
        network: Name of a network.
        attribution: Name of one of its attributions.
        against: Name of the other network.
        controls: Networks with random weights, and as many with shuffled labels, whose maps are
            correlated with the judged one.
        controlled: Scenarios in which they are, with the first seed.
    """

    network: str
    attribution: str
    against: str
    controls: int = Field(default=12, ge=10)
    controlled: tuple[str, ...] = ()


class AttributionBenchmark(Section):
    """A benchmark of attributions on planted truth.

    Attributes:
        title: What it is called.
        seed: Seed of the bases and, with its own number, of every planting.
        seeds: How often each scenario is planted and each network trained.
        bases: What is planted into.
        scenarios: What is planted.
        networks: What is trained and explained.
        judged: What the verdict is about.
    """

    title: str
    seed: int = Field(default=1, ge=0)
    seeds: int = Field(default=3, ge=2)
    bases: dict[Name, BaseSection] = Field(min_length=1)
    scenarios: dict[Name, ScenarioSection] = Field(min_length=1)
    networks: dict[Name, NetworkSection] = Field(min_length=1)
    judged: JudgedSection

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a benchmark file.

        Raises:
            FileError: If the file is missing or not TOML.
            InputError: If a key is unknown, missing, or has a value that makes no sense.
        """
        return cls.from_dict(load_toml(path), source=str(path))

    @classmethod
    def from_dict(cls, content: dict[str, Any], source: str = "the benchmark") -> Self:
        """Check the content of a benchmark file.

        Raises:
            InputError: As `from_file`.
        """
        return checked(cls, content, source)

    def networks_of(self, scenario: str) -> tuple[str, ...]:
        """Networks that take part in a scenario and have a candidate for its dimension."""
        dimension = self.bases[self.scenarios[scenario].base].dimension
        return tuple(
            name
            for name, section in self.networks.items()
            if section.candidates_in(dimension)
            and (section.scenarios is None or scenario in section.scenarios)
        )

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        for name, scenario in self.scenarios.items():
            if scenario.base not in self.bases:
                raise ValueError(
                    f"scenarios.{name} is planted into the base {scenario.base!r}; "
                    f"known: {', '.join(self.bases)}"
                )
        for network, section in self.networks.items():
            for name in section.scenarios or ():
                self._require_scenario(name, f"networks.{network}.scenarios")
            for label, one in section.attributions.items():
                for name in one.scenarios or ():
                    self._require_scenario(name, f"networks.{network}.attributions.{label}")
        judged = self.judged
        for name in (judged.network, judged.against):
            if name not in self.networks:
                raise ValueError(
                    f"judged names the network {name!r}; known: {', '.join(self.networks)}"
                )
            for place in self.scenarios:
                if name not in self.networks_of(place):
                    raise ValueError(f"networks.{name} takes no part in scenarios.{place}")
        for name in judged.controlled:
            self._require_scenario(name, "judged.controlled")
        known = self.networks[judged.network].attributions
        if judged.attribution not in known:
            raise ValueError(
                f"judged.attribution is {judged.attribution!r}; {judged.network} has: "
                f"{', '.join(known)}"
            )
        return self

    def _require_scenario(self, name: str, where: str) -> None:
        if name not in self.scenarios:
            known = ", ".join(self.scenarios)
            raise ValueError(f"{where} names the scenario {name!r}; known: {known}")


def check_benchmark(benchmark: AttributionBenchmark, device: str = "auto") -> None:
    """Make every motif, network and attribution that a benchmark names, and throw them away.

    Raises:
        InputError: If something is named that is not registered, parameters make no sense, or do
            not fit together.
    """
    choose_device(device)
    for name, scenario in benchmark.scenarios.items():
        with _errors_naming(f"scenarios.{name}"):
            motif = MOTIFS.create(scenario.motif, **scenario.options)
            dimension = benchmark.bases[scenario.base].dimension
            if dimension not in motif.dimensions:
                raise InputError(f"{scenario.motif!r} cannot be planted in {dimension}D.")
    for name, network in benchmark.networks.items():
        with _errors_naming(f"networks.{name}"):
            for dimension in {base.dimension for base in benchmark.bases.values()}:
                for one in network.candidates_in(dimension):
                    check_arguments(TrainingOptions, one.training, "the training")
                    TrainingOptions(**one.training)
                    recipe = recipe_for(network.model, dimension, **one.recipe)
                    model = create_model(network.model, recipe, one.model_options)
                    for label, section in network.attributions.items():
                        attribution = section.create()
                        if model.kind not in attribution.kinds:
                            raise InputError(
                                f"{label} explains {' and '.join(attribution.kinds)} models; "
                                f"{network.model!r} is a {model.kind} model."
                            )
                        attribution.check(model)


@contextmanager
def _errors_naming(where: str) -> Iterator[None]:
    """Say where in the file an error comes from, and in one sentence."""
    try:
        yield
    except (InputError, UnknownNameError) as error:
        raise InputError(f"{where}: {error}") from error
