"""Each mistake is one sentence on stderr, exit code 2, nothing on stdout, nothing half-written."""

import errno
import gzip
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from gradgauge.cli.app import run
from gradgauge.datasets import mnist
from gradgauge.spec.comparison import read_comparison
from gradgauge.spec.notation import parse

GOOD = {
    "x_train": np.zeros((8, 4), np.uint8),
    "y_train": np.array([0, 1, 2, 0, 1, 2, 0, 1]),
    "x_test": np.zeros((3, 4), np.uint8),
    "y_test": np.array([0, 1, 2]),
}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def refused(capsys, *arguments):
    code = run([str(a) for a in arguments])
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith(("error: ", "오류: "))
    assert "Traceback" not in captured.err
    return captured.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["rleu"], "'relu'"),
        ([], "--preset"),
        (["relu", "--preset", "practical"], "not both"),
        (["784-64x-10 relu"], "column 5"),
        (["784-64x10-10"], "activation"),
        (["784-0x3-10 relu"], "at least 1"),
        (["784-64x3-10 relu", "--depth", "3"], "depth"),
        (["relu", "--depth", "0"], "depth"),
        (["relu", "--depth", "-2"], "depth"),
        (["relu", "--width", "0"], "width"),
        (["relu", "--learning-rate", "-1"], "--learning-rate"),
        (["relu", "--learning-rate", "0"], "--learning-rate"),
        (["relu", "--learning-rate", "nan"], "--learning-rate"),
        (["relu", "--learning-rate", "inf"], "--learning-rate"),
        (["relu", "--learning-rate", "fast"], "--learning-rate"),
        (["relu", "--batch-size", "0"], "--batch-size"),
        (["relu", "--batch-size", "60001"], "60000"),
        (["relu", "--epochs", "0"], "epochs"),
        (["relu", "--epochs", "1.5"], "epochs"),
        (["relu", "--seeds", "0"], "seeds"),
        (["relu", "--seed", "-1"], "seed"),
        (["relu", "--lang", "kr"], "en, ko"),
        (["relu", "--optimizer", "adan"], "'adam'"),
        (["relu", "--dtype", "float16"], "float32"),
        (["relu", "--loss", "hinge"], "cross_entropy"),
        (["relu", "--preset"], "--preset"),
        (["--preset", "practicl"], "'practical'"),
        (["--preset", "practical", "--width", "3"], "width"),
        (["relu", "--dataset", "nowhere.npz"], "nowhere.npz"),
        (["relu", "--dataset", "cifar"], "mnist"),
        (["relu", "--sneeds", "3"], "--seeds"),
        (["784-64:relu-11 scale=-1"], "scale"),
        (["100-64-10 relu"], "784"),
        (["784-64-9 relu"], "10 classes"),
        (["784-64-32-10 relu skip=1"], "skip"),
    ],
)
def test_compare(capsys, out, arguments, expected):
    assert expected in refused(capsys, "compare", *arguments, "--out", out)
    assert not out.exists()


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("why relu sigmoid", "sigmoid"),
        ("cache foo bar", "foo bar"),
        ("list activations optimizers", "optimizers"),
        ("explain dead-units saturated-units", "saturated-units"),
        ("chart nowhere", "--x"),
        ("chart nowhere --x depth", "--y"),
        ("why", "NETWORK"),
        ("report", "RUN.nc"),
        ("compare relu --quiet=3", "--quiet"),
        ("compare relu --out", "--out"),
        ("compare relu --lr 0.1", "--learning-rate"),
        ("compare relu --epoch 3x", "--epochs"),
        ("why relu --batch-size none", "--batch-size"),
        ("lesson --train-samples 0", "--train-samples"),
        ("report watch.nc --width-mm wide", "--width-mm"),
        ("compare relu 시그모이드", "'시그모이드'"),
        ("compare relu --optimizer 아담", "'아담'"),
        ("compare relu --epochs 다섯", "다섯"),
        ("explain 기울기", "'기울기'"),
        ("list 활성화", "'활성화'"),
        ("비교 relu", "'비교'"),
        ("compare relu --학습률 0.1", "'--학습률'"),
        ("diagnose 없음.keras", "없음.keras"),
        ("report 없음.nc", "없음.nc"),
        ("sweep 없음.toml", "없음.toml"),
    ],
)
def test_a_typical_mistake(capsys, monkeypatch, tmp_path, line, lang, expected):
    monkeypatch.chdir(tmp_path)
    message = refused(capsys, "--lang", lang, *line.split())
    assert expected in message
    assert "Got unexpected" not in message
    if lang == "ko":
        assert re.search("[가-힣]", message.partition(":")[2].replace(expected, ""))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "networks",
    [
        ["relu,sigmoid"],
        ["relu,", "sigmoid"],
        ["relu sigmoid"],
        ["relu", "vs", "sigmoid"],
        ["ReLU", "and", "Sigmoid"],
        [" relu", "sigmoid "],
        ["relu, sigmoid"],
    ],
)
def test_two_networks_however_they_are_separated(networks):
    assert read_comparison(networks).arguments == ("relu", "sigmoid")


