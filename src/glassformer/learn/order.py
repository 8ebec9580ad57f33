"""Which exercises there are, in the order they are met.  Nothing here imports torch."""

from dataclasses import dataclass
from pathlib import Path

from glassformer.errors import UsageError, did_you_mean, one_line

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Entry:
    """One line of the list.  function: what the learner writes."""

    name: str
    title: str
    function: str

    @property
    def number(self) -> int:
        return 1 + ORDER.index(self)

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    @property
    def file(self) -> str:
        """What it is called in the learner's folder."""
        return f"{self.number:02}_{self.module}.py"

    @property
    def exercise(self) -> Path:
        return HERE / "exercises" / f"{self.module}.py"

    @property
    def solution(self) -> Path:
        return HERE / "solutions" / f"{self.module}.py"


ORDER = [
    Entry("dot-product", "How well two words match", "dot_product"),
    Entry("softmax", "From scores to shares", "softmax"),
    Entry("self-attention", "Self-attention with nothing to learn", "self_attention"),
    Entry("scaling", "Why the scores are divided by √d", "scaled_scores"),
    Entry("queries-keys-values", "Queries, keys and values", "queries_keys_values"),
    Entry("attention", "softmax(q·kᵀ / √d) · v, with a mask", "attention"),
    Entry("padding", "Nobody looks at padding", "padding_mask"),
    Entry("causal", "Nobody looks ahead", "causal_attention"),
    Entry("split-heads", "The width split over the heads", "split_heads"),
    Entry("merge-heads", "The heads put together again", "merge_heads"),
    Entry("multi-head", "Several soft dictionaries side by side", "multi_head"),
    Entry("positions", "Where a word stands: both layouts", "positions"),
    Entry("layer-norm", "Every position brought to one scale", "layer_norm"),
    Entry("mlp", "The part that works on each position alone", "mlp"),
    Entry("post-norm-block", "A block as first published", "post_norm_block"),
    Entry("pre-norm-block", "A block that normalises what it reads", "pre_norm_block"),
    Entry("classifier", "From a sentence to a label", "classifier"),
    Entry("generator", "From a text to its next piece", "loss_and_next"),
    Entry("cross-attention", "Looking at another sentence", "cross_attention"),
    Entry("decoder-step", "One step of a decoder", "decoder_step"),
    Entry("cache", "Keys and values computed once", "cached_attention"),
    Entry("greedy", "The likeliest piece, again and again", "greedy"),
    Entry("beam-search", "Several texts side by side", "beam_search"),
    Entry("wordpiece", "A word cut into pieces", "wordpiece"),
    Entry("bert-embeddings", "Piece + position + type", "bert_embeddings"),
    Entry("masked-batch", "What a masked language model is asked", "masked_batch"),
    Entry("checkpoint-names", "A checkpoint's names in ours", "our_names"),
    Entry("training-step", "Training steps with warm-up", "train"),
    Entry("bug-relative", "Find the bug: distances that never matter", "relative_scores"),
    Entry("bug-cache", "Find the bug: the cache that changed the answer", "generate_with_cache"),
    Entry("bug-labels", "Find the bug: the label that was never learned", "loss_of_labels"),
    Entry("bug-future", "Find the bug: the mask that leaked the future", "leaking_attention"),
]


def there() -> list[Entry]:
    """Those that are built, in order."""
    return [entry for entry in ORDER if (HERE / "bank" / f"{entry.module}.py").exists()]


def entry(name: str) -> Entry:
    """By its name, number, function or file.  Raises UsageError where there is none."""
    wanted = Path(name).stem if name.endswith(".py") else name
    for each in there():
        if wanted in (
            each.name,
            each.module,
            each.function,
            str(each.number),
            f"{each.number:02}",
            Path(each.file).stem,
        ):
            return each
    known = [each.name for each in there()]
    close = did_you_mean(wanted, known) or f"; there are {', '.join(known)}"
    raise UsageError(f"there is no exercise {one_line(name, 40)!r}{close}")
