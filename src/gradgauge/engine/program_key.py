"""ProgramKey: what a compiled program depends on. Members with equal keys share one compilation."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from gradgauge.engine.written_out import is_brief, is_written_out
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec


@dataclass(frozen=True)
class Block:
    """`count` successive hidden layers of one shape: compiled once, scanned over if several."""

    fan_in: int
    width: int
    count: int


@dataclass(frozen=True)
class ProgramKey:
    """Shapes and choices that are fixed at compile time; all else is an argument.

    Attributes:
        blocks: the hidden layers, first to last.
        step_blocks: the same layers as the training program runs them: those of a block that is
            written out are blocks of one.
        fan_in_output: inputs of the output layer.
        outputs: its units.
        norm: name of the normalization.
        skip: whether there are identity skips.
        activations: the names that occur in any member; a layer's is an index into them.
        loss, optimizer, schedule, dtype: names.
        warmup, clip: whether there is any.
        batch_size: rows of a training batch.
        ragged: whether the last batch of an epoch is smaller.
        brief: whether the training is so short that its program is compiled in a hurry.
    """

    blocks: tuple[Block, ...]
    step_blocks: tuple[Block, ...]
    fan_in_output: int
    outputs: int
    norm: str
    skip: bool
    activations: tuple[str, ...]
    loss: str
    optimizer: str
    schedule: str
    dtype: str
    warmup: bool
    clip: bool
    batch_size: int
    ragged: bool
    brief: bool

    def inside(self) -> ProgramKey:
        """The key by which the loop over steps runs its layers."""
        return replace(self, blocks=self.step_blocks)


def blocks_of(network: NetworkSpec) -> tuple[Block, ...]:
    """The hidden layers as runs of one shape."""
    return tuple(
        Block(fan_in, width, len(list(run)))
        for (fan_in, width), run in itertools.groupby(network.shapes[:-1])
    )


def step_blocks_of(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Blocks as a training runs them that is not brief."""
    depth = sum(block.count for block in blocks)
    return tuple(
        piece
        for block in blocks
        for piece in (
            [Block(block.fan_in, block.width, 1)] * block.count
            if is_written_out(block.width, depth)
            else [block]
        )
    )


def program_key(
    network: NetworkSpec, training: TrainingSpec, samples: int, activations: frozenset[str]
) -> ProgramKey:
    """The program key of one member.

    Args:
        network, training: its specs.
        samples: rows of the training data.
        activations: all that the ensemble uses, so that its members share programs.
    """
    blocks = blocks_of(network)
    brief = is_brief(training.steps_per_epoch(samples) * training.epochs)
    return ProgramKey(
        blocks=blocks,
        step_blocks=blocks if brief else step_blocks_of(blocks),
        fan_in_output=network.hidden[-1].width,
        outputs=network.outputs,
        norm=network.norm,
        skip=network.skip > 0,
        activations=tuple(sorted(activations)),
        loss=training.loss,
        optimizer=training.optimizer,
        schedule=training.schedule,
        dtype=training.dtype,
        warmup=training.warmup_steps > 0,
        clip=training.clip_norm > 0,
        batch_size=training.batch_size,
        ragged=samples % training.batch_size != 0,
        brief=brief,
    )
