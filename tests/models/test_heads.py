"""The eight heads against the reference's: answers, losses, gradients of all parameters; what is not asked."""

import pytest
import torch
import torch.nn.functional as F

from glassformer.models import heads
from glassformer.models.bert import Bert, BertConfig
from glassformer.models.heads import Pretrained, Span
from glassformer.models.losses import IGNORED
from glassformer.parts.attention import Memory
from glassformer.tape import listen
from tests import small
from tests.models import reference

close = torch.testing.assert_close
NEAR = {torch.float32: 1e-5, torch.float64: 1e-10}
IDS = torch.tensor([[3, 9, 1, 10, 4, 3, 7], [5, 2, 8, 6, 1, 1, 2], [4, 4, 4, 6, 5, 9, 3], [7, 7, 1, 2, 10, 3, 8]])
REAL = torch.tensor([[True] * 7, [True] * 4 + [False] * 3, [True] * 2 + [False] * 5, [True] * 6 + [False]])
TYPES = torch.tensor([[0, 0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1, 1], [0] * 7, [0] * 7])
PIECES = IDS.masked_fill(~REAL, IGNORED).index_fill(1, torch.tensor([1]), IGNORED)  # what was masked, say
NEXT, CLASSES = torch.tensor([0, 1, 1, 0]), torch.tensor([6, 0, 2, 2])
TAGS = (IDS % 7).masked_fill(~REAL, IGNORED)
STARTS, ENDS = torch.tensor([0, 3, 50, 2]), torch.tensor([6, 3, 1, 7])  # 50 and 7 stand outside

NO_DROPOUT = {"dropout": 0.0, "attention_dropout": 0.0}
CASES = {  # kind → what else it is made with, our labels, and how the reference is given them
    heads.PreTraining: ({}, Pretrained(PIECES, NEXT), {"labels": PIECES, "next_sentence_label": NEXT}),
    heads.CausalLanguageModel: ({"decoder": True}, PIECES, {"labels": PIECES}),
    heads.MaskedLanguageModel: ({}, PIECES, {"labels": PIECES}),
    heads.NextSentence: ({}, NEXT, {"labels": NEXT}),
    heads.SequenceClassification: ({}, CLASSES, {"labels": CLASSES}),
    heads.MultipleChoice: ({}, NEXT[:2], {"labels": NEXT[:2]}),
    heads.TokenClassification: ({}, TAGS, {"labels": TAGS}),
    heads.QuestionAnswering: ({}, Span(STARTS, ENDS), {"start_positions": STARTS, "end_positions": ENDS}),
}
EVERY = pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
PREDICTING = [heads.PreTraining, heads.CausalLanguageModel, heads.MaskedLanguageModel]


def given(kind):
    """ids, real and types; two choices of two texts each where it chooses.

    No padding where a span is sought: there the reference takes padding for a part of the text.
    """
    inputs = (IDS, torch.ones_like(REAL) if kind is heads.QuestionAnswering else REAL, TYPES)
    return tuple(x.view(2, 2, 7) for x in inputs) if kind is heads.MultipleChoice else inputs


def asked(theirs, inputs, **labels):
    ids, real, types = inputs
    return theirs(ids, attention_mask=real.long(), token_type_ids=types, **labels)


def answers(answer):
    """The logits, one by one, of ours or of the reference's."""
    if isinstance(answer, torch.Tensor):
        return [answer]
    if not hasattr(answer, "loss"):
        return list(answer)
    names = ("logits", "prediction_logits", "seq_relationship_logits", "start_logits", "end_logits")
    return [answer[name] for name in names if name in answer]


def where_asked(logits):
    """Without what stands at padding: there the kernel computes nothing and the reference something."""
    return logits[REAL] if logits.shape[:2] == REAL.shape else logits


# against the reference


@EVERY
@pytest.mark.parametrize("dtype", NEAR)
def test_answers_and_loss_are_those_of_the_reference(kind, dtype):
    changes, labels, named = CASES[kind]
    model = small.bert(kind, **changes).to(dtype)
    mine, theirs = model(*given(kind)), asked(reference.twin(model), given(kind), **named)
    for ours, other in zip(answers(mine), answers(theirs), strict=True):
        close(where_asked(ours), where_asked(other), rtol=NEAR[dtype], atol=NEAR[dtype])  # some logits are above 1
    once = kind is heads.CausalLanguageModel  # the reference always computes its loss in float32
    close(model.loss(mine, labels), theirs.loss.to(dtype), rtol=0, atol=1e-5 if once else NEAR[dtype])