@pytest.mark.parametrize("times", ["x", "*", "×"])
def test_equal_layers_however_they_are_multiplied(times):
    assert parse(f"784-64{times}9:sigmoid-64:relu-10") == parse("784-64x9:sigmoid-64:relu-10")


def test_a_full_disk_loses_no_result(capsys, monkeypatch, tmp_path, data_file):
    """The figures are shown, then the complaint; nothing half-written is left."""

    def full(self, content):  # noqa: ARG001
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    out = tmp_path / "out"
    line = ["compare", "relu", "--depth", "2", "--width", "4", "--dataset", str(data_file)]
    code = run([*line, "--batch-size", "4", "--epochs", "1", "--out", str(out)])
    said = capsys.readouterr()
    assert code == 2
    assert "classifies" in said.out
    assert "relu.nc" in said.err and said.err.count("\n") == 1
    assert [path.name for path in out.iterdir()] == ["report.html"]


def test_runs_of_earlier_comparisons_are_named(capsys, tmp_path, data_file):
    out = tmp_path / "out"
    line = ["compare", "--depth", "2", "--width", "4", "--dataset", str(data_file)]
    line += ["--batch-size", "4", "--epochs", "1", "--no-report", "--out", str(out)]
    assert run([*line, "relu", "sigmoid"]) == 0
    assert "sigmoid.nc" not in capsys.readouterr().err
    assert run([*line, "relu", "tanh"]) == 0
    said = capsys.readouterr().err
    assert "sigmoid.nc" in said
    assert "relu.nc" not in said
    assert run([*line, "relu", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.fixture
def data_file(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "data.npz"
    np.savez(path, **{**GOOD, "x_train": rng.random((8, 4)), "x_test": rng.random((3, 4))})
    return path


def test_unknown_command(capsys):
    assert "'compare'" in refused(capsys, "comapre")


def test_what_python_has_is_no_command(capsys):
    """`watch` is a function: a command that is spelled like it is not meant."""
    message = refused(capsys, "watch", "model.py")
    assert "`gg.watch`" in message
    assert "Did you mean" not in message


def test_korean(capsys, out):
    message = refused(capsys, "compare", "rleu", "--lang", "ko", "--out", out)
    assert "relu" in message
    assert "활성화 함수" in message


def test_output_folder_is_a_file(capsys, tmp_path):
    file = tmp_path / "taken"
    file.write_text("mine")
    assert str(file) in refused(capsys, "compare", "relu", "--out", file)
    assert file.read_text() == "mine"


def test_output_folder_below_a_file(capsys, tmp_path):
    (tmp_path / "taken").write_text("mine")
    refused(capsys, "compare", "relu", "--out", tmp_path / "taken" / "deeper")


def broken(**changes):
    return {name: array for name, array in {**GOOD, **changes}.items() if array is not None}


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        (broken(x_test=None), "x_test"),
        (broken(y_train=np.array([0, 1])), "y_train 2"),
        (broken(x_test=np.zeros((3, 5), np.uint8)), "5"),
        (broken(y_train=np.array([0, 1, 2, 0, 1, 2, 0, -1])), "-1"),
        (broken(y_test=np.array([0, 1, 7])), "7"),
        (broken(y_train=np.array([0.5] * 8)), "y_train"),
        (broken(x_train=np.full((8, 4), np.nan)), "NaN"),
        (broken(x_train=np.array([["a"] * 4] * 8)), "x_train"),
        (broken(x_train=np.zeros(8)), "x_train"),
        (broken(x_train=np.zeros((0, 4)), y_train=np.zeros(0, int)), "x_train"),
        (broken(y_train=np.zeros(8, int), y_test=np.zeros(3, int)), "only one class"),
    ],
)
def test_data(capsys, tmp_path, out, arrays, expected):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    message = refused(capsys, "compare", "relu", "--dataset", path, "--batch-size", 4, "--out", out)
    assert expected in message
    assert str(path) in message
    assert not out.exists()


def test_objects_are_not_unpickled(capsys, tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, **broken(x_train=np.array([{"a": 1}] * 8, dtype=object)))
    assert "x_train" in refused(capsys, "compare", "relu", "--dataset", path)


def test_truncated_npz(capsys, tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, **GOOD)
    path.write_bytes(path.read_bytes()[:300])
    assert str(path) in refused(capsys, "compare", "relu", "--dataset", path)


@pytest.fixture
def mnist_copy(tmp_path, monkeypatch):
    folder = tmp_path / "mnist"
    shutil.copytree(mnist.FOLDER, folder)
    monkeypatch.setattr(mnist.load, "__defaults__", (folder,))
    return folder


def test_mnist_file_missing(capsys, mnist_copy):
    (mnist_copy / "t10k-labels-idx1-ubyte.gz").unlink()
    assert "t10k-labels-idx1-ubyte.gz" in refused(capsys, "compare", "relu")


def test_mnist_file_truncated(capsys, mnist_copy):
    path = mnist_copy / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-100])
    assert path.name in refused(capsys, "compare", "relu")


