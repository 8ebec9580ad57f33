"""Pictures of any size, of made-up numbers that look like real ones: effects of all sizes, attention that falls off."""

import numpy as np

SENTENCE = "this restaurant was not terrible"
WIDTH = 384
MOST_EDGES = 20_000  # a picture of Python's has every edge of a short text, and 24 of a long one


def picture(pieces=8, layers=2, heads=4, width=32, seed=0, **fields):
    """A picture as `x.picture()` gives it."""
    random = np.random.default_rng(seed)
    arrays = {}
    for k in range(layers):
        arrays |= attention(random, f"layers.{k}.attention", (heads, pieces, width // heads))
        for kind in ("attention.mixed", "between", "mlp.out", "stream"):
            arrays[f"layers.{k}.{kind}"] = random.standard_normal((pieces, width), np.float32)
    for kind in ("pieces", "places", "stream"):
        arrays[f"embed.{kind}"] = random.standard_normal((pieces, width), np.float32)
    arrays["logits"] = random.standard_normal(2, np.float32)
    return {**header(random, pieces, layers, heads), "arrays": arrays, **fields}


def attention(random, path, shape):
    heads, n, _ = shape
    found = {f"{path}.{kind}": 2 * random.standard_normal(shape, np.float32) for kind in ("q", "k", "v")}
    found[f"{path}.brought"] = np.abs(random.standard_normal((heads, n), np.float32))
    found[f"{path}.cells"] = (0.01 * random.standard_normal((heads, n, n)) ** 3).astype(np.float32)
    if n > 64:
        found[f"{path}.thumb"] = random.random((heads, 32, 32), np.float32) ** 4
    return found


def header(random, pieces, layers, heads):
    words = [f"word{k}" for k in range(pieces)]
    changes = random.standard_normal((pieces, pieces))
    largest = np.argsort(-np.abs(changes), axis=None).tolist()[: pieces + MOST_EDGES]
    edges = [[*divmod(place, pieces), float(changes.flat[place]), 0.1] for place in largest]
    edges = [edge for edge in edges if edge[0] != edge[1]][:MOST_EDGES]
    effects = {
        "words": {"mask": random.standard_normal(pieces).tolist(), "delete": None, "unseen": None},
        "edges": edges,
        "edges_of": pieces * (pieces - 1),
        "heads": {
            "zero": random.standard_normal((layers, heads)).tolist(),
            "mean": None,
            "uniform": None,
            "exact": None,
        },
        "mlps": {"zero": random.standard_normal(layers).tolist(), "mean": None},
        "without": None,
    }
    model = {
        "name": "made",
        "given": "made",
        "what": "tells two labels apart",
        "family": "classifier",
        "layers": layers,
    }
    model |= {"heads": [heads] * layers, "width": 32, "labels": ["negative", "positive"]}
    metric = {"name": "log-odds", "of": "positive", "address": "logits[1]", "sides": ["negative", "positive"]}
    metric |= {"least": 0.05, "digits": 2, "blank": "[MASK]", "estimate": "to first order"}
    return {
        "schema": 1,
        "kind": "picture",
        "text": " ".join(words),
        "second": None,
        "read": "",
        "left_out": 0,
        "unread": "",
        "model": model,
        "pieces": words,
        "word_of": list(range(pieces)),
        "words": words,
        "word_pieces": [[k] for k in range(pieces)],
        "specials": [],
        "special_pieces": [],
        "second_from": 0,
        "answer": {"says": "positive", "share": 0.9, "value": 2.2, "probability": {"negative": 0.1, "positive": 0.9}},
        "views": [],
        "metric": metric,
        "before": 2.2,
        "effects": effects,
        "told": None,
        "take": None,
        "path": None,
        "readout": None,
        "baselines": None,
        "switches": [],
        "cells": {"exact": [[False] * heads] * layers},
        "whatifs": None,
        "left": None,
        "partial": False,
    }


def minilm(pieces):
    """As large as a picture by a BERT of 6 layers with 12 heads."""
    return picture(pieces, 6, 12, WIDTH)
