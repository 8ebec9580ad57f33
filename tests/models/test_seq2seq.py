"""The translator against PyTorch's own transformer and Marian with the same weights, and what it promises."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glassformer.models.seq2seq import POSITIONS, Translator, TranslatorConfig
from glassformer.parts import embed, mask
from glassformer.parts.attention import Memory
from glassformer.parts.block import LayerNorm
from glassformer.tape import listen
from tests import small, twins
from tests.models.test_simple import golden

close, exact = torch.testing.assert_close, {"rtol": 0, "atol": 1e-12}
BLOCKS = ("post", "pre")
SOURCE = torch.tensor([[5, 2, 8, 6, 1, 7], [4, 4, 9, 10, 3, 3], [8, 1, 6, 2, 9, 5]])
IDS = torch.tensor([[1, 9, 4, 10, 4], [1, 3, 8, 6, 1], [4, 4, 1, 5, 9]])
FULL, SHORT, ONE = [True] * 6, [True] * 4 + [False] * 2, [True] + [False] * 5
RIGHT = torch.tensor([FULL, SHORT, ONE])
LEFT = torch.tensor([[True] * 5, [False] * 2 + [True] * 3, [False] * 4 + [True]])


def answered(model, ids, source, real=None, source_real=None):
    return model(ids, real, model.read(source, source_real))


# names are API


@pytest.mark.parametrize("block", BLOCKS)
def test_site_names_are_the_golden_ones(block):
    model = small.translator(block=block, encoder_layers=1, layers=1)
    with listen(model) as tape:
        answered(model, IDS, SOURCE)
    assert list(tape) == golden(f"Translator {block}")


# against PyTorch's own


def by_pytorch(model, table, ids, source, real, source_real):
    """The logits, with a table of vectors of its own, so that its gradient is the sum of three uses."""
    read = [F.embedding(each, table) * math.sqrt(12) + embed.interleaved(9, 12)[mask.places(mark)]
            for each, mark in ((source, source_real), (ids, real))]  # fmt: skip
    twin = twins.translator(model)
    out = twin(
        *read,
        tgt_mask=~mask.causal(ids.size(1)),
        src_key_padding_mask=~source_real,
        memory_key_padding_mask=~source_real,
        tgt_key_padding_mask=~real,
    )
    return out @ table.T, twin


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_translator_is_the_transformer_of_pytorch_values_and_gradients(block, padded, dtype):
    model = small.translator(block=block).to(dtype)
    real, source_real = (LEFT.flip(1), RIGHT) if padded else (torch.ones_like(LEFT), torch.ones_like(RIGHT))
    table = model.embed.pieces.weight.detach().clone().requires_grad_()
    given = (real, source_real) if padded else (None, None)
    mine = answered(model, IDS, SOURCE, *given)
    theirs, twin = by_pytorch(model, table, IDS, SOURCE, real, source_real)
    near = {"rtol": 0, "atol": 1e-4} if dtype == torch.float32 else exact
    close(mine[real], theirs[real], **near)

    mine[real].log_softmax(-1)[:, 3].sum().backward()
    theirs[real].log_softmax(-1)[:, 3].sum().backward()
    close(model.embed.pieces.weight.grad, table.grad, **near)
    for ours, other in (*zip(model.encoder.layers, twin.encoder.layers), *zip(model.layers, twin.decoder.layers)):  # noqa: B905
        close(ours.mlp.inward.weight.grad, other.linear1.weight.grad, **near)
        close(ours.attention_norm.gain.grad, other.norm1.weight.grad, **near)
        queries = torch.cat([reader.weight.grad for reader in (ours.attention.q, ours.attention.k, ours.attention.v)])
        close(queries, other.self_attn.in_proj_weight.grad, **near)
    for ours, other in zip(model.layers, twin.decoder.layers, strict=True):
        crossed = torch.cat([reader.weight.grad for reader in (ours.cross.q, ours.cross.k, ours.cross.v)])
        close(crossed, other.multihead_attn.in_proj_weight.grad, **near)
        close(ours.cross.out.weight.grad, other.multihead_attn.out_proj.weight.grad, **near)
        close(ours.cross_norm.shift.grad, other.norm2.bias.grad, **near)


# against Marian

MARIAN = (  # read in this order, each on what the ones before have left
    ("encoder.layers.", "model.encoder.LAYERS."),
    ("embed.pieces.", "model.shared."),
    ("predict.bias", "final_logits_bias"),
    ("attention_norm.", "self_attn_layer_norm."),
    ("cross_norm.", "encoder_attn_layer_norm."),
    ("mlp_norm.", "final_layer_norm."),
    ("attention.", "self_attn."),
    ("cross.", "encoder_attn."),
    ("mlp.inward.", "fc1."),
    ("mlp.outward.", "fc2."),
    (".q.", ".q_proj."),
    (".k.", ".k_proj."),
    (".v.", ".v_proj."),
    (".out.", ".out_proj."),
    (".gain", ".weight"),
    (".shift", ".bias"),
)


def renamed(name):
    for ours, theirs in MARIAN:
        name = name.replace(ours, theirs)
    return name.replace("LAYERS", "layers") if "LAYERS" in name else name.replace("layers.", "model.decoder.layers.")


def marian(**changes):
    """Our model and Marian's with its weights; every size of the encoder is another one than the decoder's."""
    sizes = {"encoder_heads": 2, "encoder_hidden": 16, "encoder_layers": 3, "activation": "swish", "bias": True}
    ours = small.translator(positions="marian", padding=10, start=10, **sizes | changes)
    from transformers import MarianConfig, MarianMTModel

    theirs = MarianMTModel(
        MarianConfig(
            vocab_size=11, d_model=12, encoder_layers=3, decoder_layers=2, encoder_attention_heads=2,
            decoder_attention_heads=3, encoder_ffn_dim=16, decoder_ffn_dim=20, activation_function="swish",
            dropout=0.0, max_position_embeddings=9, scale_embedding=ours.config.scaled, pad_token_id=10,
            decoder_start_token_id=10, eos_token_id=0, forced_eos_token_id=0,
        )
    ).eval()  # fmt: skip
    state = {renamed(name): weight for name, weight in ours.state_dict().items()}
    state["final_logits_bias"] = state["final_logits_bias"][None]
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected and all("embed_" in name or name == "lm_head.weight" for name in missing), (
        missing,
        unexpected,
    )
    theirs.tie_weights()
    return ours, theirs


@pytest.mark.parametrize("scaled", [True, False])
@torch.no_grad()
def test_with_the_weights_of_a_marian_the_logits_are_its(scaled):
    ours, theirs = marian(scaled=scaled)
    expected = theirs(input_ids=SOURCE, attention_mask=RIGHT.long(), decoder_input_ids=IDS).logits
    close(answered(ours, IDS, SOURCE, None, RIGHT), expected, rtol=0, atol=1e-5)
    exactly = theirs.double()(input_ids=SOURCE, attention_mask=RIGHT.long(), decoder_input_ids=IDS).logits
    close(answered(ours.double(), IDS, SOURCE, None, RIGHT), exactly, **exact)
    assert (expected[0, 1:] != expected[0, :1]).any() and not torch.allclose(expected[0], expected[1], atol=0.1)


@torch.no_grad()
def test_a_marian_that_remembers_gives_the_same_next_pieces():
    ours, theirs = marian()
    how = {"do_sample": True, "num_beams": 1, "top_k": 0, "max_new_tokens": 6, "bad_words_ids": None}
    ends = {"eos_token_id": None, "forced_eos_token_id": None, "output_logits": True, "return_dict_in_generate": True}
    written = theirs.generate(SOURCE, attention_mask=RIGHT.long(), **how, **ends)
    memory, pieces = ours.read(SOURCE, RIGHT), written.sequences
    assert pieces.shape == (3, 7) and len(set(pieces.flatten().tolist())) > 4
    for at, expected in enumerate(written.logits):
        close(ours(pieces[:, at : at + 1], memory=memory)[:, -1], expected, rtol=0, atol=1e-5)


# what is remembered, and padding


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("sizes", [[1] * 5, [3, 2], [1, 4]], ids=str)
def test_piece_by_piece_is_all_at_once(block, positions, sizes):
    model = small.translator(block=block, positions=positions)
    memory, real = model.read(SOURCE, RIGHT), LEFT.split(sizes, dim=1)
    parts = [model(ids, mark, memory) for ids, mark in zip(IDS.split(sizes, dim=1), real, strict=True)]
    at_once = answered(model, IDS, SOURCE, LEFT, RIGHT)
    close(torch.cat(parts, dim=1)[LEFT], at_once[LEFT], rtol=0, atol=1e-5)
    assert memory.real.shape == (3, 5)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("turned", [False, True], ids=["padding behind the source", "in front of it"])
def test_a_padded_row_is_the_row_alone(block, turned):
    model = small.translator(block=block).double()
    source, real = (SOURCE.flip(1), RIGHT.flip(1)) if turned else (SOURCE, RIGHT)
    together = answered(model, IDS, source, LEFT, real)
    for row in range(3):
        alone = answered(model, IDS[row : row + 1, LEFT[row]], source[row : row + 1, real[row]])
        close(together[row, LEFT[row]], alone[0], **exact)


def test_rows_that_are_chosen_go_on_as_they_would_have():
    model = small.translator().double()
    memory, rows = model.read(SOURCE, RIGHT), torch.tensor([2, 0, 0])
    model(IDS[:, :3], memory=memory)
    other = memory.copy()
    memory.choose(rows)
    expected = answered(model, IDS, SOURCE, None, RIGHT)[:, 3:]
    close(model(IDS[rows, 3:], memory=memory), expected[rows], **exact)
    close(model(IDS[:, 3:], memory=other), expected, **exact)


def test_the_source_is_read_once_however_much_is_written():
    model, reads = small.translator(), []
    model.encoder.register_forward_hook(lambda *_: reads.append("encoder"))
    model.layers[1].cross.k.register_forward_hook(lambda *_: reads.append("cross"))
    memory = model.read(SOURCE)
    for at in range(4):
        model(IDS[:, at : at + 1], memory=memory)
    assert reads == ["encoder", "cross"]


def test_a_source_of_nothing_but_padding_gives_finite_answers_and_gradients():
    model = small.translator()
    logits = answered(model, IDS, SOURCE, torch.zeros_like(LEFT), torch.zeros_like(RIGHT))
    logits.sum().backward()
    assert logits.isfinite().all()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())


def test_the_translator_compiles_to_one_graph():
    model = small.translator()

    def read_and_write(ids):
        return answered(model, ids, SOURCE, LEFT, RIGHT)

    compiled = torch.compile(read_and_write, fullgraph=True, backend="eager")
    close(compiled(IDS)[LEFT], read_and_write(IDS)[LEFT], rtol=0, atol=1e-5)


# what the paper says


@pytest.mark.parametrize("block", BLOCKS)
def test_nobody_looks_ahead_and_everybody_at_all_of_the_source(block):
    model = small.translator(block=block).double()
    before = answered(model, IDS, SOURCE)
    for at in range(5):
        changed = IDS.clone()
        changed[:, at] = (IDS[:, at] + 1) % 11
        after = answered(model, changed, SOURCE)
        close(after[:, :at], before[:, :at], **exact)
        assert ((after - before)[:, at:].abs().amax(-1) > 1e-6).all()
    for at in range(6):
        changed = SOURCE.clone()
        changed[:, at] = (SOURCE[:, at] + 1) % 11
        assert ((answered(model, IDS, changed) - before).abs().amax(-1) > 1e-6).all()


def test_the_top_of_the_encoder_feeds_every_block_of_the_decoder():
    model = small.translator(block="pre", layers=3)
    with listen(model) as tape:
        answered(model, IDS, SOURCE)
    for layer, block in enumerate(model.layers):
        k, v = block.cross.read(tape["encoder.final"])
        close((tape[f"layers.{layer}.cross.k"], tape[f"layers.{layer}.cross.v"]), (k, v))
    assert tape["layers.0.cross.weights"].shape == (3, 3, 5, 6)


def test_blocks_are_alike_and_share_no_weights():
    model = small.translator()
    for stack in (model.encoder.layers, model.layers):
        first, second = (dict(block.named_parameters()) for block in stack)
        assert first.keys() == second.keys()
        assert not {weight.data_ptr() for weight in first.values()} & {weight.data_ptr() for weight in second.values()}


@pytest.mark.parametrize("changes", [{}, {"tied": False, "bias": True}, {"block": "pre"}], ids=str)
def test_there_is_one_table_and_a_file_has_it_once(changes):
    model = small.translator(**changes)
    state = model.state_dict()
    assert [name for name in state if "pieces" in name] == ["embed.pieces.weight"]
    assert len({weight.data_ptr() for weight in state.values()}) == len(state)
    assert set(state) == set(dict(model.named_parameters()))
    assert ("predict.weight" in state) == (not model.config.tied) and ("predict.bias" in state) == model.config.bias
    other = Translator(model.config).eval()
    other.load_state_dict(state)
    assert torch.equal(answered(other, IDS, SOURCE), answered(model, IDS, SOURCE))


def test_untied_pieces_are_predicted_with_vectors_of_their_own_and_a_bias_is_added():
    model = small.translator(tied=False, bias=True).double()
    with listen(model, "final") as tape:
        logits = answered(model, IDS, SOURCE)
    close(logits, tape["final"] @ model.predict.weight.T + model.predict.bias, **exact)


def test_every_parameter_learns():
    model = small.translator(block="pre", tied=False, bias=True)
    answered(model, IDS, SOURCE).log_softmax(-1)[..., 0].sum().backward()
    assert all(weight.grad.any() for weight in model.parameters())


def test_dropout_works_behind_both_embeddings_in_training_and_only_then():
    model = small.translator(dropout=0.5)
    assert torch.equal(answered(model, IDS, SOURCE), answered(model, IDS, SOURCE))
    model.train()
    with listen(model, ("embed.stream", "encoder.embed.stream")) as tape:
        answered(model, IDS, SOURCE)
    for site, stream in tape.items():
        assert 0.2 < (stream == 0).float().mean() < 0.8, site


# how it begins to learn


def base(**changes):
    return Translator(TranslatorConfig(vocabulary=2000, width=256, encoder_layers=1, layers=1, hidden=512, **changes))


def test_weights_begin_as_published():
    model = base(bias=True, tied=False)
    for table in (model.embed.pieces.weight, model.predict.weight):
        assert table.std().item() == pytest.approx(256**-0.5, rel=0.02) and abs(table.mean()) < 1e-3
    for part in model.modules():
        if isinstance(part, nn.Linear):
            most = math.sqrt(6 / sum(part.weight.shape))
            assert part.weight.abs().max() <= most and not part.bias.any()
            assert part.weight.std().item() == pytest.approx(most / math.sqrt(3), rel=0.02)
        if isinstance(part, LayerNorm):
            assert (part.gain == 1).all() and not part.shift.any()
    assert not model.predict.bias.any()


def sizes(model, ids):
    """The root mean square of the vectors of pieces and of places, as they meet, and the spread of the logits."""
    with listen(model, ("embed.pieces", "embed.places", "logits")) as tape:
        answered(model, ids, ids)
    return (tape[site].square().mean().sqrt().item() for site in ("embed.pieces", "embed.places", "logits"))


@torch.no_grad()
def test_times_root_w_is_there_because_one_table_serves_twice():
    """The paper does not say why.  Its table begins small, so that logits begin at one; the sinusoids are not small."""
    model, ids = base().eval(), torch.randint(3, 2000, (4, 50))
    pieces, places, logits = sizes(model, ids)
    assert places == pytest.approx(math.sqrt(1 / 2), rel=0.01)  # the mean of sin² and cos²
    assert pieces == pytest.approx(1, rel=0.05)  # of the sinusoids' size
    assert logits == pytest.approx(1, rel=0.1)

    model.embed.pieces.times = 1.0  # left out: what the piece is drowns in where it stands
    pieces, places, _ = sizes(model, ids)
    assert pieces < places / 10

    model.embed.pieces.weight *= 16  # a table of spread one instead: no piece drowns, and the logits are √w as large
    pieces, _, logits = sizes(model, ids)
    assert pieces == pytest.approx(1, rel=0.05) and logits == pytest.approx(16, rel=0.1)


# configs


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"block": "both"}, "block 'both' is not known; choose post, pre"),
        ({"positions": "learned"}, "positions 'learned' is not known; choose interleaved, halves, marian"),
        ({"activation": "step"}, "activation 'step' is not known; choose relu"),
        ({"heads": 5}, "width 12 does not divide into 5 heads; try 1, 2, 3, 4, 6 or 12"),
        ({"encoder_heads": 7}, "width 12 does not divide into 7 heads"),
        ({"padding": 11}, "padding is piece 11, there are 11: 0 to 10"),
        ({"end": -1}, "end is piece -1, there are 11: 0 to 10"),
    ],
)
def test_what_does_not_fit_fails_at_construction(changes, message):
    with pytest.raises(ValueError, match=message):
        TranslatorConfig(**small.CORE | changes)


def test_a_config_names_its_table_of_positions_and_cannot_be_changed():
    for name in POSITIONS:
        model = small.translator(positions=name)
        for part in (model.embed, model.encoder.embed):
            assert torch.equal(part.positions.table, getattr(embed, name)(9, 12))
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.config.width = 1
    assert model.config.longest == 9


@pytest.mark.parametrize("memory", [None, Memory()], ids=["no memory", "of no source"])
def test_without_a_source_there_is_nothing_to_translate_and_the_error_says_how(memory):
    with pytest.raises(ValueError, match=r"looks at a source: give memory=model\.read\(ids, real\)"):
        small.translator()(IDS, memory=memory)


def test_texts_that_are_too_long_name_both_numbers():
    model, many = small.translator(), torch.zeros(1, 10, dtype=torch.long)
    for ask in (lambda: model.read(many), lambda: model(many, memory=model.read(SOURCE[:1]))):
        with pytest.raises(ValueError, match="10 positions asked for, the model knows 9"):
            ask()
    memory = model.read(SOURCE[:1])
    model(many[:, :9], memory=memory)
    with pytest.raises(ValueError, match="10 positions asked for, the model knows 9"):
        model(many[:, :1], memory=memory)
    assert memory.length == 9  # as it was
