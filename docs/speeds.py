"""The tables of speeds in bench/README.md and README.md, from what `peers.py --json` wrote.

python docs/speeds.py FILE.json [FILE.json …]      a later file's workloads replace an earlier one's
"""

import json
import sys

WORK = {
    "W1": "one sentence of 11 pieces",
    "W2": "320 short sentences of mixed length",
    "W3": "8 documents of up to 512 pieces",
    "W5": "a training step, 32 sentences of mixed length",
    "W6": "all attention weights of 11 pieces",
    "W6L": "all attention weights of 128 pieces",
}
NAMES = {
    "fp32": "**Glassformer, float32**",
    "bf16": "**Glassformer, bfloat16**",
    "hf-sdpa": "Hugging Face, SDPA",
    "hf-sdpa-sorted": "the same, sorted by length",
    "hf-eager": "Hugging Face, eager",
    "sentence-transformers": "sentence-transformers",
    "torch-encoder": "nn.TransformerEncoder",
    "ort-fp32": "ONNX Runtime, float32",
    "ort-int8": "ONNX Runtime, int8",
    "openvino-fp32": "OpenVINO, float32",
    "openvino-default": "OpenVINO, default (bfloat16)",
    "ct2-fp32": "CTranslate2, float32",
    "ct2-int8": "CTranslate2, int8",
}


def times(results: dict, work: str, peer: str) -> str:
    """How many times as fast as Hugging Face, which is eager where attention weights are asked for."""
    found = results.get(work, {})
    base = found.get("hf-eager" if work.startswith("W6") else "hf-sdpa")
    return f"{base['s'] / found[peer]['s']:.2f}" if base and peer in found else ""


def difference(results: dict, peer: str) -> str:
    found = [each.get(peer, {}).get("max_diff") for work, each in results.items() if work in ("W1", "W2", "W3")]
    known = [each for each in found if each is not None]
    return f"{max(known):.0e}" if known else ""


def main() -> int:
    results: dict = {}
    for name in sys.argv[1:]:
        with open(name) as file:
            results |= json.load(file)["results"]
    works = [work for work in WORK if work in results]
    print("| × Hugging Face | " + " | ".join(WORK[work] for work in works) + " | largest difference |")
    print("|---|" + "---|" * (len(works) + 1))
    for peer, name in NAMES.items():
        row = [times(results, work, peer) for work in works]
        if any(row):
            print(f"| {name} | " + " | ".join(row) + f" | {difference(results, peer)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
