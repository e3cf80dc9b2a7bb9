"""The training loop: batches, loss, optimiser, early stopping and checkpoints."""

from __future__ import annotations

import copy
import io
import logging
import math
import pickle
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins.io import CheckpointIO
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch_geometric.data import Data
from torch_geometric.utils import scatter
from tqdm import tqdm

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_positive, require_whole
from gnnglass._progress import progress_bar
from gnnglass._records import read_sealed, write_sealed
from gnnglass._toml import fault
from gnnglass.errors import FileError, InputError, did_you_mean
from gnnglass.models import ClassifierNet, FixedFeatures, GraphNet, collate, join_balls
from gnnglass.stats import auc

#: With more, neighbours would pass the edge of a graph in numbers.
LARGEST_STRAIN = 0.05
#: Seeds of single steps are made of it, and are numbers of 64 bits.
LARGEST_SEED = 2**40


@checks_arguments
@dataclass(frozen=True)
class TrainingOptions:
    """Training options; the defaults work for a few dozen inherent structures.

    Attributes:
        supervision: ``"local"`` labels every particle (or grid cell) with the phase of its
            configuration; ``"ball"`` labels the mean logit of every particle and those around it
            (or of cells); ``"global"`` labels the logits of the whole configuration. Local labels
            multiply the number of examples and gave more stable importance maps; if only a few
            particles of a configuration differ, global labels find them.
        ball_radius: Radius of the balls, in units of length, less than half the box: all particles
            (or cells, by their centres) within it count alike. Without one a ball is a particle and
            its neighbours in the graph (or a cell and the adjacent ones).
        epochs: Maximum number of passes over the training configurations.
        patience: Epochs without a lower validation loss before training stops.
        batch_size: Configurations per step, the same number of each class.
        learning_rate: Learning rate of AdamW.
        weight_decay: Weight decay of AdamW.
        strain: Every graph is seen with all distances expanded and compressed by this share, such
            as 0.01, and the loss adds the squared change of its mean log odds between the two; 0
            for neither. Phases differ in the pressure of their inherent structures. Mechanical
            equilibrium makes it the same everywhere in a configuration, so it tells the phases
            apart and says nothing about where. Structural indicators among the inputs stay
            those of the configuration.
        seed: Seed of the initial weights, the order of the batches, dropout and augmentation.

    Raises:
        InputError: If a value is invalid.
    """

    supervision: Literal["local", "ball", "global"] = "local"
    ball_radius: float | None = None
    epochs: int = 30
    patience: int = 5
    batch_size: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    strain: float = 0.0
    seed: int = 0

    @classmethod
    @checks_arguments
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """The options that a study file or the command line gives by name; others by default.

        Raises:
            InputError: If there is no such option, or its value makes no sense.
        """
        known = [field.name for field in fields(cls)]
        unknown = [name for name in given if name not in known]
        if unknown:
            raise InputError(
                f"training: there is no option {', '.join(unknown)}"
                f"{did_you_mean(unknown[0], known)}; known are {', '.join(known)}."
            )
        try:
            return TypeAdapter(cls).validate_python(dict(given))
        except ValidationError as error:
            raise InputError(f"training: {fault(error, cls).rstrip('.')}.") from error

    def __post_init__(self) -> None:
        if self.supervision not in ("local", "ball", "global"):
            raise InputError(
                f"supervision is {self.supervision!r}; expected local, ball or global."
            )
        if self.ball_radius is not None:
            require_positive(ball_radius=self.ball_radius)
            if self.supervision != "ball":
                raise InputError(
                    f"ball_radius is {self.ball_radius:g}, and supervision is "
                    f"{self.supervision!r}; set supervision to ball, or leave ball_radius out."
                )
        require_whole(1, epochs=self.epochs, patience=self.patience)
        require_whole(2, batch_size=self.batch_size)
        require_whole(0, most=LARGEST_SEED, seed=self.seed)
        if not 0 < self.learning_rate < math.inf or not 0 <= self.weight_decay < math.inf:
            raise InputError(
                f"learning_rate is {self.learning_rate} and weight_decay {self.weight_decay}; "
                "expected a positive and a non-negative number, both finite."
            )
        if not 0 <= self.strain <= LARGEST_STRAIN:
            raise InputError(
                f"strain is {self.strain}; expected a relative change of lengths from 0 to "
                f"{LARGEST_STRAIN:g}, such as 0.01."
            )


