"""The command lines that each command's help begins with."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "compare": (
        "gradgauge compare relu sigmoid",
        "gradgauge compare relu sigmoid tanh --depth 20 --seeds 5",
        'gradgauge compare "784-64x9:sigmoid-64:relu-10" relu',
        "gradgauge compare --preset practical",
        "gradgauge compare my_models.py:make_relu my_models.py:make_sig --data mnist",
    ),
    "why": ("gradgauge why sigmoid", "gradgauge why sigmoid --seeds 10 --out runs/why"),
    "theory": (
        "gradgauge theory tanh --sigma-w 1.5 --sigma-b 0.3",
        "gradgauge theory sigmoid --critical --sigma-b 0",
        "gradgauge theory relu --sigma-w 1.414 --measure",
    ),
    "diagnose": (
        "gradgauge diagnose model.keras --data data.npz",
        "gradgauge diagnose model.keras --data data.npz --json",
    ),
    "remedy": (
        "gradgauge remedy sigmoid",
        'gradgauge remedy "784-64x30-10 relu init=pytorch" --optimizer momentum --learning-rate 0.01',
        "gradgauge remedy sigmoid --dataset digits --epochs 10 --budget 90s",
    ),
    "explain": ("gradgauge explain vanishing-gradient",),
    "play": (
        "gradgauge play",
        "gradgauge play --share",
        'gradgauge play "net=64x30&act=tanh" --export replay.html',
    ),
    "sweep": (
        "gradgauge sweep plan.toml --dry-run",
        "gradgauge sweep plan.toml --out runs/sweep",
    ),
    "chart": ("gradgauge chart runs/sweep --x depth --y scale",),
    "lesson": (
        "gradgauge lesson",
        "gradgauge lesson runs/compare/relu.nc runs/compare/sigmoid.nc --out class",
    ),
    "report": (
        "gradgauge report watch.nc",
        "gradgauge report runs/compare/relu.nc runs/compare/sigmoid.nc --lang ko",
        "gradgauge report relu.nc sigmoid.nc --out fig.pdf --width-mm 89 --no-title",
    ),
    "list": ("gradgauge list", "gradgauge list optimizers"),
    "cache": ("gradgauge cache", "gradgauge cache --clear"),
}
"""Command -> lines to type."""
