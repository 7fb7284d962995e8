"""Model files from strangers: nothing of them is run, fetched or followed, whatever they hold."""

from __future__ import annotations

import io
import json
import shutil
import zipfile

import h5py
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradgauge.diagnosis.loading import ModelProblem, load_model
from gradgauge.diagnosis.model_file.archive import WEIGHTS
from gradgauge.diagnosis.model_file.names import allowed, foreign_names, refused


def saved(path):
    """A small compiled model as a file."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(2, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save(path)
    return model


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    saved(folder / "good.keras")
    saved(folder / "good.h5")
    return folder


def with_config(good, tmp_path, change):
    """The good model, its description changed."""
    with zipfile.ZipFile(good / "good.keras") as file:
        parts = {name: file.read(name) for name in file.namelist()}
    config = json.loads(parts["config.json"])
    parts["config.json"] = json.dumps(change(config) or config).encode()
    path = tmp_path / "changed.keras"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return path


def with_weights(good, tmp_path, change):
    """The good model, its weights changed."""
    with zipfile.ZipFile(good / "good.keras") as file:
        parts = {name: file.read(name) for name in file.namelist()}
    (tmp_path / "w.h5").write_bytes(parts[WEIGHTS])
    with h5py.File(tmp_path / "w.h5", "r+") as weights:
        change(weights)
    parts[WEIGHTS] = (tmp_path / "w.h5").read_bytes()
    path = tmp_path / "changed.keras"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return path


def refused_for(path):
    with pytest.raises(ModelProblem) as caught:
        load_model(str(path))
    assert "\n" not in str(caught.value)
    return caught.value.reason


def foreign(kind, module, **more):
    return {"class_name": kind, "module": module, "config": {}, "registered_name": None, **more}


NAMES = {
    "a function of Keras's as a class": foreign("load_data", "keras.datasets.boston_housing"),
    "unsafe switch": foreign("enable_unsafe_deserialization", "keras.config"),
    "private module": foreign("model_from_json", "keras.src.models.model"),
    "no module": foreign("Lambda", None),
    "dotted name": foreign("layers.Lambda", "keras"),
    "alias of the whole": foreign("Dense", "keras._tf_keras.keras.layers"),
    "registered name": foreign("Dense", "keras.layers", registered_name="Lambda"),
    "name that is no text": foreign(["Dense"], "keras.layers"),
    "function from elsewhere": {
        "class_name": "function",
        "module": "os",
        "config": "system",
        "registered_name": None,
    },
    "table's own function": {
        "class_name": "function",
        "module": "builtins",
        "config": "get",
        "registered_name": None,
    },
    "loop over a function": foreign("WhileLoop", "keras.src.ops.core"),
    "class of a type": foreign("__typespec__", None),
    "code": foreign("__lambda__", None),
}


@pytest.mark.parametrize("case", sorted(NAMES))
@pytest.mark.parametrize("place", ["layer", "argument", "rate", "text", "key"])
def test_a_name_off_the_list_is_refused_wherever_it_stands(good, tmp_path, case, place):
    item = NAMES[case]

    def change(config):
        layers = config["config"]["layers"]
        if place == "layer":
            layers.insert(1, item)
        elif place == "argument":
            layers[1]["config"]["kernel_initializer"] = item
        elif place == "rate":
            config["compile_config"]["optimizer"]["config"]["learning_rate"] = item
        elif place == "text":
            layers[1]["config"]["name"] = " " + json.dumps({"inner": [json.dumps(item)]})
        else:
            layers[1]["config"][json.dumps(item)] = 1

    assert refused_for(with_config(good, tmp_path, change)) == "untrusted"


def test_a_lookup_layer_that_reads_another_file_is_refused(good, tmp_path):
    layer = foreign("StringLookup", "keras.layers", config={"vocabulary": "/etc/passwd"})
    path = with_config(good, tmp_path, lambda c: c["config"]["layers"].insert(1, layer))
    assert refused_for(path) == "untrusted"


def test_an_operation_without_a_tensor_would_run_while_loading(good, tmp_path):
    node = {"args": [[1, 2, 3]], "kwargs": {"repeats": 10**12}}
    layer = foreign("Repeat", "keras.src.ops.numpy", inbound_nodes=[node])
    path = with_config(good, tmp_path, lambda c: c["config"]["layers"].insert(1, layer))
    assert refused_for(path) == "untrusted"


def _replaced(make):
    def change(weights):
        place = "layers/dense/vars/0"
        del weights[place]
        make(weights, place)

    return change


def _virtual(weights, place):
    layout = h5py.VirtualLayout((4, 8), "float32")
    layout[:] = h5py.VirtualSource("secret.h5", "k", (4, 8))
    weights.create_virtual_dataset(place, layout)


OUTSIDE = {
    "storage": lambda w, p: w.create_dataset(p, (4, 8), "float32", external=[("x.bin", 0, 128)]),
    "link": lambda w, p: w.__setitem__(p, h5py.ExternalLink("secret.h5", "/k")),
    "soft link": lambda w, p: w.__setitem__(p, h5py.SoftLink("/layers")),
    "virtual": _virtual,
}


@pytest.mark.parametrize("case", sorted(OUTSIDE))
def test_weights_that_lie_elsewhere_are_not_followed(good, tmp_path, case):
    path = with_weights(good, tmp_path, _replaced(OUTSIDE[case]))
    assert refused_for(path) == "outside"


def test_what_is_larger_than_its_file_is_not_allocated(good, tmp_path):
    def huge(weights, place):
        weights.create_dataset(place, (10**6, 10**6), "float32", chunks=(10, 10))

    assert refused_for(with_weights(good, tmp_path, _replaced(huge))) == "larger_than_file"

    def wide(config):
        for layer, size in zip(
            config["config"]["layers"][1:], ((4, 10**9), (10**9, 2)), strict=True
        ):
            layer["config"]["units"] = size[1]
            layer["build_config"] = {"input_shape": [None, size[0]]}

    assert refused_for(with_config(good, tmp_path, wide)) == "larger_than_file"


def test_a_zip_bomb_and_a_member_that_climbs_out_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("config.json", b'{"a": "' + b"a" * 70_000_000 + b'"}')
    assert refused_for(tmp_path / "bomb.keras") == "larger_than_file"
    with zipfile.ZipFile(tmp_path / "climbs.keras", "w") as file:
        file.writestr("config.json", "{}")
        file.writestr("assets/../../x", "x")
    assert refused_for(tmp_path / "climbs.keras") == "outside"


def test_an_archive_of_thousands_of_files_is_refused(good, tmp_path):
    shutil.copy(good / "good.keras", tmp_path / "many.keras")
    with zipfile.ZipFile(tmp_path / "many.keras", "a") as file:
        for at in range(6_000):
            file.writestr(f"assets/{at}", "")
    assert refused_for(tmp_path / "many.keras") == "unreadable"


@pytest.mark.parametrize("text", [b"", b"[]", b"5", b"null", b'"x"', b"\xff{", b'{"a":' * 10**5])
def test_a_description_that_is_none(tmp_path, text):
    with zipfile.ZipFile(tmp_path / "odd.keras", "w") as file:
        file.writestr("config.json", text)
    assert refused_for(tmp_path / "odd.keras") == "unreadable"


@pytest.mark.parametrize("value", [5, np.arange(3), np.bytes_(b"\xff\xfe"), "[]", "null"])
def test_an_h5_description_that_is_none(good, tmp_path, value):
    shutil.copy(good / "good.h5", tmp_path / "odd.h5")
    with h5py.File(tmp_path / "odd.h5", "r+") as file:
        file.attrs["model_config"] = value
    assert refused_for(tmp_path / "odd.h5") == "unreadable"


@given(st.data())
def test_damaged_model_files_are_a_sentence(good, tmp_path_factory, data):
    name = data.draw(st.sampled_from(["good.keras", "good.h5"]))
    content = bytearray((good / name).read_bytes())
    for at, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=8)
    ):
        content[at] = byte
    cut = data.draw(st.integers(0, len(content)))
    path = tmp_path_factory.mktemp("damaged") / name
    path.write_bytes(content[:cut] if data.draw(st.booleans()) else content)
    try:
        load_model(str(path))
    except ModelProblem as error:
        assert "\n" not in str(error)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.sampled_from(["Dense", "Lambda"]),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["class_name", "module", "config", "registered_name", "name"]),
                inner,
            )
        ),
    )
)
def test_any_json_is_judged(tree):
    list(foreign_names(tree))
    list(foreign_names(json.dumps(tree)))


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("trained", [False, True])
def test_plain_models_load_with_their_optimizer(tmp_path, ending, trained):
    model = saved(tmp_path / f"m{ending}")
    if trained:
        x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
        model.fit(x, (x[:, 0] > 0).astype(int), epochs=1, verbose=0)
        model.save(tmp_path / f"m{ending}")
    found = load_model(str(tmp_path / f"m{ending}"))
    for ours, theirs in zip(found.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert int(found.optimizer.iterations.numpy()) == (2 if trained else 0)
    if trained:
        for ours, theirs in zip(found.optimizer.variables, model.optimizer.variables, strict=True):
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    found.fit(np.zeros((8, 4)), np.zeros(8), verbose=0)


def _sequence_model():
    x = inputs = keras.Input((6,), dtype="int32")
    x = keras.layers.Embedding(20, 8)(x)
    x = x + keras.ops.expand_dims(keras.ops.mean(x, axis=1), 1)
    x = keras.layers.LayerNormalization()(x + keras.layers.MultiHeadAttention(2, 4)(x, x))
    x = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True))(x)
    x = keras.layers.TimeDistributed(keras.layers.Dense(3, kernel_regularizer="l2"))(x)
    x = keras.ops.concatenate([x, keras.ops.relu(x)], axis=-1)
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))


def _image_model():
    scale = keras.layers.Normalization(mean=[0.5] * 3, variance=[0.1] * 3)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            scale,
            keras.layers.RandomFlip(),
            keras.layers.Conv2D(4, 3, activation=keras.activations.gelu),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(),
            keras.Sequential([keras.layers.Flatten(), keras.layers.Dropout(0.1)]),
            keras.layers.Dense(2, dtype="mixed_bfloat16"),
        ]
    )


@pytest.mark.parametrize(
    ("make", "ending"),
    [(_sequence_model, ".keras"), (_image_model, ".keras"), (_image_model, ".h5")],
)
def test_what_keras_itself_saves_is_on_the_list(tmp_path, make, ending):
    model = make()
    rate = keras.optimizers.schedules.CosineDecay(1e-3, 100)
    model.compile(
        keras.optimizers.AdamW(rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(1)],
    )
    model.save(tmp_path / f"m{ending}")
    assert load_model(str(tmp_path / f"m{ending}")).count_params() == model.count_params()


def test_every_layer_of_this_keras_has_been_looked_at():
    """A new Keras may bring a layer that runs code: someone decides before it is let in."""
    public = {n for n, o in vars(keras.layers).items() if isinstance(o, type) and n[0].isupper()}
    unseen = public - allowed()["classes"]["keras.layers"] - refused()
    assert not unseen, f"Keras {keras.__version__} has new layers: {sorted(unseen)}"


def test_private_parts_of_keras_are_where_they_were():
    try:
        from gradgauge.watchers.keras import private

        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        with private.without_memory():
            ghost = keras.layers.Dense(10**6)
            ghost.build((None, 10**7))
        assert getattr(ghost.kernel, "_value", ghost) is None
        again = private.legacy_model({"class_name": "Sequential", "config": model.get_config()})
        assert again.count_params() == 15
        keras.random.normal((1,))
        assert private.seed_generator() is not None
    except (ImportError, AttributeError, AssertionError) as error:
        pytest.fail(f"Keras {keras.__version__} has moved its private parts: {error}")


def test_a_zip_that_lies_about_its_sizes(good, tmp_path):
    content = (good / "good.keras").read_bytes()
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer) as file:
        size = file.getinfo("config.json").file_size
    lie = content.replace(size.to_bytes(4, "little"), (2**31).to_bytes(4, "little"))
    (tmp_path / "lies.keras").write_bytes(lie)
    refused_for(tmp_path / "lies.keras")
