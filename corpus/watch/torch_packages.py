"""Trainings by other packages: peft, Lightning, accelerate, Trainer, x-transformers, diffusers."""

# These packages are installed for the whole battery only, not for the tests.
# pyright: reportMissingImports=false

from __future__ import annotations

import tempfile
from typing import Any

import torch
from torch import Tensor, nn

from corpus.watch.case import Training, Watch, case
from corpus.watch.torch_plain import classes, loop, mlp
from corpus.watch.torch_transformers import GPT2, NEW_GELU, SMALL, WORDS, language, of_model


@case("torch", "transformers", "peft")
def lora_on_llama() -> Training:
    import peft
    import transformers

    transformers.logging.set_verbosity_error()
    base = transformers.LlamaForCausalLM(transformers.LlamaConfig(**SMALL))
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], lora_dropout=0.0)
    model = peft.get_peft_model(base, config)
    return of_model(model)


class _Rows(torch.utils.data.Dataset[dict[str, Tensor]]):
    def __len__(self) -> int:
        return 24

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        ids = torch.randint(3, WORDS, (10,), generator=torch.Generator().manual_seed(i))
        return {"input_ids": ids, "labels": ids}


def _trainer(model: nn.Module, **o: Any) -> Any:
    import transformers

    settings = {"max_steps": 3, "per_device_train_batch_size": 4, "learning_rate": 1e-3}
    arguments = transformers.TrainingArguments(
        tempfile.mkdtemp(),
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        **(settings | o),
    )
    return transformers.Trainer(model, arguments, train_dataset=_Rows())


@case("torch", "transformers", "accelerate")
def trainer_gpt2_accumulates() -> Training:
    training = language("GPT2 LMHeadModel", GPT2 | {"use_cache": False}, layers=NEW_GELU)
    model = training.model

    def train(watch: Watch) -> None:
        trainer = _trainer(model, gradient_accumulation_steps=2, max_grad_norm=0.5)
        with watch(trainer):
            trainer.train()

    return Training(model, train, **NEW_GELU)


@case("torch", "transformers", "accelerate")
def trainer_bert_smoothed() -> Training:
    model = language("Bert ForMaskedLM", {"max_position_embeddings": 16}).model

    def train(watch: Watch) -> None:
        trainer = _trainer(model, label_smoothing_factor=0.1, optim="adafactor")
        with watch(trainer):
            trainer.train()

    return Training(model, train)


@case("torch", "accelerate", fast=True)
def accelerate_accumulates() -> Training:
    import accelerate

    model = mlp(12, 24, 24, 5)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    loss = classes(12, 5)

    def train(watch: Watch) -> None:
        accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=2)
        prepared, wrapped = accelerator.prepare(model, optimizer)
        with watch(model):
            for i in range(6):
                with accelerator.accumulate(prepared):
                    accelerator.backward(loss(prepared, i))
                    if accelerator.sync_gradients:
                        accelerator.clip_grad_norm_(prepared.parameters(), 0.3)
                    wrapped.step()
                    wrapped.zero_grad()

    return Training(model, train)


def _lightning(module: Any, **o: Any) -> Training:
    import lightning

    def train(watch: Watch) -> None:
        trainer = lightning.Trainer(
            max_epochs=1,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            **o,
        )
        source = torch.Generator().manual_seed(5)
        x, y = torch.randn(48, 12, generator=source), torch.arange(48) % 5
        rows = torch.utils.data.TensorDataset(x, y)
        with watch(trainer):
            trainer.fit(module, torch.utils.data.DataLoader(rows, 8))

    return Training(module, train)


@case("torch", "lightning", fast=True)
def lightning_clips_and_accumulates() -> Training:
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = mlp(12, 24, 24, 5)

        def training_step(self, batch: Any, _: int) -> Tensor:
            return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.parameters(), 1e-2)

    return _lightning(Module(), accumulate_grad_batches=2, gradient_clip_val=0.3)


