#!/usr/bin/env bash
# gradgauge on a GPU, compared with PyTorch on the same card, in under eight minutes:
#
#     benchmarks/gpu.sh            every part
#     benchmarks/gpu.sh --small    the same code with small sizes, on any device that JAX finds
#
# It uses the Python given by $PYTHON (default: python3) if that has gradgauge and a JAX that sees a
# GPU; this needs no network. Otherwise, if nvidia-smi finds a card, it installs both into .gpu-venv,
# only once. A part that lacks something it needs prints one line to say so.
set -uo pipefail
cd "$(dirname "$0")/.."

small=""
[ "${1:-}" = "--small" ] && small="--small"
python="${PYTHON:-python3}"

sees_gpu() {
    "$1" -c 'import jax, gradgauge; jax.devices("gpu")' >/dev/null 2>&1
}

if [ -z "$small" ] && ! sees_gpu "$python"; then
    if [ -x .gpu-venv/bin/python ] && sees_gpu .gpu-venv/bin/python; then
        python=.gpu-venv/bin/python
    elif command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q GPU; then
        extra=cuda12
        nvidia-smi | grep -q 'CUDA Version: 1[3-9]' && extra=cuda13
        echo "installing gradgauge[$extra] and PyTorch into .gpu-venv"
        "$python" -m venv .gpu-venv &&
            .gpu-venv/bin/python -m pip install --quiet -e ".[$extra]" torch pytest || exit 1
        python=.gpu-venv/bin/python
    else
        echo "skipped: no GPU that JAX sees (benchmarks/gpu.sh --small runs on a CPU)"
        exit 0
    fi
fi

status=0
part() { # name, seconds at most, command
    local name="$1" most="$2"
    shift 2
    [ -n "$small" ] && most=0 # No limit.
    echo "== $name"
    timeout "$most" "$@"
    case $? in
        0) ;;
        124) echo "$name: ended after $most s" ;;
        *) echo "$name: failed" && status=1 ;;
    esac
}

part agreement 90 "$python" -m benchmarks.gpu.agreement $small
part ensemble 120 "$python" -m benchmarks.gpu.ensemble $small
part sweep 120 "$python" -m benchmarks.gpu.sweep $small
part watching 120 "$python" -m benchmarks.gpu.watching $small
exit $status
