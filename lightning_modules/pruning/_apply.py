"""One round of pruning from start to end: score, find how much goes, remove it, look at it.

    pruner = Pruner(criterion, removal, targets, batches, seed)
    pruned = pruner.prune(model)                                          all at once, or
    pruned = pruner.prune(model, progress=cubic(t, T), before=pruned)     step t of T
    pruned.apply(model)                                                   after each optimizer step
    torch.save(pruned.state(), path)
    pruned = restore(fresh_model, widths, torch.load(path))

Indices and masks always count in the dense network, so one file restores any number of rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from lightning_modules.cost import evaluating
from lightning_modules.options import Removal
from lightning_modules.pruning._budget import Target, cubic, fewest
from lightning_modules.pruning._channels import Kept, shrink
from lightning_modules.pruning._criterion import Batches, Criterion, Searched, Trying
from lightning_modules.pruning._layers import layer_at, prunable
from lightning_modules.pruning._order import Cut, floor
from lightning_modules.pruning._profile import ChannelCost, Profile, profile
from lightning_modules.pruning._trials import Trials
from lightning_modules.pruning._weights import Masks, WeightOrder
from lightning_modules.structure import Width

__all__ = ["Pruned", "Pruner", "cubic", "prunable", "restore"]

T = TypeVar("T")
Pruned = Masks | Kept
"""What a round left: ``sparsity`` as achieved, ``apply(model)``, ``to(device)``, ``state()``."""


@dataclass(frozen=True)
class Pruner:
    """A criterion, and everything a round of it needs beside the network.

    Args:
        criterion: what scores; its ``grain`` says what the targets are.
        removal: how much goes, and whether layers are compared.
        targets: names of layers (see ``prunable``) for weights, a backbone's widths for channels.
        batches: normalised images and labels on the model's device, at least one batch; the first
            image also serves to count MACs and to try the pruned network.
        seed: for criteria that draw lots.
        held_out: batches that no training saw, for criteria that try their scores out on them.
    """

    criterion: Criterion[Any] | Trying
    removal: Removal
    targets: Sequence[str] | Sequence[Width]
    batches: Batches
    seed: int = 0
    held_out: Batches | None = None

    def prune(
        self,
        model: nn.Module,
        *,
        progress: float = 1.0,
        before: Pruned | None = None,
        log: MutableMapping[str, Any] | None = None,
    ) -> Pruned:
        """Remove, in place, what is due at ``progress`` of the way to the goal.

        Args:
            model: the network as the round before left it; training flags and running
                statistics stay as they are. Channels change shapes: see ``_channels``.
            progress: share of the final removal that is due, in (0, 1]; see ``cubic``.
            before: what the round before returned; None in the first.
            log: filled with what a search has to tell (plain JSON); others leave it as it is.

        Returns:
            everything that is left, counted in the dense network.

        Raises:
            ValueError: nothing can be pruned, the goal is out of reach, the criterion, the
                declared widths or ``before`` do not fit the network, or a search has no held-out
                images.
        """
        target = Target.of(self.removal, progress)
        if self.criterion.grain == "weight":
            return self._weights(model, self._all(str), target, _as(Masks, before))
        return self._channels(model, self._all(Width), target, _as(Kept, before), log)

    def _all(self, kind: type[T]) -> list[T]:
        """The targets, of the kind that the criterion's grain asks for."""
        found: list[T] = [target for target in self.targets if isinstance(target, kind)]
        if not found or len(found) != len(self.targets):
            wanted = "names of layers" if kind is str else "widths"
            came = f"{len(self.targets)} targets, {len(found)} of them such"
            raise ValueError(f"{self._name} prunes {wanted}, at least one; came {came}")
        return found

    def _weights(
        self, model: nn.Module, names: Sequence[str], target: Target, before: Masks | None
    ) -> Masks:
        image = self._image()
        found = self._scores(model, {n: layer_at(model, n).weight.shape for n in names})
        order = WeightOrder.of(found.scores, scope=self.removal.scope, before=before)
        seen = None if target.measure == "sparsity" else profile(model, names, image)
        dense, remaining = _weight_cost(order, target, seen)
        masks = order.masks(fewest(target, dense, remaining, len(order.order)))
        masks.apply(model)
        return masks

    def _channels(
        self,
        model: nn.Module,
        widths: Sequence[Width],
        target: Target,
        before: Kept | None,
        log: MutableMapping[str, Any] | None,
    ) -> Kept:
        now, image = Kept.whole(model, widths), self._image()
        before = before or now
        if before.counts != now.dense:
            raise ValueError("the network is not as the round before left it; restore it first")
        seen = None if target.measure == "sparsity" else ChannelCost.of(model, widths, image)
        cost = _channel_cost(target, seen)
        cut = Cut(widths, before.dense, self.removal.scope, target, cost)
        found = self._scores(model, {p: torch.Size([n]) for p, n in now.dense.items()}, cut)
        if log is not None:
            log.update(found.log)
        shape, step = _logits(model, image).shape, cut.kept(found.scores)
        shrink(model, widths, step)
        _look(model, image, shape, {w: before.dense[w.producer] for w in widths})
        return before.then(step)

    def _scores(
        self, model: nn.Module, shapes: Mapping[str, torch.Size], cut: Cut | None = None
    ) -> Searched:
        """The criterion's scores, one for each target and of its shape, none of them nan."""
        found = self._found(model, cut)
        for name, shape in shapes.items():
            score = found.scores.get(name)
            came = None if score is None else score.shape
            if score is None or came != shape or score.isnan().any():
                what = "a nan" if came == shape else f"shape {came and tuple(came)}"
                need = f"it needs {tuple(shape)}, no nan"
                raise ValueError(f"{self._name} scores '{name}' with {what}; {need}")
        return Searched({name: found.scores[name] for name in shapes}, found.log)

    def _found(self, model: nn.Module, cut: Cut | None) -> Searched:
        rule, seed = self.criterion, self.seed
        if not isinstance(rule, Trying):
            return Searched(rule.score(model, self.targets, self.batches, seed), {})
        if cut is None:
            raise ValueError(f"{self._name} tries scores out, which only channel criteria can")
        trials = Trials(model, cut, self.held_out)
        return rule.search(model, self._all(Width), self.batches, seed, trials)

    @property
    def _name(self) -> str:
        return type(self.criterion).__name__

    def _image(self) -> Tensor:
        for images, _ in self.batches:
            return images[:1]
        raise ValueError("pruning needs at least one batch of images; none came")


