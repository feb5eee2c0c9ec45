#!/usr/bin/env bash
# Packages: peft 0.21.2, transformers 5.24.0, torchvision 0.29.1, torch 2.14.1
#
# One would guess: LoRA on "out_proj" of torchvision's vision transformer, whose attention ends with that linear layer, learns like LoRA
# on any other linear layer; and where a layer cannot have it, PEFT refuses.
#
# What happens: PEFT takes it and counts its numbers as trainable, but nn.MultiheadAttention never calls the layer: it reads its
# weight. The update is left out of every forward pass, and has no gradient. "self_attention", the whole attention, works.
#
# Why it matters: the run trains the new head alone, looks like LoRA by its counts, and says nothing. Look at gradients, not at counts.
#
# Seen on 2026-11-30 (two layers, random weights and random updates):
#   out_proj: 4 tensors trainable, 0 with a gradient, changes nothing
#   self_attention: 8 tensors trainable, 8 with a gradient, changes the answer
#   mlp.0: 4 tensors trainable, 4 with a gradient, changes the answer
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q peft==0.21.2 transformers==5.24.0 torchvision==0.29.1 torch==2.14.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" -W ignore - 2>"$work/progress" <<'END'
import torch
from peft import LoraConfig, get_peft_model
from torchvision.models import VisionTransformer

images = torch.randn(2, 3, 32, 32, generator=torch.manual_seed(1))
for target in ("out_proj", "self_attention", "mlp.0"):
    torch.manual_seed(0)
    sizes = {"image_size": 32, "patch_size": 16, "num_layers": 2, "num_heads": 2, "hidden_dim": 32, "mlp_dim": 64}
    network = VisionTransformer(**sizes)
    torch.nn.init.normal_(network.heads.head.weight)
    lora = LoraConfig(target_modules=[target], modules_to_save=["head"], r=4, init_lora_weights=False)
    model = get_peft_model(network, lora).train()
    on = model(images)
    with model.disable_adapter():
        off = model(images)
    on.sum().backward()
    updates = [p for name, p in model.named_parameters() if "lora_" in name]
    learn = sum(p.grad is not None for p in updates)
    words = "changes the answer" if (on - off).abs().max() > 1e-3 else "changes nothing"
    print(f"{target}: {sum(p.requires_grad for p in updates)} tensors trainable, {learn} with a gradient, {words}")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-30: < then, > now." >&2; exit 1; }
