"""How fast the adapter `vllm` asks, beside vLLM's own `LLM.chat` of the same questions, in samples a second.

    python tests/gpu/vllm_speed.py --model llava-hf/llava-1.5-7b-hf           on a machine with a GPU
    python tests/gpu/vllm_speed.py --tiny                                     checks this script, on any machine

Each is a process of its own with the same engine arguments; loading and the first answer are not counted. The ratio
should be near 1: what evalkit adds is a coroutine a question, and what it saves is the preparing of known pictures.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import PIL.Image

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT.parent)]


def pictures(options: argparse.Namespace) -> list[bytes]:
    """The files of so many pictures, each another one, and one more to begin with."""
    found = []
    for number in range(options.images + 1):
        file = io.BytesIO()
        gradient = PIL.Image.linear_gradient("L").rotate(number * 1.7).resize((options.width, options.width * 3 // 4))
        PIL.Image.merge("RGB", (gradient, gradient.transpose(PIL.Image.Transpose.ROTATE_180), gradient)).save(
            file, "PNG"
        )
        found.append(file.getvalue())
    return found


def questions(options: argparse.Namespace) -> list[tuple[int, str]]:
    """(picture, words) of every question, neighbours about the same picture."""
    count = options.questions
    return [(number // count, f"Question {number}: what is shown?") for number in range(options.images * count)]


def engine_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """What both engines are given beyond the model."""
    tiny = {"max_num_seqs": 16, "kv_cache_memory_bytes": 2**27} if options.tiny else {}
    return {"max_num_seqs": options.connections, "limit_mm_per_prompt": {"image": 1}, **tiny}


def common(options: argparse.Namespace) -> dict[str, Any]:
    """The same, as options that the adapter names."""
    return {"dtype": options.dtype, "max_model_len": options.max_model_len, "enforce_eager": options.tiny}


def adapter(options: argparse.Namespace) -> dict[str, float]:
    """Seconds and tokens of all questions through the adapter, under evalkit's limit of calls at a time."""
    from evalkit.images import Pictures
    from evalkit.models.layers import Limited
    from evalkit.models.vllm import VLLM
    from evalkit.types import Image, Prompt, Sampling

    files, sampling = pictures(options), Sampling(temperature=0, max_tokens=options.max_tokens)
    images = [Image(f"{number}.png", lambda _, data=data: data) for number, data in enumerate(files)]  # type: ignore[misc]
    prompts = [Prompt((images[about], words), sampling=sampling) for about, words in questions(options)]
    more = engine_arguments(options)
    limit = more.pop("limit_mm_per_prompt")
    model = VLLM(model=options.model, limit_mm_per_prompt=limit, engine_args=more, **common(options))

    async def run() -> dict[str, float]:
        loader = Pictures()
        limited = Limited(inner=model, connections=options.connections)
        try:
            await limited.generate(Prompt((images[-1], "First: what is shown?"), sampling=sampling))
            began = time.perf_counter()
            answers = await asyncio.gather(*(limited.generate(loader.load(prompt)) for prompt in prompts))
            seconds = time.perf_counter() - began
        finally:
            await model.aclose()
        return {"seconds": seconds, "tokens": sum(each.usage.output_tokens or 0 for each in answers)}

    return asyncio.run(run())


def bare(options: argparse.Namespace) -> dict[str, float]:
    """The same questions in one call of `LLM.chat`, pictures decoded before the clock starts."""
    from vllm import LLM, SamplingParams

    decoded = [PIL.Image.open(io.BytesIO(data)).convert("RGB") for data in pictures(options)]
    llm = LLM(model=options.model, generation_config="vllm", **engine_arguments(options), **common(options))
    sampling = SamplingParams(temperature=0, max_tokens=options.max_tokens)

    def asked(about: int, words: str) -> list[dict[str, Any]]:
        shown = {"type": "image_pil", "image_pil": decoded[about]}
        return [{"role": "user", "content": [shown, {"type": "text", "text": words}]}]

    llm.chat([asked(-1, "First: what is shown?")], sampling, use_tqdm=False)
    conversations = [asked(about, words) for about, words in questions(options)]
    began = time.perf_counter()
    answers = llm.chat(conversations, sampling, use_tqdm=False)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "tokens": sum(len(each.outputs[0].token_ids) for each in answers)}


def both(options: argparse.Namespace, given: list[str]) -> None:
    """Runs the two, one after the other, and says how they compare."""
    count, rates = options.images * options.questions, {}
    for part in ("bare", "adapter"):
        with tempfile.NamedTemporaryFile("r", suffix=".json") as found:
            line = [sys.executable, __file__, *given, "--model", options.model, "--part", part, "--into", found.name]
            subprocess.run(line, check=True)
            told = json.load(found)
        rates[part] = count / told["seconds"]
        print(
            f"{part}: {count} samples in {told['seconds']:.2f} s = {rates[part]:.1f} samples/s, {told['tokens']} tokens"
        )
    print(f"adapter / bare = {rates['adapter'] / rates['bare']:.2f}")


def main() -> None:
    """Reads the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", default="llava-hf/llava-1.5-7b-hf", help="a folder, or a repository in the hub's cache"
    )
    parser.add_argument("--tiny", action="store_true", help="a model of 1 MB, made on the spot")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--questions", type=int, default=10, help="about each image")
    parser.add_argument("--width", type=int, default=640, help="of an image, in pixels")
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--max-model-len", type=int, default=4096)
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--part", choices=["adapter", "bare"], help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.tiny:
        options.dtype, options.max_model_len, options.images, options.max_tokens = "float32", 1024, 20, 16
    if options.part:
        options.into.write_text(json.dumps({"adapter": adapter, "bare": bare}[options.part](options)), encoding="utf-8")
        return
    with tempfile.TemporaryDirectory() as folder:
        if options.tiny:
            from tiny_vlm import build

            options.model = str(build("llava", Path(folder) / "llava"))
        both(options, sys.argv[1:])


if __name__ == "__main__":
    main()
