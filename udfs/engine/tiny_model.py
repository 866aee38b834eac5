"""Makes a tiny multimodal model of random weights, shaped like Qwen2-VL; a script for the engine's Python.

    .venv-engine/bin/python udfs/engine/tiny_model.py OUT_DIR

It takes real pictures through a real engine and says nonsense: for tests of the way, not of the words. Its tokenizer is
the packaged demo model's with the tokens of pictures added.
"""

import shutil
import sys
import tempfile
from pathlib import Path

SEED = 0
HIDDEN, HEADS, LAYERS = 128, 2, 2  # heads of 64: vLLM's attention on CPUs refuses smaller ones
WINDOW = 8192
MIN_PIXELS, MAX_PIXELS = 56 * 56, 448 * 448  # up to 256 tokens a picture

VISION_START, VISION_END, IMAGE, VIDEO = "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}"
    "{% elif part['type'] == 'video' %}" + VISION_START + VIDEO + VISION_END + ""
    "{% else %}" + VISION_START + IMAGE + VISION_END + "{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make(gguf: Path, folder: Path) -> None:
    """Random weights from a fixed seed, processors, tokenizer and chat template."""
    # Only the engine's Python has these.
    import torch  # type: ignore[import-not-found]
    import transformers as hf  # type: ignore[import-not-found]

    tokenizer = hf.AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    tokenizer.add_special_tokens({"additional_special_tokens": [VISION_START, VISION_END, IMAGE, VIDEO]})
    start, end, image, video = tokenizer.convert_tokens_to_ids([VISION_START, VISION_END, IMAGE, VIDEO])
    config = hf.Qwen2VLConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": HIDDEN, "intermediate_size": 2 * HIDDEN,
            "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": HEADS,
            "max_position_embeddings": WINDOW, "tie_word_embeddings": True,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [8, 12, 12]},
            "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
        },
        vision_config={"depth": LAYERS, "embed_dim": HIDDEN, "num_heads": HEADS, "hidden_size": HIDDEN, "mlp_ratio": 2},
        vision_start_token_id=start, vision_end_token_id=end, image_token_id=image, video_token_id=video,
        tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(SEED)
    hf.Qwen2VLForConditionalGeneration(config).save_pretrained(folder)
    limits = {"size": {"shortest_edge": MIN_PIXELS, "longest_edge": MAX_PIXELS}}
    hf.Qwen2VLProcessor(
        image_processor=hf.Qwen2VLImageProcessor(**limits),
        tokenizer=tokenizer,
        video_processor=hf.Qwen2VLVideoProcessor(**limits),
        chat_template=CHAT_TEMPLATE,
    ).save_pretrained(folder)


def main(out: Path) -> None:
    """Does nothing when the folder is there: it appears by one rename, so it is whole."""
    if out.exists():
        return
    from udfs.engine.demo_model import packaged_gguf

    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        folder = Path(scratch) / "model"
        make(packaged_gguf(), folder)
        if not out.exists():
            shutil.move(folder, out)


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).absolute().parents[2])  # the root, not this folder
    main(Path(sys.argv[1]))
