"""A trained classifier: network, recipe, labels, split and calibration in one safe file."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from scipy.optimize import minimize
from scipy.special import expit
from torch.overrides import TorchFunctionMode

from gnnglass._arguments import checks_arguments
from gnnglass._files import written_whole
from gnnglass._options import require_whole
from gnnglass._shipped import file_of
from gnnglass._show import in_html
from gnnglass._toml import fault
from gnnglass.errors import FileError, GnnglassError, InputError, unknown
from gnnglass.models import ClassifierNet, arguments_for, batched, create_model, device_of
from gnnglass.models.inputs import AnyRecipe, recipe_from_dict, settled_by_recipe
from gnnglass.systems import GLASS_FORMERS, glass_former
from gnnglass.training.labelled import NOT_TESTED, Split
from gnnglass.training.shipped import Card, card_of
from gnnglass.trajectories import Material, Snapshot, TrajectoryLike, as_trajectory


@dataclass(frozen=True)
class Calibration:
    """P(second class) = 1 / (1 + exp[−(scale · score + offset)]).

    Platt, "Probabilistic outputs for support vector machines" (1999): a logistic curve fitted
    on validation scores, with targets pulled in from 0 and 1 by the number of examples, so that
    perfectly separated scores do not give an infinitely steep curve.
    """

    scale: float = 1.0
    offset: float = 0.0

    @classmethod
    def fit(cls, scores: ArrayLike, targets: ArrayLike) -> Calibration:
        """Fit on validation scores, shape [n], and their classes (0 or 1), shape [n]."""
        scores = np.asarray(scores, dtype=np.float64)
        positive = np.asarray(targets) == 1
        n_positive, n_negative = positive.sum(), (~positive).sum()
        wanted = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
        spread = max(float(scores.std()), 1e-12)
        center = float(scores.mean())
        reduced = (scores - center) / spread

        def loss(parameters: NDArray[np.float64]) -> float:
            z = parameters[0] * reduced + parameters[1]
            return float(np.sum(np.logaddexp(0, z) - wanted * z))

        slope, intercept = minimize(loss, x0=np.array([1.0, 0.0]), method="BFGS").x
        # A score that ranks the classes the wrong way round on validation is left to be seen as
        # such, not turned over.
        slope = max(float(slope), 1e-6)
        return cls(scale=slope / spread, offset=float(intercept) - slope * center / spread)

    def probability(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Probability of the second class, shape of `scores`."""
        return np.asarray(expit(self.scale * np.asarray(scores) + self.offset))


FloatArray = NDArray[np.float64]
#: The third format had no digest, and did not say of what material it was trained on.
_FORMAT = "gnnglass classifier 4"
#: Characters of a header, and lists and tables in each other, beyond which a file is none of ours.
_LONGEST, _DEEPEST = 2**22, 32
#: Whole numbers beyond this are not the same to all readers of JSON.
_LARGEST = 2**53

Name = Annotated[str, Field(min_length=1)]
Table = dict[str, Any]


