"""Starting points to train on an export: the three stages of the paper for the LLaVA-NeXT trainer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Stage:
    """One training stage, with what the paper says of it and what the trainer's public recipes use beside it."""

    title: str
    data: str
    """Placeholder {release} is the release's name."""
    start: str
    """Model or checkpoint that training starts from."""
    batch: int
    """Rows per step over all GPUs."""
    flags: Mapping[str, str] = field(default_factory=dict)


ALL_PARTS = "mm_vision_tower,mm_mlp_adapter,mm_language_model"
SHARED: Mapping[str, str] = {
    "vision_tower": "google/siglip-so400m-patch14-384",
    "mm_projector_type": "mlp2x_gelu",
    "mm_vision_select_layer": "-2",
    "mm_use_im_start_end": "False",
    "mm_use_im_patch_token": "False",
    "bf16": "True",
    "tf32": "True",
    "num_train_epochs": "1",
    "weight_decay": "0.",
    "warmup_ratio": "0.03",
    "lr_scheduler_type": "cosine",
    "gradient_checkpointing": "True",
    "dataloader_num_workers": "4",
    "lazy_preprocess": "True",
    "save_strategy": "steps",
    "save_steps": "1000",
    "save_total_limit": "1",
    "logging_steps": "1",
    "report_to": "none",
}
INSTRUCT: Mapping[str, str] = {
    "version": "qwen_1_5",
    "mm_tunable_parts": ALL_PARTS,
    "mm_vision_tower_lr": "2e-6",
    "learning_rate": "1e-5",
    "group_by_modality_length": "True",
    "image_aspect_ratio": "anyres_max_9",
    "image_grid_pinpoints": "(1x1),...,(6x6)",
    "mm_patch_merge_type": "spatial_unpad",
    "frames_upbound": "32",
}
STAGES: Mapping[str, Stage] = {
    "1_align": Stage(
        "Stage 1, alignment on the public 558K LCS captions (liuhaotian/LLaVA-Pretrain), no part of this export",
        "${LCS_558K:?folder of blip_laion_cc_sbu_558k.json and its images}/blip_laion_cc_sbu_558k.json",
        "Qwen/Qwen2.5-7B-Instruct",
        512,
        {
            "version": "plain",
            "mm_tunable_parts": "mm_mlp_adapter",
            "learning_rate": "1e-3",
            "model_max_length": "8192",
            "image_folder": "${LCS_558K}",
        },
    ),
    "2_si": Stage(
        "Stage 2, single image",
        "mammoth_si_{release}.yaml",
        "Qwen/Qwen2.5-7B-Instruct",
        256,
        {
            **INSTRUCT,
            "model_max_length": "8192",
            "image_folder": ".",
            "video_folder": ".",
            "pretrain_mm_mlp_adapter": "${CHECKPOINTS}/1_align/mm_projector.bin",
        },
    ),
    "3_ov": Stage(
        "Stage 3, one vision: several images, video, and single images that stage 2 has not seen",
        "mammoth_ov_{release}.yaml",
        "${CHECKPOINTS}/2_si",
        256,
        {**INSTRUCT, "model_max_length": "16384", "image_folder": ".", "video_folder": "."},
    ),
}
HEAD = """\
#!/usr/bin/env bash
# {title}.
# A starting point: model, lengths and batch are the paper's (arXiv 2412.05237, section 4.1), the rest is what the
# trainer's public recipes use. LLAVA_NEXT is a checkout of LLaVA-NeXT; GPUS and NODES say what there is.
set -euo pipefail
: "${{LLAVA_NEXT:?checkout of LLaVA-NeXT}}"
: "${{CHECKPOINTS:=$PWD/checkpoints}}" "${{GPUS:=8}}" "${{NODES:=1}}" "${{RANK:=0}}"
: "${{ADDR:=127.0.0.1}}" "${{PORT:=29500}}"
cd "$(dirname "$0")/.."  # paths of rows and lists are relative to the export
PER_GPU=1
STEPS=$(( {batch} / (GPUS * NODES * PER_GPU) ))  # {batch} rows per step
if (( STEPS * GPUS * NODES * PER_GPU != {batch} )); then
    echo "{batch} rows do not divide over $NODES x $GPUS GPUs" >&2
    exit 2
fi

PYTHONPATH="$LLAVA_NEXT" torchrun --nproc_per_node="$GPUS" --nnodes="$NODES" --node_rank="$RANK" \\
    --master_addr="$ADDR" --master_port="$PORT" "$LLAVA_NEXT/llava/train/train_mem.py" \\
    --deepspeed "$LLAVA_NEXT/scripts/zero3.json" \\
"""


def train_files(release: str, lists: Collection[str]) -> dict[str, str]:
    """The scripts by file name, for an export whose arrays carry the release's name and whose lists are given."""
    scripts = {name: (stage, stage.data.replace("{release}", release)) for name, stage in STAGES.items()}
    if scripts["2_si"][1] not in lists:  # without a second stage the third goes on from the first, as the second would
        first, (third, data) = STAGES["2_si"], scripts["3_ov"]
        scripts["3_ov"] = replace(third, start=first.start, flags={**first.flags, **third.flags}), data
    return {
        f"{name}.sh": _script(name, stage, data)
        for name, (stage, data) in scripts.items()
        if "/" in data or data in lists
    }


def _script(name: str, stage: Stage, data: str) -> str:
    flags = {
        "model_name_or_path": stage.start,
        "data_path": data,
        **SHARED,
        **stage.flags,
        "per_device_train_batch_size": "$PER_GPU",
        "gradient_accumulation_steps": "$STEPS",
        "output_dir": f"${{CHECKPOINTS}}/{name}",
    }
    lines = " \\\n".join(f'    --{flag} "{value}"' for flag, value in flags.items())
    return HEAD.format(title=stage.title, batch=stage.batch) + lines + "\n"
