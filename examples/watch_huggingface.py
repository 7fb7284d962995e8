"""Watch a Hugging Face `Trainer`: call `train` inside a `with` block."""

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

import gradgauge as gg

config = BertConfig(
    vocab_size=50,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=16,
    num_labels=2,
)
model = BertForSequenceClassification(config)
rows = [{"input_ids": torch.randint(0, 50, (8,)), "labels": i % 2} for i in range(64)]
arguments = TrainingArguments(
    "hf-output",
    per_device_train_batch_size=8,
    max_steps=4,
    report_to=[],
    use_cpu=True,
    save_strategy="no",
    disable_tqdm=True,
    logging_strategy="no",
)
trainer = Trainer(model=model, args=arguments, train_dataset=rows)

with gg.watch(trainer) as watcher:
    trainer.train()

print(watcher.run.to_pandas("probes")["weight_grad_norm"].head())