@case("torch", "lightning", fast=True)
def lightning_functional_activations() -> Training:
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(12, 24), nn.Linear(24, 5)

        def training_step(self, batch: Any, _: int) -> Tensor:
            return nn.functional.cross_entropy(self.b(torch.relu(self.a(batch[0]))), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    return _lightning(Module())


def _words(model: nn.Module, i: int) -> Tensor:
    source = torch.Generator().manual_seed(100 + i)
    ids = torch.randint(0, WORDS, (3, 10), generator=source)
    return nn.functional.cross_entropy(model(ids).flatten(0, 1), ids.flatten())


@case("torch", "x_transformers")
def x_transformers_rotary_glu() -> Training:
    from x_transformers import Decoder, TransformerWrapper

    body = Decoder(
        dim=16,
        depth=2,
        heads=2,
        attn_dim_head=8,
        rotary_pos_emb=True,
        ff_glu=True,
        use_rmsnorm=True,
    )
    model = TransformerWrapper(num_tokens=WORDS, max_seq_len=16, attn_layers=body)
    return Training(model, loop(model, _words), h={r"(.*ff\.0)\.proj": r"out \1"})


@case("torch", "x_transformers")
def x_transformers_plain() -> Training:
    from x_transformers import Decoder, TransformerWrapper

    body = Decoder(dim=16, depth=2, heads=2, attn_dim_head=8)
    model = TransformerWrapper(num_tokens=WORDS, max_seq_len=16, attn_layers=body)
    return Training(model, loop(model, _words))


@case("torch", "diffusers")
def diffusers_unet() -> Training:
    from diffusers import UNet2DModel

    model = UNet2DModel(
        sample_size=8,
        in_channels=3,
        out_channels=3,
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
    )

    def loss(model: nn.Module, i: int) -> Tensor:
        source = torch.Generator().manual_seed(100 + i)
        x, noise = torch.randn(2, 2, 3, 8, 8, generator=source)
        return nn.functional.mse_loss(model(x + noise, torch.tensor([3, 40])).sample, noise)

    return Training(model, loop(model, loss))


@case("torch", "diffusers")
def diffusers_transformer() -> Training:
    from diffusers import DiTTransformer2DModel

    model = DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=3,
        num_layers=1,
        sample_size=8,
        patch_size=4,
        norm_num_groups=1,
        num_embeds_ada_norm=10,
    )

    def loss(model: nn.Module, i: int) -> Tensor:
        source = torch.Generator().manual_seed(100 + i)
        x, noise = torch.randn(2, 2, 3, 8, 8, generator=source)
        out = model(x, timestep=torch.tensor([3, 40]), class_labels=torch.tensor([1, 2])).sample
        return nn.functional.mse_loss(out[:, :3], noise)

    embedders = r".*norm1\.emb\..*"  # time and class are added before an activation
    return Training(model, loop(model, loss), summed=(embedders,))


def _graph() -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(7)
    return torch.randn(20, 12, generator=source), torch.randint(0, 20, (2, 60), generator=source)


@case("torch", "torch_geometric")
def pyg_gcn_and_gat() -> Training:
    from torch_geometric.nn import GATConv, GCNConv

    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = GCNConv(12, 16), GATConv(16, 5, heads=1)

        def forward(self, x: Tensor, edges: Tensor) -> Tensor:
            return self.second(torch.relu(self.first(x, edges)), edges)

    model = Graph()

    def loss(model: nn.Module, _: int) -> Tensor:
        return nn.functional.cross_entropy(model(*_graph()), torch.arange(20) % 5)

    # The neighbors' rows are added up before the activation: z is behind that.
    return Training(model, loop(model, loss), z={r"first\.lin": "out first"})


@case("torch", "torch_geometric")
def pyg_sage_and_gin() -> Training:
    from torch_geometric.nn import GINConv, SAGEConv

    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = SAGEConv(12, 16), GINConv(mlp(16, 16, 5))

        def forward(self, x: Tensor, edges: Tensor) -> Tensor:
            return self.second(torch.relu(self.first(x, edges)), edges)

    model = Graph()

    def loss(model: nn.Module, _: int) -> Tensor:
        return nn.functional.cross_entropy(model(*_graph()), torch.arange(20) % 5)

    return Training(model, loop(model, loss), summed=(r"first\.lin_.",))


@case("torch", "timm", "torchvision")
def timm_vit() -> Training:
    import timm

    model = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=2, num_classes=5)

    def loss(model: nn.Module, i: int) -> Tensor:
        x = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(100 + i))
        return nn.functional.cross_entropy(model(x), torch.arange(3))

    return Training(model, loop(model, loss))
