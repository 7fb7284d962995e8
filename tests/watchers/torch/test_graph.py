"""Who reads a layer, and through which activation: held against plain hooks and autograd."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import transformers
from torch import nn
from torch.nn import functional

from tests.watchers.torch.reading import X, Y, by_layer, classify, info, reasons, watched

# -- normalizations


class PreNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(16), nn.Linear(16, 32), nn.Linear(32, 16)

    def forward(self, x):
        return x + self.down(torch.relu(self.up(self.norm(x))))


def test_a_norm_in_a_residual_branch_is_a_layer_of_its_own():
    model = nn.Sequential(
        nn.Linear(8, 16), PreNorm(), PreNorm(), nn.LayerNorm(16), nn.Linear(16, 3)
    )
    run, own = watched(model, classify)
    delta = by_layer(run, "delta_norm")
    assert list(delta) == [
        *("0", "1.norm", "1.up", "1.down", "2.norm", "2.up", "2.down", "3", "4"),
    ]
    for name, value in delta.items():
        assert value == pytest.approx(own[name], rel=1e-5), name
    gains = by_layer(run, "backward_gain")
    above = {"0": "1.norm", "1.norm": "1.up", "1.up": "1.down", "1.down": "2.norm", "2.down": "3"}
    for name, reader in above.items():
        assert gains[name] == pytest.approx(own[name] / own[reader], rel=1e-5), name


def llama():
    config = transformers.LlamaConfig(
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        vocab_size=50,
    )
    return transformers.LlamaForCausalLM(config)


def gemma():
    config = transformers.Gemma2Config(
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        vocab_size=50,
    )
    return transformers.Gemma2ForCausalLM(config)


IDS = torch.randint(0, 50, (4, 9), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("make", [llama, gemma])
def test_every_layer_of_a_language_model_is_a_row_with_its_own_delta(make):
    torch.manual_seed(0)
    model = make()
    run, own = watched(model, lambda m: m(input_ids=IDS, labels=IDS).loss)
    layers = {n for n, m in model.named_modules() if n and list(m.parameters(recurse=False))}
    delta = by_layer(run, "delta_norm")
    assert set(delta) == layers
    for name in layers:
        if info(run, name).activation == "linear" and name in own:
            assert delta[name] == pytest.approx(own[name], rel=1e-4), name
    gates = {layer.activation for layer in run.layers if layer.name.endswith("gate_proj")}
    assert gates == ({"silu"} if make is llama else {"gelu_tanh"})
    assert [layer.name for layer in run.layers if layer.output] == ["lm_head"]
    reader = "model.layers.0.input_layernorm"
    gain = by_layer(run, "backward_gain")["model.embed_tokens"]
    assert gain == pytest.approx(own["model.embed_tokens"] / own[reader], rel=1e-4)


def test_hidden_states_that_are_returned_too_are_no_outputs():
    def run_of(**flags):
        torch.manual_seed(0)
        config = transformers.BertConfig(
            num_hidden_layers=2,
            num_attention_heads=2,
            hidden_size=16,
            intermediate_size=32,
            vocab_size=50,
            **flags,
        )
        model = transformers.BertForMaskedLM(config)
        return watched(model, lambda m: m(input_ids=IDS, labels=IDS).loss)[0]

    plain, states = run_of(), run_of(output_hidden_states=True)
    assert [a.output for a in plain.layers] == [b.output for b in states.layers]
    np.testing.assert_allclose(
        plain.values("probes", "g_norm"), states.values("probes", "g_norm"), rtol=1e-5
    )


class BatchNormAct2d(nn.BatchNorm2d):
    """A normalization with its activation inside, as timm has it."""

    def __init__(self, channels):
        super().__init__(channels)
        self.drop, self.act = nn.Identity(), nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(self.drop(super().forward(x)))


def test_an_activation_inside_of_a_normalization_belongs_to_the_convolution():
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(3, 8, 3), BatchNormAct2d(8), nn.Conv2d(8, 8, 3), BatchNormAct2d(8)),
        *(nn.Flatten(), nn.Linear(8 * 25, 3)),
    )
    twin, images = copy.deepcopy(model), torch.randn(8, 3, 9, 9)
    run, _ = watched(model, lambda m: functional.cross_entropy(m(images), Y[:8]))
    z = functional.batch_norm(twin[0](images), None, None, twin[1].weight, twin[1].bias, True)
    z.retain_grad()
    h = torch.relu(z)
    h.retain_grad()
    functional.cross_entropy(twin[2:](h), Y[:8]).backward()
    assert info(run, "0").activation == "relu"
    assert by_layer(run, "delta_norm")["0"] == pytest.approx(z.grad.norm().item(), rel=1e-4)
    assert by_layer(run, "g_norm")["0"] == pytest.approx(h.grad.norm().item(), rel=1e-4)
    assert by_layer(run, "inactive")["0"] == pytest.approx((h == 0).float().mean().item())
    assert {("folded", "1"), ("folded", "3")} <= reasons(run)


class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


@pytest.mark.parametrize("between", [[], [nn.Dropout(0.1)]])
def test_a_norm_written_by_hand_is_no_activation(between):
    model = nn.Sequential(nn.Linear(8, 16), *between, RMSNorm(16), nn.Linear(16, 3))
    run, own = watched(model, classify)
    assert [layer.activation for layer in run.layers] == ["linear"] * 3
    assert by_layer(run, "g_norm")["0"] == pytest.approx(own["0"], rel=1e-5)
    assert run.notes == []


# -- units and weights


class Right(nn.Module):
    """x W + b, with W as (fan_in, units): what Hugging Face calls Conv1D."""

    def __init__(self, fan_in, units):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(fan_in, units) / fan_in**0.5)
        self.bias = nn.Parameter(torch.zeros(units))

    def forward(self, x):
        return torch.addmm(self.bias, x.reshape(-1, x.shape[-1]), self.weight).view(
            *x.shape[:-1], -1
        )


@pytest.mark.parametrize(("fan_in", "units"), [(8, 24), (8, 8)])
def test_units_are_where_the_weight_says(fan_in, units):
    torch.manual_seed(0)
    model = nn.Sequential(Right(fan_in, units), nn.ReLU(), Right(units, 3))
    x = torch.randn(4, 12, fan_in)
    h = torch.relu(model[0](x)).reshape(-1, units).double()
    run, _ = watched(model, lambda m: m(x).square().mean())
    row = info(run, "0")
    assert (row.kind, row.units, row.fan_in) == ("dense", units, fan_in)
    spread = h.var(0, unbiased=False).sum() / h.square().mean(0).sum()
    assert by_layer(run, "signal_spread")["0"] == pytest.approx(spread.item(), rel=1e-5)


# -- layers called from anywhere, and by whom they are read


class NoForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 3)

    def forward(self, x):
        return self.c(torch.sigmoid(self.b(functional.relu(self.a(x)))))

    def loss(self, x, y):
        return functional.cross_entropy(NoForward.forward(self, x), y)


def test_layers_called_from_another_method_show_the_same():
    torch.manual_seed(0)
    model = NoForward()
    twin = copy.deepcopy(model)
    usual, _ = watched(model, classify)
    other, _ = watched(twin, lambda m: m.loss(X, Y))
    assert [layer.activation for layer in other.layers] == ["relu", "sigmoid", "linear"]
    assert [layer.output for layer in other.layers] == [False, False, True]
    for name in usual.probes.data_vars:
        np.testing.assert_allclose(
            other.probes[name].values, usual.probes[name].values, rtol=1e-6, err_msg=name
        )


class Towers(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Linear(8, 16)
        self.actor, self.critic = nn.Linear(16, 16), nn.Linear(16, 16)
        self.pi, self.v = nn.Linear(16, 3), nn.Linear(16, 1)

    def forward(self, x):
        x = torch.tanh(self.trunk(x))
        a, c = torch.tanh(self.actor(x)), torch.tanh(self.critic(x))
        return self.pi(a), self.v(c)


def test_the_layer_above_is_the_one_that_reads():
    def loss(model):
        policy, value = model(X)
        return functional.cross_entropy(policy, Y) + 100 * (value.squeeze() - 5).square().mean()

    run, _ = watched(Towers(), loss)
    delta, gain = by_layer(run, "delta_norm"), by_layer(run, "backward_gain")
    assert gain["actor"] == pytest.approx(delta["actor"] / delta["pi"], rel=1e-6)
    assert gain["critic"] == pytest.approx(delta["critic"] / delta["v"], rel=1e-6)
    both = np.hypot(delta["actor"], delta["critic"])
    assert gain["trunk"] == pytest.approx(delta["trunk"] / both, rel=1e-6)
    assert reasons(run) == {("several_readers", "trunk")}
    assert {layer.name for layer in run.layers if layer.output} == {"pi", "v"}


# -- parameters


class Scales(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.act, self.out = nn.Linear(8, 16), nn.PReLU(16), nn.Linear(16, 3)
        self.gamma = nn.Parameter(torch.full((16,), 0.1))
        self.temperature = nn.Parameter(torch.tensor(1.0))
        self.spectral = nn.Parameter(torch.randn(4, 9, dtype=torch.cfloat))

    def forward(self, x):
        x = self.gamma * self.act(self.a(x))
        x = torch.fft.irfft(torch.fft.rfft(x) * self.spectral.sum(0), n=16)
        return self.temperature * self.out(x)


def test_every_parameter_but_biases_has_a_row():
    torch.manual_seed(0)
    model = Scales()
    classify(model).backward()
    expected = {n: p.grad.norm().item() for n, p in model.named_parameters()}
    model.zero_grad()
    run, _ = watched(model, classify)
    found = by_layer(run, "weight_grad_norm")
    names = {"act.weight": "act.weight", "gamma": "gamma", "temperature": "temperature"}
    names |= {"a.weight": "a", "out.weight": "out", "spectral": "spectral"}
    for parameter, layer in names.items():
        assert found[layer] == pytest.approx(expected[parameter], rel=1e-5), parameter
    biases = sum(p.numel() for n, p in model.named_parameters() if "bias" in n)
    assert run.attributes["parameters"] == sum(p.numel() for p in model.parameters()) - biases
    assert info(run, "gamma").kind == "scale"
    assert ("alone", "gamma") in reasons(run)


class ChannelsFirst(nn.Module):
    """As in ConvNeXt: the norm runs over channels, and there are as many as columns."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 8, 3, padding=1), ChannelNorm(8)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        images = x[:, None, :, None] * torch.ones(8)
        return self.out(self.norm(self.conv(images)).mean((2, 3)))


