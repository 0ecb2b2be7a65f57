"""Repositories of six families of CLIPs as they lie on the hub, with tiny random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file

OPENAI = {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}
HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
CLIP_TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
BERT = "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract"
WORDS = ["a", "an", "round", "dark", "bright", "area", "spot", "of", "the", "kidney", "with", "wall", "scan"]


class Family(NamedTuple):
    """A repository: its name, configuration, form of weights, and what else lies in it."""

    repo: str
    model: dict[str, Any]
    preprocess: dict[str, Any]
    weights: str = "open_clip_model.safetensors"
    tokenizer: str = ""  # "bert" or "sentencepiece"
    other_config: dict[str, Any] | None = None  # a config.json that is another library's


FAMILIES = {
    "OpenAI": Family(
        "timm/vit_base_patch16_clip_224.openai",
        {
            "embed_dim": 32,
            "quick_gelu": True,
            "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16},
            "text_cfg": CLIP_TEXT,
        },
        {**OPENAI, "interpolation": "bicubic", "resize_mode": "shortest"},
        other_config={"architecture": "vit_base_patch16_clip_quickgelu_224", "num_classes": 512},
    ),
    "LAION": Family(
        "laion/CLIP-ViT-B-16-laion2B-s34B-b88K",
        {
            "embed_dim": 32,
            "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16},
            "text_cfg": CLIP_TEXT,
        },
        OPENAI,
        weights="open_clip_pytorch_model.bin",
        other_config={"model_type": "clip", "architectures": ["CLIPModel"]},
    ),
    "BiomedCLIP": Family(
        "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",
        {
            "embed_dim": 32,
            "vision_cfg": {
                "timm_model_name": "test_vit",
                "timm_model_pretrained": False,
                "timm_pool": "",
                "timm_proj": "linear",
                "image_size": 160,
            },
            "text_cfg": {
                "hf_model_name": BERT,
                "hf_tokenizer_name": BERT,
                "hf_proj_type": "mlp",
                "hf_pooler_type": "cls_last_hidden_state_pooler",
                "context_length": 256,
            },
        },
        OPENAI,
        weights="open_clip_pytorch_model.bin",
        tokenizer="bert",
    ),
    "SigLIP": Family(
        "timm/ViT-B-16-SigLIP",
        {
            "embed_dim": 96,
            "init_logit_bias": -10,
            "custom_text": True,
            "vision_cfg": {
                "image_size": 160,
                "timm_model_name": "test_vit3",
                "timm_model_pretrained": False,
                "timm_pool": "map",
                "timm_proj": "none",
            },
            "text_cfg": {
                "context_length": 64,
                "vocab_size": 200,
                "hf_tokenizer_name": "timm/ViT-B-16-SigLIP",
                "tokenizer_kwargs": {"clean": "canonicalize"},
                "width": 64,
                "heads": 2,
                "layers": 2,
                "no_causal_mask": True,
                "proj_bias": True,
                "pool_type": "last",
                "norm_kwargs": {"eps": 1e-6},
            },
        },
        {**HALF, "interpolation": "bicubic", "resize_mode": "squash"},
        tokenizer="sentencepiece",
    ),
    "PE": Family(
        "timm/PE-Core-T-16-384",
        {
            "embed_dim": 32,
            "vision_cfg": {
                "image_size": 384,
                "timm_model_name": "vit_pe_core_tiny_patch16_384",
                "timm_model_pretrained": False,
                "timm_pool": "map",
                "timm_proj": None,
            },
            "text_cfg": {**CLIP_TEXT, "context_length": 32},
            "custom_text": True,
        },
        {**HALF, "interpolation": "bilinear", "resize_mode": "squash"},
    ),
    "MobileCLIP": Family(
        "apple/MobileCLIP-S1-OpenCLIP",
        {
            "embed_dim": 32,
            "vision_cfg": {
                "timm_model_name": "fastvit_t8",
                "timm_model_pretrained": False,
                "timm_pool": "avg",
                "timm_proj": None,
                "timm_drop": 0.0,
                "timm_drop_path": 0.0,
                "image_size": 64,
            },
            "text_cfg": {**CLIP_TEXT, "no_causal_mask": True},
            "custom_text": True,
        },
        {"mean": [0, 0, 0], "std": [1, 1, 1], "interpolation": "bilinear", "resize_mode": "shortest"},
    ),
}


def write_all(root: Path) -> None:
    """Every family's repository, and that of BiomedCLIP's text tower, as ROOT/ORG/REPO."""
    write_bert(root / BERT)
    for family in FAMILIES.values():
        write(root / family.repo, family, text=root / BERT)


def write(folder: Path, family: Family, *, text: Path) -> None:
    """One repository; `text` has the configuration of a Hugging Face text tower."""
    import open_clip

    folder.mkdir(parents=True)
    config = {"model_cfg": family.model, "preprocess_cfg": family.preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2))
    changes = {}
    if "hf_model_name" in family.model["text_cfg"]:
        changes = {
            "text_cfg": {**family.model["text_cfg"], "hf_model_name": str(text), "hf_model_pretrained": False}
        }
    torch.manual_seed(len(family.repo))
    model = open_clip.create_model(
        f"local-dir:{folder}", load_weights=False, pretrained_text=False, **changes
    )
    state = {key: value.clone().contiguous() for key, value in randomised(model).state_dict().items()}
    save(state, folder / family.weights)
    if family.other_config is not None:
        (folder / "config.json").write_text(json.dumps(family.other_config))
        save({"visual.other": torch.zeros(2)}, folder / "model.safetensors")
    if family.tokenizer == "bert":
        write_bert_tokenizer(folder)
    if family.tokenizer == "sentencepiece":
        write_sentencepiece_tokenizer(folder)


def save(state: dict[str, torch.Tensor], file: Path) -> None:
    """As safetensors, or as a pickle of tensors."""
    if file.suffix == ".safetensors":
        save_file(state, file)
    else:
        torch.save(state, file)


def randomised(model: Any) -> Any:
    """No bias is 0 and no gain 1, so that a tensor that is not loaded shows."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1 and "logit" not in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def write_bert(folder: Path) -> None:
    """The text tower's own repository: its configuration and its vocabulary."""
    folder.mkdir(parents=True)
    config = {
        "model_type": "bert",
        "architectures": ["BertForMaskedLM"],
        "vocab_size": 5 + len(WORDS),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 512,
    }
    (folder / "config.json").write_text(json.dumps(config))
    write_bert_tokenizer(folder)


def write_bert_tokenizer(folder: Path) -> None:
    """The files that BertTokenizer saves."""
    from transformers import BertTokenizer

    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]) + "\n")
    BertTokenizer(str(vocabulary)).save_pretrained(folder)


def write_sentencepiece_tokenizer(folder: Path) -> None:
    """A unigram tokenizer that ends texts with </s> and pads with it, as T5's in SigLIP does."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    pieces = ["<pad>", "</s>", "<unk>", "▁", *(f"▁{word}" for word in WORDS), *letters]
    tokenizer = Tokenizer(models.Unigram([(piece, -float(i)) for i, piece in enumerate(pieces)], unk_id=2))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>", pad_token="</s>"
    ).save_pretrained(folder)