def random_symmetry(grid: Tensor, ball: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """Shift, reflect and rotate a batch of periodic grids at random, all members in the same way.

    Shifts are by zero to three voxels, within the stride of the pooling. Axes are exchanged only if
    all are equally long.

    Args:
        grid: Shape [b, c, *grid].
        ball: The balls of its members, if there are any, shape [b, *coarse grid]; they are
            symmetric, so that only an exchange of axes changes them.

    Returns:
        A grid of the same shape, and its balls.
    """
    axes = list(range(2, grid.ndim))
    shifts = torch.randint(0, 4, (len(axes),)).tolist()
    grid = torch.roll(grid, shifts, dims=axes)
    grid = grid.flip([axis for axis in axes if torch.rand(()) < 0.5])
    if len(set(grid.shape[2:])) == 1:
        order = torch.randperm(len(axes))
        grid = grid.permute(0, 1, *(order + 2).tolist())
        ball = None if ball is None else ball.permute(0, *(order + 1).tolist())
    return grid, ball


#: Entries of a graph that are lengths of edges.
LENGTHS = ("edge_distance", "edge_vector")


def strained(graph: Data, strain: float) -> Data:
    """A graph of which all lengths are multiplied by 1 + strain.

    Neighbours that a compression brings within the cutoff are not found for it: radial functions
    are near zero there.

    Args:
        graph: What the recipe made of a configuration.
        strain: Relative change of lengths.
    """
    changed = copy.copy(graph)
    for name in LENGTHS:
        changed[name] = graph[name] * (1 + strain)
    return changed


#: A network, or the part of it that is trained.
Learner: TypeAlias = ClassifierNet | FixedFeatures


def learner_of(net: ClassifierNet) -> Learner:
    """What there is to train of a network whose inputs are standardised."""
    if isinstance(net, GraphNet) and net.features_are_fixed:
        return FixedFeatures(net)
    return net


def variants(
    learner: Learner, made: Any, ball: Tensor | None, options: TrainingOptions
) -> list[Any]:
    """What is seen of a configuration: itself, and with a strain also expanded and compressed.

    Args:
        learner: What is trained.
        made: What the recipe made of the configuration.
        ball: Its balls, if they have a radius.
        options: How it is trained.
    """
    strains = (options.strain, -options.strain) if options.strain else ()
    seen = [made, *(strained(made, strain) for strain in strains)]
    if not isinstance(learner, FixedFeatures):
        return seen
    return [learner.of(one, ball, with_balls=options.supervision == "ball") for one in seen]


class BalancedBatches:
    """Batches with the same number of configurations of every class, drawn anew every epoch.

    The order depends only on the seed and the epoch, so that a resumed training sees the same
    batches as an uninterrupted one. Classes with fewer configurations are repeated.

    Args:
        targets: Class of each configuration, shape [n].
        batch_size: Configurations per batch.
        seed: Seed of the order.
    """

    def __init__(self, targets: NDArray[np.int64], batch_size: int, seed: int) -> None:
        self.members = [np.flatnonzero(targets == target) for target in np.unique(targets)]
        self.per_class = max(1, batch_size // len(self.members))
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        longest = max(len(members) for members in self.members)
        return math.ceil(longest / self.per_class)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        needed = max(len(members) for members in self.members)
        orders = []
        for members in self.members:
            repeats = -(-needed // len(members))
            orders.append(np.concatenate([rng.permutation(members) for _ in range(repeats)]))
        for start in range(0, needed, self.per_class):
            stop = min(start + self.per_class, needed)
            yield np.concatenate([order[start:stop] for order in orders]).tolist()


class TrainingCheckpoint(CheckpointIO):
    """The checkpoint of one training, which nothing in it can make run code.

    Lightning's own reader lets the pickle in a checkpoint call whatever it names. This one takes
    sealed files alone, and of these tensors and plain containers.

    Args:
        path: Its file, rewritten whole after every epoch.
        key: Digest of everything the training depends on.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.key = key
        self._found: dict[str, Any] | None = None

    def find(self) -> bool:
        """Whether there is one of this training; a damaged one is of none.

        Raises:
            FileError: If the file cannot be read.
            InputError: If there is one of another training.
        """
        if not self.path.exists():
            return False
        try:
            sealed = read_sealed(self.path)
        except OSError as error:
            raise FileError(f"cannot read the checkpoint {self.path}: {error.strerror}.") from error
        if sealed is not None and sealed[0] != self.key:
            raise InputError(
                f"the checkpoint {self.path} is of another training (other configurations, split, "
                "options, network or code); remove it, or give another file."
            )
        if sealed is not None:
            # A forged seal still gets no further than this.
            with suppress(pickle.UnpicklingError, RuntimeError):
                self._found = torch.load(
                    io.BytesIO(sealed[1]), map_location="cpu", weights_only=True
                )
        if self._found is None:
            tqdm.write(f"the checkpoint {self.path} is damaged; the training begins anew.")
        return self._found is not None

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Called by Lightning, with what it would store."""
        content = io.BytesIO()
        torch.save(checkpoint, content)
        write_sealed(self.path, self.key, content.getvalue())

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Called by Lightning; gives what `find` found."""
        assert self._found is not None
        return self._found

    def remove_checkpoint(self, path: Any) -> None:
        """Called by Lightning's own callbacks, which are not used."""


class KeepBest(Callback):
    """Early stopping and checkpointing together, so that a resumed training gives the same result.

    Lightning's own callbacks write in place, and after a resume they forget that they had decided
    to stop; a killed training could then give a different result from an uninterrupted one.

    Args:
        checkpoint: Written after every epoch; None keeps nothing on disk.
        patience: Epochs without a lower validation loss before training stops.

    Attributes:
        best_weights: Weights of the epoch with the lowest validation loss.
        best_epoch: That epoch.
        history: One entry per epoch: ``epoch``, ``train_loss``, ``val_loss``,
            ``val_auc``.
    """

    def __init__(self, checkpoint: TrainingCheckpoint | None, patience: int) -> None:
        self.checkpoint = checkpoint
        self.patience = patience
        self.best_loss = math.inf
        self.best_epoch = -1
        self.best_weights: dict[str, torch.Tensor] = {}
        self.history: list[dict[str, float]] = []

    def state_dict(self) -> dict[str, Any]:
        """The state that Lightning stores in the checkpoint for this callback."""
        names = ("best_loss", "best_epoch", "best_weights", "history")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state returned by `state_dict`."""
        for name, value in state_dict.items():
            setattr(self, name, value)

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Stop at once if the resumed training had already stopped."""
        self._stop_if_done(trainer)

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Keep the weights if the validation loss is the lowest so far; write the checkpoint."""
        figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
        epoch = trainer.current_epoch
        self.history.append({"epoch": epoch, **figures})
        if figures["val_loss"] < self.best_loss:
            self.best_loss = figures["val_loss"]
            self.best_epoch = epoch
            self.best_weights = copy.deepcopy(pl_module.state_dict())
        self._stop_if_done(trainer)
        if self.checkpoint is not None:
            trainer.save_checkpoint(self.checkpoint.path)

    def _stop_if_done(self, trainer: lightning.Trainer) -> None:
        if self.history and self.history[-1]["epoch"] - self.best_epoch >= self.patience:
            trainer.should_stop = True


#: Arguments of a network, for some configurations as they are and then for them strained, their
#: balls if those have a radius, and the class of each.
LabelledBatch: TypeAlias = tuple[tuple[tuple[Tensor, ...], ...], Tensor | None, Tensor]


class Configurations(Dataset[LabelledBatch]):
    """Network inputs with their classes; indexed by a list, it gives a collated batch.

    Args:
        inputs: What the network is fed with of each configuration: as it is, and then expanded and
            compressed if it is strained.
        targets: Class of each.
        takes: Attributes of a graph that the network takes.
        balls: What `ClassifierNet.ball` gave for each, if balls have a radius.
    """

    def __init__(
        self,
        inputs: Sequence[Sequence[Any]],
        targets: NDArray[np.int64],
        takes: Sequence[str],
        balls: Sequence[Tensor] = (),
    ) -> None:
        self.inputs = inputs
        self.takes = takes
        self.balls = balls
        self.targets = torch.from_numpy(np.asarray(targets, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, indices: list[int]) -> LabelledBatch:
        chosen = list(zip(*(self.inputs[i] for i in indices), strict=True))
        ball = join_balls(chosen[0], [self.balls[i] for i in indices]) if self.balls else None
        arguments = tuple(collate(members, takes=self.takes) for members in chosen)
        return arguments, ball, self.targets[indices]


class _Training(lightning.LightningModule):
    """The loss, the optimiser, and the metrics of an epoch."""

    def __init__(self, net: Learner, options: TrainingOptions) -> None:
        super().__init__()
        self.net = net
        self.options = options
        self._losses: list[float] = []
        self._validation: list[tuple[Tensor, Tensor]] = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            self.net.parameters(),
            lr=self.options.learning_rate,
            weight_decay=self.options.weight_decay,
        )

    def training_step(self, batch: LabelledBatch, _: int) -> Tensor:
        # Dropout and augmentation depend only on the seed and the step, so that training resumed
        # from a checkpoint gives the same result as without interruption.
        torch.manual_seed(self.options.seed * 1_000_003 + self.global_step)
        arguments, ball, targets = batch
        if self.net.kind == "voxel":
            ((grid,),) = arguments
            grid, ball = random_symmetry(grid, ball)
            arguments = ((grid,),)
        loss = self._loss(arguments, ball, targets)
        self._require_finite(float(loss.detach()))
        self._losses.append(float(loss.detach()))
        return loss

    def _require_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise InputError(
                f"training diverged: the loss is {loss:g} after {self.global_step} steps at "
                f"learning_rate {self.options.learning_rate:g}; lower it."
            )

    def validation_step(self, batch: LabelledBatch, _: int) -> None:
        arguments, ball, targets = batch
        loss = self._loss(arguments, ball, targets)
        logits = self.net(*arguments[0])
        self._validation.append(
            (
                loss * len(targets),
                torch.stack([(logits[:, 1] - logits[:, 0]).cpu().double(), targets.cpu().double()]),
            )
        )

    def on_validation_epoch_end(self) -> None:
        losses = torch.stack([loss for loss, _ in self._validation])
        self._require_finite(float(losses.sum()))
        scores, targets = torch.cat([pair for _, pair in self._validation], dim=1).numpy()
        self.log("train_loss", float(np.mean(self._losses)))
        self.log("val_loss", float(losses.sum()) / len(targets))
        self.log("val_auc", auc(scores, targets))
        self._losses, self._validation = [], []

    def _loss(
        self, arguments: tuple[tuple[Tensor, ...], ...], ball: Tensor | None, targets: Tensor
    ) -> Tensor:
        plain, *strained = arguments
        if not strained:
            return self._judged(plain, ball, targets)[0]
        (loss, answer), (other_loss, other_answer) = (
            self._judged(changed, ball, targets) for changed in strained
        )
        return (loss + other_loss) / 2 + (answer - other_answer).square().mean()

    def _judged(
        self, arguments: tuple[Tensor, ...], ball: Tensor | None, targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The loss of the labels, and the mean log odds of each configuration, shape [n]."""
        if self.options.supervision == "global":
            logits = self.net(*arguments)
            return nn.functional.cross_entropy(logits, targets), logits[:, 1] - logits[:, 0]
        if self.options.supervision == "local":
            logits = self.net.local_logits(*arguments)
        else:
            logits = self.net.ball_logits(*arguments, ball=ball)
        # Graphs store the owner of each site; all grids of a stack have the same number of cells.
        owner = (
            arguments[-1]
            if self.net.kind == "graph"
            else torch.arange(len(targets), device=targets.device).repeat_interleave(
                len(logits) // len(targets)
            )
        )
        odds = scatter(logits[:, 1] - logits[:, 0], owner, dim_size=len(targets), reduce="mean")
        return nn.functional.cross_entropy(logits, targets[owner]), odds


class EpochBar(Callback):
    """A progress bar over the epochs that shows validation loss and AUC."""

    def __init__(self, epochs: int, description: str) -> None:
        self.bar = progress_bar(total=epochs, desc=description, unit="epoch")

    def on_train_start(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        """Start at the epoch of a resumed training."""
        self.bar.update(trainer.current_epoch)

    def on_train_epoch_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        """Advance, and show validation loss and AUC."""
        figures = trainer.callback_metrics
        self.bar.set_postfix(
            loss=f"{float(figures['val_loss']):.3f}",
            auc=f"{float(figures['val_auc']):.3f}",
            refresh=False,
        )
        self.bar.update()

    def on_train_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        """Fill the bar, because training that stopped early is finished too."""
        self.bar.total = self.bar.n
        self.bar.close()


def train(
    net: Learner,
    data: Mapping[str, Configurations],
    options: TrainingOptions,
    keep: KeepBest,
    device: torch.device,
    *,
    bar: EpochBar | None,
) -> None:
    """Fit a network with Lightning, from its checkpoint if there is one.

    Args:
        net: The network; afterwards it has the weights of the last epoch.
        data: Configurations of the parts ``"train"`` and ``"validation"``.
        options: Training options.
        keep: Callback that afterwards holds the best weights and the history.
        device: Device to train on.
        bar: Progress bar; None for none.
    """
    order = BalancedBatches(data["train"].targets.numpy(), options.batch_size, options.seed)
    n_validation = len(data["validation"])
    validation = np.array_split(
        np.arange(n_validation), math.ceil(n_validation / options.batch_size)
    )
    stored = keep.checkpoint
    resumed = stored.path if stored is not None and stored.find() else None
    with _quiet():
        trainer = lightning.Trainer(
            max_epochs=options.epochs,
            accelerator="gpu" if device.type == "cuda" else "cpu",
            devices=[device.index or 0] if device.type == "cuda" else 1,
            callbacks=[keep] if bar is None else [keep, bar],
            plugins=[] if stored is None else [stored],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
        trainer.fit(
            _Training(net, options),
            DataLoader(data["train"], sampler=order, batch_size=None),
            DataLoader(
                data["validation"], sampler=[part.tolist() for part in validation], batch_size=None
            ),
            ckpt_path=resumed,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Lightning's advice on loggers, workers and hardware, but not its errors."""
    loggers = [logging.getLogger("lightning.pytorch"), logging.getLogger("lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
