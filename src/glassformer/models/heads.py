"""What BERT is asked: eight heads, each with its loss.

Every head is a BERT with something on top, so `layers.3.attention.weights` is the same address in all of them.
A label of −100 is not asked about; where nothing is asked, the loss is 0 and so are its gradients.

Where the reference (transformers) parts from this file, on purpose: with the labels of one pre-training task the
other is left out, not the whole loss; the kind of a classification is read off the labels at each call, not at the
first one only; a mean over nothing is 0, not NaN.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from glassformer.models.bert import Bert, BertConfig, Maybe, Past, begin
from glassformer.models.losses import LOSSES, cross_entropy, inside, of_the_text, problem
from glassformer.parts.block import ACTIVATIONS, LayerNorm
from glassformer.parts.kernels.likeness import likeness
from glassformer.parts.kernels.linear import Linear
from glassformer.tape import note


class Pretrained(NamedTuple):
    """pieces: logits (b, n, v) or labels (b, n); follows: logits (b, 2) or labels (b,), 0 where the second follows."""

    pieces: Maybe = None
    follows: Maybe = None


class Span(NamedTuple):
    """Where an answer begins and where its last piece stands: logits (b, n), or labels (b,)."""

    start: Tensor
    end: Tensor


class Pooler(nn.Module):
    """The first position, read once more for the whole text.  (b, n, w) → (b, w)."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.linear = Linear(config.width, config.width)
        self.activation = ACTIVATIONS[config.pooler]

    def forward(self, stream: Tensor) -> Tensor:
        return self.activation(self.linear(stream[:, 0]))  # b w