def restore(model: nn.Module, widths: Sequence[Width], saved: Mapping[str, Any]) -> Pruned:
    """Repeat a saved pruning on a dense network of the same structure, in place.

    Args:
        model: the dense network; its weights can be loaded before (masks) or after (both).
        widths: the backbone's widths; not used by masks.
        saved: what ``Pruned.state()`` gave.
    """
    if saved["grain"] == "weight":
        device = next(model.parameters()).device
        masks = Masks(saved["keep"]).to(device)
        masks.apply(model)
        return masks
    kept = Kept({p: index.cpu() for p, index in saved["channels"].items()}, saved["dense"])
    shrink(model, widths, kept)
    return kept


def _as(kind: type[T], before: object) -> T | None:
    if before is None or isinstance(before, kind):
        return before
    came = type(before).__name__
    raise ValueError(f"this criterion leaves {kind.__name__}, the round before left {came}")


def _weight_cost(
    order: WeightOrder, target: Target, seen: Profile | None
) -> tuple[int, Callable[[int], int]]:
    """The dense measure, and what remains of it when that many weights are gone.

    Args:
        seen: the network's cost; a share of the weights needs none.
    """
    if seen is None:
        dense = sum(order.sizes)
    elif target.measure == "macs":
        saved = order.saved(seen.positions)
        return seen.macs, lambda count: seen.macs - int(saved[count])
    else:
        dense = seen.params
    return dense, lambda count: dense - count


def _channel_cost(target: Target, seen: ChannelCost | None) -> Callable[[Mapping[str, int]], int]:
    """The measure as a function of the numbers of channels."""
    if seen is None:
        return lambda counts: sum(counts.values())
    return seen.macs if target.measure == "macs" else seen.params


def _logits(model: nn.Module, image: Tensor) -> Tensor:
    with evaluating(model), torch.no_grad():
        out: Tensor = model(image)
    return out


def _look(model: nn.Module, image: Tensor, shape: torch.Size, dense: Mapping[Width, int]) -> None:
    """Try the pruned network: it runs, keeps its output and its minimum widths, and is finite."""
    try:
        out = _logits(model, image)
    except RuntimeError as error:
        raise ValueError(f"the pruned network does not run: {error}; check widths()") from error
    if out.shape != shape:
        raise ValueError(f"the pruned network gives {tuple(out.shape)}, not {tuple(shape)}")
    if not out.isfinite().all():
        raise ValueError("the pruned network gives numbers that are not finite")
    for width, n in dense.items():
        left, least = len(layer_at(model, width.producer).weight), floor(n, width.groups)
        if left < least:
            raise ValueError(f"'{width.producer}' has {left} channels left; it keeps {least}")
