"""GNNExplainer: the particles that a learnt mask keeps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.explain import GNNExplainer, ModelConfig
from torch_geometric.explain.config import (
    ExplainerConfig,
    ExplanationType,
    MaskType,
    ModelMode,
    ModelReturnType,
    ModelTaskLevel,
)

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_positive, require_whole
from gnnglass.errors import InputError
from gnnglass.explain.attribution import ATTRIBUTIONS, GraphAttribution
from gnnglass.explain.explained_logit import ExplainedLogit


@ATTRIBUTIONS.register("gnn-explainer")
class GNNExplainerAttribution(GraphAttribution):
    """A mask over the particles, learnt to keep the class with as little as possible.

        x_i → σ(m_i) x_i,    score_i = σ(m_i),    m = argmin −log P(class) + size + entropy of σ(m)

    (Ying et al., NeurIPS 2019, eqs. 5 and 6), by ``torch_geometric.explain.GNNExplainer`` with
    its own weights of size and entropy. A new mask is trained for every graph, so this costs
    `epochs` forward and backward passes, and the scores depend somewhat on the seed.

    It is never negative: it tells what is needed, not for which class it speaks. The mask
    multiplies the node features, which for a `GraphNet` are the one-hot species and the fields; a
    particle's neighbours are counted in proportion to it, while its own counts are compared with
    masked means, so that the scores mix what a particle is with what it is to others. Of fields,
    the mask takes a share of the deviation from the mean of the species.

    Args:
        epochs: Steps of the optimiser.
        lr: Its learning rate.
        seed: Seed of the mask to begin with; every graph begins alike.
        batch_size: How many snapshots `compute` prepares at once; they are explained one by one.

    Raises:
        InputError: If `epochs` or `lr` is not positive.
    """

    signed = False
    label = "GNNExplainer"
    formula = (
        r"m = \arg\min_m [-\log P(\text{class} \mid \sigma(m) x) + \text{size} + \text{entropy}]"
        r",\quad s_i = \sigma(m_i)"
    )

    @checks_arguments
    def __init__(
        self, epochs: int = 200, lr: float = 0.01, seed: int = 0, batch_size: int = 8
    ) -> None:
        super().__init__(batch_size)
        require_whole(1, epochs=epochs)
        require_whole(0, seed=seed)
        require_positive(lr=lr)
        self.epochs = epochs
        self.lr = lr
        self.seed = seed

    def node_scores(self, explained: ExplainedLogit) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n]."""
        scores = explained.x.new_zeros(len(explained.x))
        for graph in range(explained.n_graphs):
            nodes = explained.batch == graph
            scores[nodes] = self._mask(explained.kept(nodes)).to(scores)
        return scores

    def _mask(self, explained: ExplainedLogit) -> Tensor:
        """The learnt mask of one graph, shape [n]."""
        algorithm = _SeededExplainer(self.seed, epochs=self.epochs, lr=self.lr)
        algorithm.connect(
            ExplainerConfig(ExplanationType.phenomenon, node_mask_type=MaskType.object),
            ModelConfig(explained.mode, ModelTaskLevel.graph, ModelReturnType.raw),
        )
        x = explained.x
        if not x.is_floating_point():
            raise InputError(
                f"x is {x.dtype}, and gnn-explainer multiplies it by shares; expected floating "
                "point numbers: choose another attribution, or give the network its embedding."
            )
        explanation = algorithm(
            _MaskedNetwork(explained), x, explained.edge_index, target=explained.target
        )
        mask = explanation.node_mask[:, 0]
        if not mask.isfinite().all():
            raise InputError(
                f"GNNExplainer's mask is not finite after {self.epochs} epochs at lr {self.lr}: it "
                "reached zero, and standardised counts are divided by it; lower lr or epochs."
            )
        return mask


class _SeededExplainer(GNNExplainer):  # type: ignore[misc]
    """GNNExplainer whose first mask follows from a seed and takes nobody else's random numbers."""

    def __init__(self, seed: int, **options: Any) -> None:
        super().__init__(**options)
        self.seed = seed

    def _initialize_masks(self, x: Tensor, edge_index: Tensor) -> None:
        chance = torch.Generator().manual_seed(self.seed)
        first = 0.1 * torch.randn(len(x), 1, generator=chance)
        self.node_mask = nn.Parameter(first.to(x.device))


class _MaskedNetwork(nn.Module):
    """The network as GNNExplainer calls it; not a part of it, so that it leaves no masks there."""

    def __init__(self, explained: ExplainedLogit) -> None:
        super().__init__()
        self.explained = explained

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """The logits of a masked graph, in the shape of the target if there is only one."""
        output = self.explained.output(x=x)
        # Which refuses an output that is not one row per graph with the explained class.
        self.explained.logit(output)
        if not output.requires_grad:
            raise InputError("the logit does not depend on x, which gnn-explainer masks.")
        multiclass = self.explained.mode == ModelMode.multiclass_classification
        return output if multiclass else output.reshape(-1)