class _Part(BaseModel):
    """A table of the header: every key is known, and every value of the type it has to be."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _Network(_Part):
    name: Name
    options: Table


class _Parts(_Part):
    train: list[Name]
    validation: list[Name]
    test: list[Name]

    @model_validator(mode="after")
    def _apart(self) -> _Parts:
        names = [*self.train, *self.validation, *self.test]
        if len(set(names)) != len(names):
            raise ValueError("a run is named twice")
        return self


class _Curve(_Part):
    scale: float = Field(gt=0)
    offset: float


Range = Annotated[list[float], Field(min_length=2, max_length=2)]


class _Material(_Part):
    dimension: Literal[2, 3]
    composition: dict[Name, Range] = Field(min_length=1)
    density: Range
    distance: Range | None
    system: Name | Table | None
    level: Literal["thermal", "inherent"]
    temperature: Range | None

    @model_validator(mode="after")
    def _in_order(self) -> _Material:
        ranges = [*self.composition.values(), self.density, self.distance, self.temperature]
        if not all(0 <= low <= high for low, high in filter(None, ranges)):
            raise ValueError("a range ends before it begins, or is negative")
        return self


class _Header(_Part):
    """What stands in the header of a file, beside the weights."""

    format: str
    model: _Network
    recipe: Table
    labels: list[Name] = Field(min_length=2, max_length=2)
    material: _Material
    split: _Parts
    calibration: _Curve
    record: Table

    @model_validator(mode="after")
    def _two_classes(self) -> _Header:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"both labels are {self.labels[0]!r}")
        if (n_classes := self.model.options.get("n_classes", 2)) != len(self.labels):
            raise ValueError(f"the network has {n_classes!r} classes, expected {len(self.labels)}")
        return self

    @classmethod
    def checked(cls, facts: Table) -> _Header:
        """The header, if its parts are what they have to be.

        Raises:
            InputError: If one is not.
        """
        _require_plain(facts)
        try:
            header = cls(**facts)
        except ValidationError as error:
            raise InputError(f"in its header, {fault(error, cls)}") from None
        # A name only: `glass_former` would take a path, and read what is there.
        system = header.material.system
        if isinstance(system, str) and system not in GLASS_FORMERS:
            raise InputError(f"its system is an {unknown('glass former', system, GLASS_FORMERS)}")
        return header


def _require_fit(header: _Header, recipe: AnyRecipe) -> None:
    """Refuse a network, a recipe and a glass former that are not meant for each other.

    Raises:
        InputError: If they are not, or there is no such glass former.
        UnknownNameError: If it has a form of potential that is not registered.
    """
    options = {"n_fields": 0, **header.model.options}
    for key, value in {"n_fields": 0, **settled_by_recipe(recipe)}.items():
        if (other := options.get(key)) != value:
            raise InputError(f"its network has {key} = {other!r}, its recipe {value!r}")
    material = header.material
    if recipe.system is not None and recipe.system != material.system:
        raise InputError(
            "the indicators of its recipe are those of another glass former than it was trained on"
        )
    if material.dimension != recipe.dimension or not set(material.composition) <= set(
        recipe.type_names
    ):
        raise InputError(
            f"its recipe is for {recipe.dimension}D and the species "
            f"{', '.join(recipe.type_names)}; it was trained in {material.dimension}D on "
            f"{', '.join(material.composition)}"
        )
    if material.system is None:
        return
    system = glass_former(material.system)
    if system.dimension != recipe.dimension or not set(system.species) <= set(recipe.type_names):
        raise InputError(
            f"its recipe is for {recipe.dimension}D and the species "
            f"{', '.join(recipe.type_names)}; its system {system.name!r} is {system.dimension}D "
            f"with {', '.join(system.species)}"
        )


def _require_plain(facts: Table) -> None:
    """Refuse a header whose values are nested too deeply, or are not numbers that JSON has.

    Raises:
        InputError: If it is such a one.
    """
    layer: list[Any] = [facts]
    for _ in range(_DEEPEST):
        inner: list[Any] = []
        for value in layer:
            if isinstance(value, dict):
                inner += value.values()
            elif isinstance(value, list | tuple):
                inner += value
            elif isinstance(value, int) and abs(value) > _LARGEST:
                raise InputError(f"its header holds a whole number beyond {_LARGEST}")
            elif isinstance(value, float) and not math.isfinite(value):
                raise InputError("its header holds a number that is not finite")
        layer = inner
    if layer:
        raise InputError(f"its header is nested more than {_DEEPEST} deep")


def _digest(facts: Table, weights: Mapping[str, torch.Tensor]) -> str:
    """SHA-256, in hexadecimal, of all that a file holds."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


