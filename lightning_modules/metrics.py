"""What evaluation counts over the batches of a split, in all processes together."""

from __future__ import annotations

from torch import Tensor, nn
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy


class Metrics(nn.Module):
    """Mean loss, top-1, and top-5 where there are more than 5 classes.

    Args:
        classes: number of classes.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        tops = (1, 5) if classes > 5 else (1,)
        self.loss = MeanMetric(nan_strategy="error")
        self.tops = MetricCollection(
            {f"top{k}": MulticlassAccuracy(classes, top_k=k, average="micro") for k in tops},
            compute_groups=False,
        )

    def count(self, logits: Tensor, labels: Tensor, loss: Tensor) -> None:
        """Count a batch: logits (B, classes), labels (B,) and its mean loss."""
        self.loss.update(loss, len(labels))
        self.tops.update(logits, labels)

    def taken(self) -> dict[str, Tensor]:
        """``loss`` and ``top<k>`` of all that was counted, which is forgotten."""
        found = {"loss": self.loss.compute(), **self.tops.compute()}
        self.loss.reset()
        self.tops.reset()
        return found