class Predict(nn.Module):
    """Which piece stands here?  (b, n, w) → logits (b, n, v), with the vectors `pieces` (v, w) or its own."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.transform = Linear(config.width, config.width)
        self.activation = ACTIVATIONS[config.predict or config.activation]
        self.norm = LayerNorm(config.width, config.epsilon)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))
        own = None if config.tied else nn.Parameter(torch.zeros(config.vocabulary, config.width))
        self.register_parameter("weight", own)

    def forward(self, x: Tensor, pieces: Tensor) -> Tensor:
        x = self.norm(self.activation(self.transform(x)))
        return likeness(pieces if self.weight is None else self.weight, x, self.bias)  # b n v


class Pooled(Bert):
    """BERT with its pooler: the vector of the whole text is the site `pooled`."""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.pooler = begin(Pooler(config), config.spread)

    def forward(self, ids: Tensor, real: Maybe = None, types: Maybe = None, positions: Maybe = None) -> Tensor:  # type: ignore
        return self.pool(ids, real, types, positions)[0]  # b n w

    def pool(self, ids: Tensor, real: Maybe, types: Maybe, positions: Maybe) -> tuple[Tensor, Tensor]:
        """The stream (b, n, w) and the pooled vector (b, w)."""
        stream = Bert.forward(self, ids, real, types, positions)  # b n w
        return stream, note("pooled", self.pooler(stream))


class Predicting(Bert):
    """A piece is predicted at every position.  What both language models share."""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.predict = begin(Predict(config), config.spread)

    def forward(
        self, ids: Tensor, real: Maybe = None, types: Maybe = None, positions: Maybe = None, memory: Past = None
    ) -> Tensor:
        stream = super().forward(ids, real, types, positions, memory)  # b n w
        return note("logits", self.predict(stream, self.embed.pieces.weight))  # b n v


class MaskedLanguageModel(Predicting):
    """Which piece was masked?  labels (b, n)."""

    def loss(self, logits: Tensor, labels: Tensor, real: Maybe = None) -> Tensor:
        return cross_entropy(logits, of_the_text(labels, real))


class CausalLanguageModel(Predicting):
    """Which piece comes next?  labels (b, n) are the pieces read: position n answers for label n + 1."""

    def __init__(self, config: BertConfig):
        if not config.decoder:
            raise ValueError("a causal language model may not look ahead: set decoder=True (is_decoder in config.json)")
        super().__init__(config)

    def loss(self, logits: Tensor, labels: Tensor, real: Maybe = None) -> Tensor:
        return cross_entropy(logits[:, :-1], of_the_text(labels, real)[:, 1:])


class Classifying(Bert):
    """A linear answer at every position, `outputs` numbers each.  What two heads share."""

    def __init__(self, config: BertConfig, outputs: int):
        super().__init__(config)
        self.classifier = _linear(config, outputs)
        self.quiet = _dropout(config)

    def answer(self, ids: Tensor, real: Maybe, types: Maybe, positions: Maybe) -> Tensor:
        stream = super().forward(ids, real, types, positions)  # b n w
        return note("logits", self.classifier(self.quiet(stream)))  # b n c


class TokenClassification(Classifying):
    """What is each piece?  labels (b, n); padding is not asked about."""

    def __init__(self, config: BertConfig):
        super().__init__(config, config.classes)

    def forward(self, ids: Tensor, real: Maybe = None, types: Maybe = None, positions: Maybe = None) -> Tensor:  # type: ignore
        return self.answer(ids, real, types, positions)  # b n c

    def loss(self, logits: Tensor, labels: Tensor, real: Maybe = None) -> Tensor:
        return cross_entropy(logits, of_the_text(labels, real))


class QuestionAnswering(Classifying):
    """Where in the text is the answer?  Padding is no answer, and labels outside the text are not asked about."""

    def __init__(self, config: BertConfig):
        super().__init__(config, 2)
        self.quiet = nn.Dropout(0.0)  # nothing is dropped before a span, as in Devlin et al. 2019's code

    def forward(self, ids: Tensor, real: Maybe = None, types: Maybe = None, positions: Maybe = None) -> Span:  # type: ignore
        start, end = self.answer(ids, real, types, positions).unbind(-1)  # b n
        return Span(start, end)

    def loss(self, logits: Span, labels: Span, real: Maybe = None) -> Tensor:
        start, end = (cross_entropy(*inside(*pair, real)) for pair in zip(logits, labels, strict=True))
        return (start + end) / 2


class PreTraining(Pooled):
    """Both tasks BERT learned from: which piece was masked, and does the second text follow the first?"""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.predict = begin(Predict(config), config.spread)
        self.follows = _linear(config, 2)

    def forward(self, ids: Tensor, real: Maybe = None, types: Maybe = None, positions: Maybe = None) -> Pretrained:  # type: ignore
        stream = Bert.forward(self, ids, real, types, positions)  # b n w
        pieces = note("logits", self.predict(stream, self.embed.pieces.weight))  # b n v
        return Pretrained(pieces, note("follows", self.follows(note("pooled", self.pooler(stream)))))

    def loss(self, logits: Pretrained, labels: Pretrained) -> Tensor | int:
        """The sum over the tasks that have labels.  Raises ValueError where none has."""
        if labels.pieces is None and labels.follows is None:
            raise ValueError("nothing to learn from: give labels for the pieces, for what follows, or for both")
        asked = [pair for pair in zip(logits, labels, strict=True) if pair[1] is not None]
        return sum(cross_entropy(*pair) for pair in asked)  # type: ignore


class NextSentence(Pooled):
    """Does the second text follow the first?  labels (b,): 0 where it does, 1 where it is any other text."""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.follows = _linear(config, 2)

    def forward(self, ids: Tensor, real: Maybe = None, types: Maybe = None, positions: Maybe = None) -> Tensor:
        return note("logits", self.follows(self.pool(ids, real, types, positions)[1]))  # b c

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(logits, labels)


class SequenceClassification(Pooled):
    """What is the text?  labels (b,) of one class each, or numbers (b,) or (b, c), or (b, c) of zeros and ones."""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.classifier = _linear(config, config.classes)
        self.quiet = _dropout(config)

    def forward(self, ids: Tensor, real: Maybe = None, types: Maybe = None, positions: Maybe = None) -> Tensor:
        pooled = self.pool(ids, real, types, positions)[1]  # b w
        return note("logits", self.classifier(self.quiet(pooled)))  # b c

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return LOSSES[self.config.problem or problem(logits, labels)](logits, labels)


class MultipleChoice(Pooled):
    """Which of several texts is the right one?  ids (b, choices, n) → logits (b, choices); labels (b,)."""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.classifier = _linear(config, 1)
        self.quiet = _dropout(config)

    def forward(self, ids: Tensor, real: Maybe = None, types: Maybe = None, positions: Maybe = None) -> Tensor:
        told = (None if each is None else each.flatten(0, 1) for each in (real, types, positions))
        each = self.classifier(self.quiet(self.pool(ids.flatten(0, 1), *told)[1])).unflatten(0, ids.shape[:2])  # b c 1
        return note("logits", each.squeeze(-1))  # b c

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(logits, labels)


def _linear(config: BertConfig, outputs: int) -> Linear:
    return begin(Linear(config.width, outputs), config.spread)


def _dropout(config: BertConfig) -> nn.Dropout:
    return nn.Dropout(config.dropout if config.head_dropout is None else config.head_dropout)