class ChannelNorm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def test_units_of_a_norm_are_where_it_normalizes():
    model, kept = ChannelsFirst(), []
    with torch.no_grad():
        model.norm.weight.uniform_(0.5, 2.0)
    model.norm.register_forward_hook(lambda _m, _a, out: kept.append(out.detach()))
    run, _ = watched(model, classify)
    h = kept[0].movedim(1, -1).reshape(-1, 8).double()
    expected = float(h.var(0, correction=0).sum() / h.square().mean(0).sum())
    np.testing.assert_allclose(by_layer(run, "signal_spread")["norm"], expected, rtol=1e-4)


class Timed(nn.Module):
    """Features, with an embedded time added to all their positions before the activation, and
    attention whose scores have a bias."""

    def __init__(self):
        super().__init__()
        self.features, self.time = nn.Conv1d(3, 8, 1), nn.Linear(2, 8)
        self.query, self.nearness = nn.Linear(8, 8), nn.Embedding(5, 5)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        mixed = self.features(x) + self.time(x[:, :2, 0])[..., None]
        h = torch.relu(mixed).transpose(1, 2)
        scores = self.query(h) @ h.transpose(1, 2) + self.nearness(torch.arange(5))
        return self.out((scores.softmax(-1) @ h).mean(1))


def test_what_is_spread_over_positions_does_not_take_the_activation():
    x = torch.randn(32, 3, 5, generator=torch.Generator().manual_seed(1))
    run, own = watched(Timed(), lambda m: nn.functional.cross_entropy(m(x), Y))
    assert info(run, "features").activation == "relu"
    for name in ("time", "nearness"):
        assert info(run, name).activation == "linear"
        for gauge in ("delta_norm", "g_norm"):
            assert by_layer(run, gauge)[name] == pytest.approx(own[name], rel=1e-5)