def test_mnist_file_replaced(capsys, mnist_copy):
    path = mnist_copy / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(b"\0" * 60008))
    assert path.name in refused(capsys, "compare", "relu")


@pytest.mark.parametrize("option", ["--budget", "--prove"])
@pytest.mark.parametrize("given", ["0", "-3", "soon", "inf"])
def test_a_budget_that_is_none_is_named_as_it_was_given(option, given, tmp_path, capsys):
    """A file that is not there is not asked for before."""
    assert option in refused(capsys, "diagnose", tmp_path / "model.keras", option, given)


@pytest.mark.parametrize("command", ["compare", "diagnose", "remedy"])
def test_a_file_of_functions_without_a_name_and_with_a_wrong_one(command, tmp_path, capsys):
    path = tmp_path / f"nets_for_{command}.py"
    path.write_text("def make():\n    return None\n")
    assert f"{path.name}:make" in refused(capsys, command, path)
    said = refused(capsys, command, f"{path}:maek", "--data", "digits")
    assert "'maek'" in said
    assert "its functions: make." in said


OWN = """
import torch


def cannot_build():
    raise ValueError("no such width.\\nMore about it.")


def broken(late):
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.calls = torch.nn.Linear(64, 10), 0

        def forward(self, x):
            self.calls += 1
            if self.calls > late:
                raise RuntimeError("mine")
            return self.layer(x)

    model = Model()
    return model, torch.nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())


def breaks_at_once():
    return broken(0)


def breaks_in_training():
    return broken(5)


def nothing():
    pass


def other_inputs():
    model = torch.nn.Linear(32, 10)
    return model, torch.nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())
"""


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("cannot_build", ("line 6, in cannot_build: ValueError: no such width. Correct",)),
        ("breaks_at_once", ("mine",)),
        ("breaks_in_training", ("in forward: RuntimeError: mine.",)),
        ("nothing", ("returns nothing",)),
        ("other_inputs", ("(n, 64)",)),
    ],
)
@pytest.mark.filterwarnings("ignore:signals")
def test_what_somebodys_own_code_raises_is_one_sentence_too(
    capsys, tmp_path, monkeypatch, function, told
):
    path = tmp_path / "own_models_that_break.py"
    path.write_text(OWN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    arguments = ["--data", "digits", "--epochs", 1, "--out", tmp_path / "out", "--lang", "en"]
    said = refused(capsys, "remedy", f"{path}:{function}", *arguments)
    for words in told:
        assert words in said


def test_an_error_of_ours_is_no_sentence(monkeypatch):
    from gradgauge.remedies import run as trial

    monkeypatch.setattr(trial, "read_budget", None)
    with pytest.raises(TypeError, match="not callable"):
        run(["remedy", "sigmoid", "--budget", "3"])