class _AtMost(TorchFunctionMode):
    """Refuses to go on calling torch, so that a network cannot announce a billion layers."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.left = calls

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.left -= 1
        if self.left < 0:
            raise InputError("its network would have more layers than there are weights")
        return func(*args, **(kwargs or {}))


#: For each tensor that a file holds, how often making a network may call torch.
_CALLS = 100


def _outline(
    name: str, recipe: AnyRecipe, options: Mapping[str, Any], n_tensors: int
) -> dict[str, tuple[list[int], torch.dtype]]:
    """Shapes and types of the weights of a network, which is made without memory for them.

    Args:
        name: Registered name of the network.
        recipe: What it is fed with.
        options: Its constructor arguments.
        n_tensors: How many tensors it should have.

    Raises:
        InputError: If it cannot be made, or would have far more tensors.
        UnknownNameError: If it is not registered.
    """
    try:
        with torch.device("meta"), _AtMost(_CALLS * (n_tensors + 10)):
            weights = create_model(name, recipe, options).state_dict()
    except (RuntimeError, TypeError) as error:
        # All that torch has to say that there is no such number of bytes.
        if "overflow" not in str(error).lower():
            raise
        raise InputError("its network would be larger than any memory") from error
    return {key: (list(value.shape), value.dtype) for key, value in weights.items()}


@dataclass(frozen=True, repr=False)
class TrainedClassifier:
    """A network that tells the phase of a snapshot, and all that is needed to use it right.

    On disk it is a safetensors file: the weights, and JSON in the header. Nothing in it is
    executed on loading, so classifiers may be exchanged freely.

    Attributes:
        model_name: Registered name of the network.
        model_options: Its constructor arguments.
        model: The network, in evaluation mode.
        recipe: How snapshots become its input.
        labels: Class names, in the order of the logits; the last is the explained one.
        material: What it was trained on, and must be given: level, composition, density and so
            on.
        split: Runs it was trained, validated and tested on.
        calibration: From decision score to probability, fitted on validation runs.
        record: How it was trained: options, seed, history, versions.
    """

    model_name: str
    model_options: Mapping[str, Any]
    model: ClassifierNet
    recipe: AnyRecipe
    labels: tuple[str, ...]
    material: Material
    split: Split
    calibration: Calibration
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def card(self) -> Card | None:
        """What the package says of it, if it is one of those that come with it."""
        return card_of(_digest(*self._content()))

    def __repr__(self) -> str:
        return (
            f"<TrainedClassifier {self.model_name!r}: {' or '.join(self.labels)}, "
            f"{self.material.in_words()}, trained on {len(self.split.train)} runs>"
        )

    def _repr_html_(self) -> str:
        split = {part: len(runs) for part, runs in asdict(self.split).items()}
        facts = {
            "network": self.model_name,
            "input": f"{type(self.recipe).__name__}, {self.recipe.dimension}D",
            "labels": ", ".join(self.labels),
            "material": self.material.in_words(),
            "level": self.level,
            "runs": ", ".join(f"{n} {part}" for part, n in split.items()),
            "validation": self._validation(),
            "test": "" if self.split.test else NOT_TESTED,
        }
        said = [] if self.card is None else str(self.card).splitlines()
        return in_html("TrainedClassifier", facts, notes=said)

    def _validation(self) -> str:
        """Loss and AUC of the epoch whose weights are kept; empty if the record lacks them."""
        # A record may hold anything: files of classifiers are exchanged.
        match self.record:
            case {"best_epoch": best, "history": [*epochs]}:
                for figures in epochs:
                    match figures:
                        case {"epoch": epoch, "val_loss": float(loss), "val_auc": float(auc)}:
                            if epoch == best:
                                return f"loss {loss:.3g}, AUC {auc:.3f} (epoch {best})"
        return ""

    def _content(self) -> tuple[Table, dict[str, torch.Tensor]]:
        """What its file holds: the header, without the digest, and the weights."""
        facts = {
            "format": _FORMAT,
            "model": {"name": self.model_name, "options": dict(self.model_options)},
            "recipe": self.recipe.to_dict(),
            "labels": list(self.labels),
            "material": self.material.to_dict(),
            "split": {part: list(runs) for part, runs in asdict(self.split).items()},
            "calibration": asdict(self.calibration),
            "record": dict(self.record),
        }
        weights = {k: v.detach().cpu().contiguous() for k, v in self.model.state_dict().items()}
        return facts, weights

    @property
    def level(self) -> str:
        """``"thermal"`` or ``"inherent"``: what it was trained on and must be given."""
        return self.material.level or "thermal"

    @property
    def system(self) -> str | dict[str, Any] | None:
        """The glass former it was trained on; None if not stated."""
        return self.material.system

    @property
    def explained(self) -> str:
        """The class whose logit is explained unless another is asked for: the last label."""
        return self.labels[-1]

    @property
    def device(self) -> torch.device:
        """Where the network's weights are."""
        return device_of(self.model)

    @checks_arguments
    def to(self, device: torch.device | str) -> TrainedClassifier:
        """Move the network to a device, in place, and return the classifier."""
        self.model.to(choose_device(device))
        return self

    @checks_arguments
    def require_fit(
        self,
        snapshots: TrajectoryLike,
        accept: Collection[str] = (),
        *,
        whose: str = "the trajectory",
    ) -> dict[str, str]:
        """Refuse configurations that are not like those the classifier was trained on.

        Args:
            snapshots: A trajectory, a file, or one or more snapshots.
            accept: Names of differences that are meant, of
                `gnnglass.trajectories.material.DIFFERENCES`.
            whose: What messages call them.

        Returns:
            The differences that were accepted, in words.

        Raises:
            FileError: If a path cannot be read.
            InputError: If system, level, composition, density, distance of neighbours or
                temperature are far off, with the figures of both.
        """
        return Material.of([as_trajectory(snapshots)]).require_fit(
            self.material, whose=whose, made_for="what the classifier was trained on", accept=accept
        )

    @checks_arguments
    def logits(
        self, snapshots: TrajectoryLike, *, batch_size: int = 8, accept: Collection[str] = ()
    ) -> FloatArray:
        """Logits of each snapshot, shape [n_snapshots, n_classes]; one row for a single one.

        Args:
            snapshots: Configurations of the classifier's level: a trajectory, a file, or one or
                more snapshots.
            batch_size: Snapshots per forward call; boxes of different sizes go one by one.
            accept: As `require_fit` takes it.

        Raises:
            FileError: If a path cannot be read.
            InputError: As `require_fit`, or if a configuration does not fit the recipe.
        """
        snapshots = as_trajectory(snapshots)
        self.require_fit(snapshots, accept)
        return self.logits_of_any(snapshots, batch_size=batch_size)

    @checks_arguments
    def logits_of_any(self, snapshots: Sequence[Snapshot], *, batch_size: int = 8) -> FloatArray:
        """Like `logits`, but also of what no experiment would give, such as particles taken out."""
        require_whole(1, batch_size=batch_size)
        with torch.no_grad():
            rows = [
                self.model(*arguments_for(self.model, batch)).double().cpu().numpy()
                for batch in batched(self.recipe, snapshots, batch_size)
            ]
        logits = np.concatenate(rows)
        if not np.isfinite(logits).all():
            raise InputError(
                "the classifier gives logits that are not finite; its weights are damaged, or "
                "particles nearly coincide."
            )
        return logits

    def scores(self, snapshots: TrajectoryLike, **options: Any) -> FloatArray:
        """Decision score, logit of the second class minus that of the first, [n_snapshots]."""
        logits = self.logits(snapshots, **options)
        return np.asarray(logits[:, 1] - logits[:, 0])

    def predict_proba(self, snapshots: TrajectoryLike, **options: Any) -> FloatArray:
        """Calibrated probability of each class, shape [n_snapshots, 2]."""
        second = self.calibration.probability(self.scores(snapshots, **options))
        return np.stack([1 - second, second], axis=1)

    @checks_arguments
    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the classifier as one safetensors file, whole or not at all.

        Args:
            path: The file; one that is there is replaced if it is a classifier.
            overwrite: Replace a file whatever it is.

        Raises:
            FileError: If the file cannot be written, or is not to be replaced.
            InputError: If it could not be read again: a part is not what it has to be, or a weight
                is not finite.
        """
        from safetensors.torch import save_file

        facts, weights = self._content()
        # Refused now rather than when it is read.
        _require_fit(_Header.checked(facts), self.recipe)
        _require_finite(weights)
        if (length := len(json.dumps(facts))) > _LONGEST:
            raise InputError(
                f"the header of the classifier would have {length} characters, and at most "
                f"{_LONGEST} are read; keep less in its record."
            )
        sealed = json.dumps({**facts, "sha256": _digest(facts, weights)}, sort_keys=True)
        # One entry: of several, safetensors puts a different one first each time.
        with written_whole(path, ours=is_classifier, overwrite=overwrite) as aside:
            save_file(weights, aside, metadata={"gnnglass": sealed})
        return Path(path)

    @classmethod
    @checks_arguments
    def load(
        cls, path: str | PathLike[str], device: torch.device | str = "cpu"
    ) -> TrainedClassifier:
        """Read a classifier that `save` wrote.

        Nothing is taken for granted: what the header announces is compared with what the file
        holds before there is memory for it, and the digest with the content.

        Args:
            path: The safetensors file, or the name of a classifier that comes with the package,
                such as ``"ka3d-inherent"``; see `gnnglass.training.shipped_classifiers`.
            device: ``"cpu"``, ``"cuda"`` or ``"auto"``.

        Raises:
            FileError: If the file is missing, broken, changed since it was written, not a gnnglass
                classifier or one of another version, or if its parts do not fit each other, or
                its network or glass former is not registered here.
            InputError: If there is no such device.
        """
        from safetensors import SafetensorError, safe_open

        path = file_of("classifier", path)
        chosen = choose_device(device)
        try:
            with safe_open(path, framework="pt") as file:
                facts = _facts(path, (file.metadata() or {}).get("gnnglass", ""))
                classifier = cls._rebuilt(facts, file)
        except FileError:
            raise
        except (SafetensorError, OSError) as error:
            raise FileError(
                f"{path} cannot be read as a classifier ({str(error).rstrip('.')}); "
                "it is broken, or not a safetensors file."
            ) from error
        except GnnglassError as error:
            reason = shorten(str(error), 500, placeholder=" …").rstrip(".")
            raise FileError(
                f"the classifier in {path} does not fit this version: {reason}; train it again."
            ) from error
        return classifier.to(chosen)

    @classmethod
    def _rebuilt(cls, facts: Table, file: Any) -> TrainedClassifier:
        """The classifier of a header and of the open file that holds it, and the weights.

        Raises:
            GnnglassError: If they do not fit together, or the network of this version.
        """
        digest = facts.pop("sha256", None)
        header = _Header.checked(facts)
        name, options = header.model.name, header.model.options
        recipe = recipe_from_dict(header.recipe)
        _require_fit(header, recipe)
        slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118
        expected = _outline(name, recipe, options, len(slices))
        if {key: one.get_shape() for key, one in slices.items()} != {
            key: shape for key, (shape, _) in expected.items()
        }:
            raise InputError(f"its weights are not those of the network {name!r}")
        weights = {key: file.get_tensor(key) for key in slices}
        if any(weights[key].dtype != dtype for key, (_, dtype) in expected.items()):
            raise InputError("its weights are numbers of another type")
        if _digest(facts, weights) != digest:
            raise InputError("its content is not what was written, by its digest")
        _require_finite(weights)
        model = create_model(name, recipe, options)
        model.load_state_dict(weights)
        return cls(
            model_name=name,
            model_options=options,
            model=model.eval(),
            recipe=recipe,
            labels=tuple(header.labels),
            material=Material.from_dict(header.material.model_dump()),
            split=Split(**{part: tuple(runs) for part, runs in dict(header.split).items()}),
            calibration=Calibration(**dict(header.calibration)),
            record=header.record,
        )


def _facts(path: Path, header: str) -> Table:
    """The header of a classifier of this format, not checked any further.

    Raises:
        FileError: If it is something else.
    """
    facts = None
    if len(header) <= _LONGEST:
        with suppress(ValueError, RecursionError):
            facts = json.loads(header)
    if not isinstance(facts, dict) or facts.get("format") != _FORMAT:
        raise FileError(
            f"{path} is a safetensors file but not a {_FORMAT!r}; train one with this version."
        )
    return facts


def _require_finite(weights: Mapping[str, torch.Tensor]) -> None:
    """Refuse weights that are no numbers.

    Raises:
        InputError: If there are any.
    """
    odd = [name for name, values in weights.items() if not bool(torch.isfinite(values).all())]
    if odd:
        raise InputError(f"its weights {odd[0]!r} are not all finite")


Other = TypeVar("Other")


@checks_arguments
def as_classifier(source: str | PathLike[str] | Other) -> TrainedClassifier | Other:
    """The classifier that is meant: of a path the one it holds, anything else as it is.

    Raises:
        FileError: As `TrainedClassifier.load`.
        UnknownNameError: As `TrainedClassifier.load`.
    """
    return TrainedClassifier.load(source) if isinstance(source, str | PathLike) else source


@checks_arguments
def choose_device(device: torch.device | str) -> torch.device:
    """The device of a name; ``"auto"`` is a GPU where there is one.

    Raises:
        InputError: If the name is not a device, or CUDA is asked for and absent.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise InputError(
            f"unknown device {device!r}; expected cpu, cuda, cuda:<index> or auto."
        ) from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device {device!r} was asked for, but no GPU is usable; use cpu or auto.")
    return chosen


def versions() -> dict[str, str]:
    """Versions of what a training result depends on."""
    import torch_geometric

    import gnnglass

    return {
        "gnnglass": gnnglass.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torch_geometric": torch_geometric.__version__,
    }


def is_classifier(path: Path) -> bool:
    """Whether a file is a classifier that `TrainedClassifier.save` wrote, of whatever version."""
    with path.open("rb") as stream:
        head = stream.read(_BYTES_TO_TELL)
    # Eight bytes of length, then the header, whose first entry is ours.
    return head[8:].startswith(b'{"__metadata__":{') and b'"gnnglass":' in head


_BYTES_TO_TELL = 4096
