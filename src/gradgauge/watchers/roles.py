"""What a layer is for, and which repeated block it stands in: read from its name and its kind.

Where a framework shows what is done with a layer's output, that comes first. The names are those that the common packages give: transformers, timm, torchvision, diffusers,
Keras and Flax. A layer whose name says nothing has neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradgauge.layers import LayerInfo

_BY_KIND = {"normalization": "norm", "embedding": "embedding", "convolution": "conv"}

_ATTENTION = re.compile(r"attn|attention|mixer|\bsa\b|mha", re.IGNORECASE)
_FEED_FORWARD = re.compile(r"mlp|ffn|feed_?forward|\bff\b|expert|intermediate", re.IGNORECASE)

_NAMES: tuple[tuple[str, str], ...] = (
    ("qkv", r"qkv|c_attn|query_key_value|in_proj|Wqkv|to_qkv|to_kv"),
    ("q", r"q|q_proj|query|query_proj|to_q|q_lin|wq|q_a_proj|q_b_proj|query_dense"),
    ("k", r"k|k_proj|key|key_proj|to_k|k_lin|wk|key_dense"),
    ("v", r"v|v_proj|value|value_proj|to_v|v_lin|wv|value_dense"),
    ("o", r"o|o_proj|out_proj|output_proj|to_out|out_lin|attention_output"),
    ("gate", r"gate|gate_proj|w1|wi_0|gating"),
    ("up", r"up|up_proj|fc1|c_fc|lin1|w3|wi|wi_1|dense_h_to_4h|linear1|fc_in|.*intermediate_dense"),
    ("down", r"down|down_proj|fc2|lin2|w2|dense_4h_to_h|linear2|fc_out|feedforward_output_dense"),
    ("head", r"lm_head|head|classifier|score|cls|predictions|decoder_head|logits|qa_outputs"),
)
_PATTERNS = tuple((role, re.compile(f"(?:{names})\\Z", re.IGNORECASE)) for role, names in _NAMES)

_TOGETHER = (
    (re.compile(r"(.*[./])?w[123]()"), ("w1", "w2", "w3")),
    (re.compile(r"(.*[./])?[qkvo]((?:[./]\d+)?)", re.IGNORECASE), ("q", "k", "v")),
)
"""Short names that say something only where all of these stand side by side: any network has a
`w1` and a `w2`, and the `q` of a critic is no query."""

_LAST_OF_A_PART = ("c_proj", "dense", "proj", "wo", "out", "output_dense")
"""What the last layer of attention, or of a feed-forward part, may be called."""

_PAIR = re.compile(r"mlp_?block|feed_?forward|ffn|\bff\b", re.IGNORECASE)
_FIRST_OR_SECOND = re.compile(r"(?:dense|linear)(?:_0|(_1))?", re.IGNORECASE)
"""Layers of a feed-forward part that are only numbered, as Flax and Haiku do it."""

_NUMBERED = re.compile(
    r"(?:[a-z]+_)?(?:block|layer|stage|stack|encoder|decoder|h)[a-z]*_?\d+[a-z]?", re.IGNORECASE
)


def role_of(layer: LayerInfo) -> str:
    """`q`, `k`, `v`, `qkv`, `o`, `up`, `gate`, `down`, `norm`, `embedding`, `conv` or `head`; else
    empty."""
    if layer.kind in _BY_KIND:
        return _BY_KIND[layer.kind]
    parts = _parts(layer.name)
    if layer.kind in ("scale", "bias") or (layer.kind == "other" and not layer.units):
        return ""  # A parameter by itself: `cls` is a token there, and no head.
    last = [part for part in parts if not part.isdigit()][-1:]
    path = ".".join(parts[:-1])
    for role, pattern in _PATTERNS:
        if last and pattern.match(last[0]):
            return "head" if role == "o" and layer.output else role
    if last and last[0] in _LAST_OF_A_PART:
        if _FEED_FORWARD.search(path):
            return "down"
        if _ATTENTION.search(path):
            return "o"
        if last[0] == "dense" and path.endswith("output"):
            return "down"
        if last[0] in ("wo", "output_dense"):
            return "o"
    if last and _PAIR.search(path) and (pair := _FIRST_OR_SECOND.fullmatch(last[0])):
        return "down" if pair[1] else "up"
    return "head" if layer.output and layer.kind == "dense" else ""


def block_of(name: str) -> str:
    """The path down to the first numbered part, where something stands below it; else empty.

    `model.layers.3.self_attn.q_proj` stands in `model.layers.3`, Keras's `block_4_expand` in
    `block_4`. A part of a plain stack, `0` or `net.2`, is a layer and no block.
    """
    parts = _parts(name)
    for at, part in enumerate(parts[:-1]):
        if part.isdigit() or _NUMBERED.fullmatch(part):
            return _path(name, at + 1)
    flat = _NUMBERED.match(parts[-1]) if len(parts) == 1 else None
    return flat[0] if flat and flat[0] != parts[-1] else ""


def assign_roles(layers: Sequence[LayerInfo]) -> None:
    """Fill in what is not known yet of a Run's layers: roles that nothing else shows, and blocks."""
    names = {layer.name for layer in layers}
    for layer in layers:
        if layer.kind in _BY_KIND or _says_something(layer.name, names):
            layer.role = layer.role or role_of(layer)
        elif layer.output:
            layer.role = layer.role or "head"
        layer.block = block_of(layer.name)


def _says_something(name: str, names: set[str]) -> bool:
    for pattern, together in _TOGETHER:
        if found := pattern.fullmatch(name):
            before, after = found[1] or "", found[2]
            here = {own.lower() for own in names}
            return here.issuperset(f"{before}{own}{after}".lower() for own in together)
    return True


def _parts(name: str) -> list[str]:
    return re.split(r"[./]", name)


def _path(name: str, count: int) -> str:
    separators = [match.start() for match in re.finditer(r"[./]", name)]
    return name[: separators[count - 1]]