@EVERY
@pytest.mark.parametrize("tied", [True, False])
def test_gradients_of_all_parameters_are_those_of_the_reference(kind, tied):
    changes, labels, named = CASES[kind]
    model = small.bert(kind, tied=tied, **NO_DROPOUT, **changes).train()
    theirs = reference.twin(model)
    model.loss(model(*given(kind)), labels).backward()
    asked(theirs, given(kind), **named).loss.backward()
    reference.assert_same_gradients(model, theirs)


@pytest.mark.parametrize("kind", PREDICTING, ids=lambda kind: kind.__name__)
def test_tied_there_is_one_table_of_pieces_untied_there_are_two(kind):
    changes = CASES[kind][0]
    tied, untied = (small.bert(kind, tied=tie, **changes) for tie in (True, False))
    assert "predict.weight" not in dict(tied.named_parameters())
    assert untied.predict.weight.shape == untied.embed.pieces.weight.shape
    untied.load_state_dict(tied.state_dict() | {"predict.weight": tied.embed.pieces.weight})
    for mine, other in zip(answers(tied(*given(kind))), answers(untied(*given(kind))), strict=True):
        close(mine, other, rtol=0, atol=0)


@EVERY
def test_attention_has_the_same_address_under_every_head(kind):
    model = small.bert(kind, **CASES[kind][0])
    with listen(model) as tape:
        model(*given(kind))
    assert {"layers.1.attention.weights", "layers.1.stream", "final", "logits"} <= set(tape)
    assert ("pooled" in tape) == isinstance(model, heads.Pooled)


@EVERY
def test_what_a_head_adds_begins_as_the_paper_says(kind):
    model = kind(small.config(**CASES[kind][0]))
    added = {name: weight for name, weight in model.state_dict().items() if not name.startswith(("embed.", "layers."))}
    assert added
    for name, weight in added.items():
        first = torch.ones_like(weight) if name.endswith("gain") else torch.zeros_like(weight)
        assert weight.std() > 0.2 if weight.dim() > 1 else torch.equal(weight, first), name


def test_the_pooler_and_the_prediction_may_have_activations_of_their_own():
    """DistilBERT's pooler is a relu; RoBERTa predicts with gelu, whatever stands inside."""
    pooled = small.bert(heads.Pooled, pooler="relu")
    stream, read = pooled.pool(IDS, None, None, None)
    close(read, F.relu(F.linear(stream[:, 0], pooled.pooler.linear.weight, pooled.pooler.linear.bias)))
    model = small.bert(heads.MaskedLanguageModel, activation="relu", predict="gelu")
    predict, stream = model.predict, Bert.forward(model, IDS)
    transformed = F.gelu(F.linear(stream, predict.transform.weight, predict.transform.bias))
    expected = F.layer_norm(transformed, (12,), predict.norm.gain, predict.norm.shift, 1e-12)
    close(model(IDS), expected @ model.embed.pieces.weight.T + predict.bias, rtol=0, atol=1e-5)


# dropout before the answer

DROPPING = [heads.SequenceClassification, heads.MultipleChoice, heads.TokenClassification]


@pytest.mark.parametrize("kind", DROPPING, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(("own", "share"), [(None, 0.2), (0.6, 0.6), (0.0, 0.0)])
def test_the_dropout_of_a_head_is_that_of_the_model_unless_it_has_its_own(kind, own, share):
    model = small.bert(kind, dropout=0.2, head_dropout=own)
    assert model.quiet.p == share == reference.twin(model).dropout.p


@pytest.mark.parametrize("kind", DROPPING, ids=lambda kind: kind.__name__)
def test_the_dropout_of_a_head_works_in_training_and_only_then(kind):
    model = small.bert(kind, dropout=0.0, attention_dropout=0.0, head_dropout=0.5)
    close(model(*given(kind)), model(*given(kind)), rtol=0, atol=0)
    model.train()
    assert not torch.equal(model(*given(kind)), model(*given(kind)))


def test_nothing_is_dropped_before_a_span_as_in_the_reference():
    model = small.bert(heads.QuestionAnswering, dropout=0.0, attention_dropout=0.0, head_dropout=0.5).train()
    theirs = asked(reference.twin(model), given(type(model)))
    for mine, other in zip(answers(model(*given(type(model)))), answers(theirs), strict=True):
        close(mine, other, rtol=0, atol=1e-5)


# what is not asked about


def nothing(labels):
    """The same labels, none of them asked about."""
    if isinstance(labels, tuple):
        return type(labels)(*map(nothing, labels))
    return torch.full_like(labels, IGNORED)


@EVERY
def test_where_nothing_is_asked_the_loss_is_zero_where_the_reference_has_none(kind):
    changes, labels, named = CASES[kind]
    model = small.bert(kind, **changes)
    loss = model.loss(model(*given(kind)), nothing(labels))
    loss.backward()
    assert loss == 0 and not any(weight.grad.any() for weight in model.parameters() if weight.grad is not None)
    outside = 99 if kind is heads.QuestionAnswering else IGNORED  # it takes −100 for the first position
    theirs = asked(
        reference.twin(model), given(kind), **{name: torch.full_like(x, outside) for name, x in named.items()}
    )
    assert theirs.loss.isnan()


@EVERY
def test_a_label_that_is_ignored_is_a_row_left_out(kind):
    changes, labels, _ = CASES[kind]
    model, inputs = small.bert(kind, **changes).double(), given(kind)
    every = labels if isinstance(labels, tuple) else (labels,)
    without = [label.index_fill(0, torch.tensor([0]), IGNORED) for label in every]
    rest = [label[1:] for label in every]
    wrap = type(labels) if isinstance(labels, tuple) else lambda *only: only[0]
    mine = model.loss(model(*inputs), wrap(*without))
    close(mine, model.loss(model(*(x[1:] for x in inputs)), wrap(*rest)), rtol=0, atol=1e-10)


def test_a_token_classification_does_not_ask_about_padding():
    """As the reference once did: only where the mask of attention is 1.  Today it asks about all but −100."""
    model = small.bert(heads.TokenClassification).double()
    tags, logits = IDS % 7, model(IDS, REAL, TYPES)
    expected = -logits.log_softmax(-1).gather(-1, tags[..., None])[..., 0][REAL].mean()
    close(model.loss(logits, tags, REAL), expected, rtol=0, atol=1e-10)
    theirs = reference.twin(model)
    close(asked(theirs, given(type(model)), labels=tags.masked_fill(~REAL, -100)).loss, expected, rtol=0, atol=1e-10)
    assert (asked(theirs, given(type(model)), labels=tags).loss - expected).abs() > 0.01


SPANS = {"start_positions": STARTS, "end_positions": ENDS}


def test_a_span_that_stands_outside_the_text_is_not_asked_about():
    model = small.bert(heads.QuestionAnswering).double()
    logits = model(IDS, types=TYPES)
    start, end = (each.log_softmax(-1) for each in logits)
    expected = -(start[[0, 1, 3], [0, 3, 2]].mean() + end[[0, 1, 2], [6, 3, 1]].mean()) / 2
    close(model.loss(logits, Span(STARTS, ENDS)), expected, rtol=0, atol=1e-10)
    close(reference.twin(model)(IDS, token_type_ids=TYPES, **SPANS).loss, expected, rtol=0, atol=1e-10)


def test_padding_is_no_answer_where_in_the_reference_it_may_be():
    """Each text is asked as it is alone; a label at padding, the first text's end, is outside like any other."""
    model = small.bert(heads.QuestionAnswering).double()
    starts, ends, real = torch.tensor([1, 3, 0, 5]), torch.tensor([6, 3, 1, 4]), REAL.clone()
    real[0, 5:] = False
    alone = [model(IDS[row, mark][None], None, TYPES[row, mark][None]) for row, mark in enumerate(real)]
    begins = [-alone[row].start[0].log_softmax(-1)[starts[row]] for row in range(4)]
    finishes = [-alone[row].end[0].log_softmax(-1)[ends[row]] for row in (1, 2, 3)]
    expected = (torch.stack(begins).mean() + torch.stack(finishes).mean()) / 2
    close(model.loss(model(IDS, real, TYPES), Span(starts, ends), real), expected, rtol=0, atol=1e-10)
    with listen(model):  # the definitions compute something where padding stands
        close(model.loss(model(IDS, real, TYPES), Span(starts, ends), real), expected, rtol=0, atol=1e-10)
    wrong = asked(reference.twin(model), (IDS, real, TYPES), start_positions=starts, end_positions=ends).loss
    assert (wrong - expected).abs() > 0.01


def test_the_span_of_a_text_of_nothing_but_padding_is_not_asked_about():
    model, real = small.bert(heads.QuestionAnswering), REAL.clone()
    real[1] = False
    loss = model.loss(model(IDS, real), Span(STARTS, ENDS), real)
    without = torch.tensor([0, 2, 3])
    rest = model.loss(model(IDS[without], real[without]), Span(STARTS[without], ENDS[without]), real[without])
    loss.backward()
    close(loss, rest, rtol=0, atol=1e-5)
    assert all(weight.grad.isfinite().all() for weight in model.parameters() if weight.grad is not None)


def test_a_span_before_the_text_is_outside_where_the_reference_asks_for_the_first_piece():
    model = small.bert(heads.QuestionAnswering).double()
    before, first, beyond = torch.tensor([-100, 3, -1, 2]), torch.tensor([0, 3, 0, 2]), torch.tensor([9, 3, 9, 2])
    theirs, logits = reference.twin(model), model(IDS)
    wrong, as_first = (theirs(IDS, start_positions=start, end_positions=ENDS).loss for start in (before, first))
    mine, mine_first, mine_beyond = (model.loss(logits, Span(start, ENDS)) for start in (before, first, beyond))
    close((wrong, mine_first), (as_first, as_first), rtol=0, atol=1e-10)
    close(mine, mine_beyond, rtol=0, atol=0)
    assert (mine - wrong).abs() > 0.01


# the two tasks of pre-training


def test_labels_of_one_task_are_enough_where_the_reference_then_has_no_loss():
    model = small.bert(heads.PreTraining).double()
    logits, theirs = model(IDS, REAL, TYPES), reference.twin(model)
    masked, follows = (model.loss(logits, Pretrained(*only)) for only in ((PIECES, None), (None, NEXT)))
    close(masked + follows, model.loss(logits, Pretrained(PIECES, NEXT)), rtol=0, atol=1e-10)
    close(masked, F.cross_entropy(logits.pieces.flatten(0, 1), PIECES.flatten()), rtol=0, atol=1e-10)
    close(follows, F.cross_entropy(logits.follows, NEXT), rtol=0, atol=1e-10)
    assert asked(theirs, given(type(model)), labels=PIECES).loss is None
    assert asked(theirs, given(type(model)), next_sentence_label=NEXT).loss is None


# one class, several, or numbers

NUMBERS = torch.tensor([0.5, -2.0, 1.0, 0.0])
FLAGS = (torch.arange(28).view(4, 7) % 3 == 0).float()
LABELLED = {
    "one number": (1, None, NUMBERS),
    "one number in a column": (1, None, NUMBERS[:, None]),
    "several numbers": (7, "regression", NUMBERS[:, None].expand(4, 7).cumsum(1)),
    "one class": (7, None, CLASSES),
    "one class, said so": (7, "single_label_classification", CLASSES),
    "several classes": (7, None, FLAGS),
    "several classes, said so": (7, "multi_label_classification", FLAGS),
}


@pytest.mark.parametrize("case", LABELLED)
def test_each_kind_of_classification_is_that_of_the_reference(case):
    classes, problem, labels = LABELLED[case]
    model = small.bert(heads.SequenceClassification, classes=classes, problem=problem, **NO_DROPOUT).double().train()
    labels = labels.double() if labels.is_floating_point() else labels
    theirs, loss = reference.twin(model), model.loss(model(IDS, REAL, TYPES), labels)
    expected = asked(theirs, given(type(model)), labels=labels).loss
    close(loss, expected, rtol=0, atol=1e-10)
    loss.backward(), expected.backward()
    reference.assert_same_gradients(model, theirs)


def test_whole_numbers_will_do_where_numbers_are_asked_for():
    for classes, problem, labels in ((1, None, NEXT), (7, "multi_label_classification", FLAGS.long())):
        model = small.bert(heads.SequenceClassification, classes=classes, problem=problem)
        logits = model(IDS)
        close(model.loss(logits, labels), model.loss(logits, labels.float()), rtol=0, atol=0)


def test_the_kind_of_a_classification_does_not_stick_as_it_does_in_the_reference():
    model = small.bert(heads.SequenceClassification).double()
    logits, theirs, flags = model(IDS, REAL, TYPES), reference.twin(model), FLAGS.double()
    one, several = model.loss(logits, CLASSES), model.loss(logits, flags)
    close(one, F.cross_entropy(logits, CLASSES), rtol=0, atol=1e-10)
    close(several, F.binary_cross_entropy_with_logits(logits, flags), rtol=0, atol=1e-10)
    assert model.config.problem is None
    close(asked(theirs, given(type(model)), labels=CLASSES).loss, one, rtol=0, atol=1e-10)
    with pytest.raises(ValueError, match="batch_size"):
        asked(theirs, given(type(model)), labels=flags)
    assert theirs.config.problem_type == "single_label_classification"


def test_a_kind_of_classification_that_does_not_exist_lists_those_that_do():
    with pytest.raises(ValueError, match="problem 'ranking' is not known; choose regression, single_label_"):
        BertConfig(problem="ranking")


# choosing, and predicting what comes next


def test_each_choice_is_read_by_itself():
    model = small.bert(heads.MultipleChoice).double()
    ids, real, types = (x.view(2, 2, 7) for x in (IDS, REAL, TYPES))
    logits = model(ids, real, types)
    assert logits.shape == (2, 2)
    for text in range(2):
        for choice in range(2):
            own = (x[text : text + 1, choice : choice + 1] for x in (ids, real, types))
            close(model(*own)[0, 0], logits[text, choice], rtol=0, atol=1e-10)
    close(model(ids[:, :1]), model(ids)[:, :1], rtol=0, atol=1e-10)


def test_choices_may_be_given_positions():
    model = small.bert(heads.MultipleChoice).double()
    ids, places = IDS.view(2, 2, 7), torch.arange(7).flip(0).expand(2, 2, 7)
    expected = reference.twin(model)(ids, position_ids=places).logits
    close(model(ids, positions=places), expected, rtol=0, atol=1e-10)


def test_a_causal_language_model_must_be_a_decoder():
    with pytest.raises(ValueError, match=r"set decoder=True \(is_decoder in config.json\)"):
        heads.CausalLanguageModel(small.config())


def test_position_n_answers_for_the_piece_after_it():
    model = small.bert(heads.CausalLanguageModel, decoder=True).double()
    logits = model(IDS)
    by_hand = [-logits[row, at].log_softmax(-1)[IDS[row, at + 1]] for row in range(4) for at in range(6)]
    close(model.loss(logits, IDS), torch.stack(by_hand).mean(), rtol=0, atol=1e-10)


def test_the_next_piece_of_a_translation_is_that_of_the_reference_step_by_step():
    model = small.bert(heads.CausalLanguageModel, decoder=True, cross=True).double()
    source, source_real = torch.randn(4, 3, 12, dtype=torch.float64), torch.tensor([[True, True, False]] * 4)
    memory, theirs = Memory(source, source_real), reference.twin(model)
    expected = theirs(IDS, encoder_hidden_states=source, encoder_attention_mask=source_real.long()).logits
    steps = [model(IDS[:, at : at + 1], memory=memory) for at in range(7)]
    close(torch.cat(steps, dim=1), expected, rtol=0, atol=1e-10)


def test_a_causal_language_model_of_one_piece_is_asked_nothing():
    model = small.bert(heads.CausalLanguageModel, decoder=True)
    assert model.loss(model(IDS[:, :1]), IDS[:, :1]) == 0


@pytest.mark.parametrize("kind", PREDICTING, ids=lambda kind: kind.__name__)
def test_recomputing_changes_no_gradient_of_a_head(kind):
    changes, labels, _ = CASES[kind]
    model = small.bert(kind, **NO_DROPOUT, **changes).double().train()
    grads = []
    for again in (False, True):
        model.layers.recompute = again
        grads.append(torch.autograd.grad(model.loss(model(*given(kind)), labels), list(model.parameters())))
    close(grads[0], grads[1], rtol=1e-9, atol=1e-9)
