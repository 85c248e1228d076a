"""How fast the `hf` adapter is beside a bare loop over `generate`: one command on a machine with one large GPU.

    python tests/gpu/hf_speed.py            # LLaVA-1.5-7B's shape, random weights, bfloat16, CUDA
    python tests/gpu/hf_speed.py --tiny     # a check of this script, on a CPU: ends with 1 where answers differ

Both answer the same questions on the same pictures, in batches of one size sorted by length, with as many new tokens
each. The bare loop prepares a batch and then generates; `generate alone` has everything prepared beforehand.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as T
from PIL import Image as Pillow

sys.path.insert(0, str(Path(__file__).parent.parent))
import tiny_vlm

from evalkit.models._decoding import without_drawing
from evalkit.models._generation import Generation
from evalkit.models._pretrained import Pretrained, Setup
from evalkit.models.hf import HF
from evalkit.types import Image, Prompt, Response, Sampling

WORDS = ("Is there a lesion?", "What modality is shown?", "Which of these is the modality: CT, MRI, X-ray, ultrasound?")


def seven_billion() -> tuple[Any, Any]:
    """LLaVA-1.5-7B but for its vocabulary: CLIP ViT-L/14 at 336 pixels, LLaMA of 32 layers; made on the GPU."""
    _, processor = tiny_vlm.llava()
    tok = processor.tokenizer
    config = T.LlavaConfig(
        vision_config=T.CLIPVisionConfig(
            hidden_size=1024,
            intermediate_size=4096,
            num_hidden_layers=24,
            num_attention_heads=16,
            image_size=336,
            patch_size=14,
            projection_dim=768,
        ),
        text_config=T.LlamaConfig(vocab_size=32064, max_position_embeddings=4096, **tiny_vlm.ids(tok)),
        image_token_index=tok.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        **tiny_vlm.ids(tok),
    )
    pictures = T.CLIPImageProcessorPil(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336})
    processor.image_processor = pictures
    with torch.device("cuda"):
        model = T.LlavaForConditionalGeneration._from_config(config, dtype=torch.bfloat16)
    return model, processor


def questions(count: int, side: int, tokens: int) -> list[Prompt]:
    """Questions of three lengths, each on a JPEG of its own."""
    random = np.random.default_rng(0)
    made = []
    for number in range(count):
        coarse = random.integers(0, 255, (side // 16, side // 16, 3), dtype=np.uint8)
        file = io.BytesIO()
        Pillow.fromarray(coarse).resize((side, side), Pillow.Resampling.BICUBIC).save(file, "JPEG")
        data = {f"{number}.jpg": file.getvalue()}
        image = Image(f"{number}.jpg", data.__getitem__)
        made.append(Prompt((image, WORDS[number % 3]), sampling=Sampling(max_tokens=tokens)))
    return made


def batches(prompts: Sequence[Prompt], engine: Generation, size: int) -> list[list[int]]:
    """The numbers of the prompts, sorted by length, in batches."""
    texts = [engine._wording.text(prompt) for prompt in prompts]
    order = sorted(range(len(prompts)), key=lambda number: len(texts[number]))
    return [order[start : start + size] for start in range(0, len(order), size)]


def prepared(pretrained: Pretrained, engine: Generation, prompts: Sequence[Prompt]) -> Any:
    """A batch as the processor alone makes it."""
    images = [[Pillow.open(io.BytesIO(prompt.images[0].read())).convert("RGB")] for prompt in prompts]
    texts = [engine._wording.text(prompt) for prompt in prompts]
    return pretrained.processor(text=texts, images=images, padding=True, return_tensors="pt")


def generated(pretrained: Pretrained, inputs: Any, tokens: int) -> list[str]:
    """The answers of a bare `generate`."""
    model = pretrained.model
    inputs = inputs.to(model.device, dtype=model.dtype)
    with torch.inference_mode():
        output = model.generate(**inputs, max_new_tokens=tokens, do_sample=False)
    new = output[:, inputs["input_ids"].shape[1] :].cpu()
    texts: list[str] = pretrained.tokenizer.batch_decode(new, skip_special_tokens=True)
    return texts


def through_the_adapter(engine: Generation, prompts: Sequence[Prompt], connections: int) -> tuple[list[str], float]:
    """The adapter's answers to questions of which so many wait at a time, as a run asks them; and the seconds."""
    model = HF(model="random", batch_size=engine.limit)
    model._thread = ThreadPoolExecutor(1)
    model._loading = Future()
    model._loading.set_result(engine)
    answers: list[Response | None] = [None] * len(prompts)

    async def work(numbers: Any) -> None:
        for number in numbers:
            answers[number] = await model.generate(prompts[number])

    async def go() -> float:
        start, numbers = time.perf_counter(), iter(range(len(prompts)))
        await asyncio.gather(*(work(numbers) for _ in range(connections)))
        took = time.perf_counter() - start
        await model.aclose()
        return took

    seconds = asyncio.run(go())
    return [each.text if each else "" for each in answers], seconds


def main() -> int:
    """Measures, prints, compares."""
    parser = argparse.ArgumentParser(description="tokens a second of the hf adapter beside a bare generate loop")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--count", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=64)
    chosen = parser.parse_args()
    if chosen.tiny:
        chosen.count, chosen.batch_size, chosen.tokens = 48, 4, 16
        # So small a model is slowed down by threads that wait for each other.
        torch.set_num_threads(1)
    elif not torch.cuda.is_available():
        print("no CUDA here; --tiny checks this script on a CPU")
        return 2
    torch.manual_seed(0)
    model, processor = tiny_vlm.llava() if chosen.tiny else seven_billion()
    processor.tokenizer.padding_side = "left"
    own = without_drawing(model.eval().generation_config)
    # Random weights end where they like; every answer is to have as many tokens.
    model.generation_config.min_new_tokens = chosen.tokens
    pretrained = Pretrained(Setup(name="random", folder=Path()), model, processor, own)
    engine = Generation(pretrained, chosen.batch_size)
    prompts = questions(chosen.count, 64 if chosen.tiny else 640, chosen.tokens)
    groups = batches(prompts, engine, chosen.batch_size)
    generated(pretrained, prepared(pretrained, engine, [prompts[number] for number in groups[0]]), chosen.tokens)

    start = time.perf_counter()
    bare: dict[int, str] = {}
    for group in groups:
        inputs = prepared(pretrained, engine, [prompts[number] for number in group])
        bare |= dict(zip(group, generated(pretrained, inputs, chosen.tokens), strict=True))
    looped = time.perf_counter() - start
    ready = [prepared(pretrained, engine, [prompts[number] for number in group]) for group in groups]
    start = time.perf_counter()
    for inputs in ready:
        generated(pretrained, inputs, chosen.tokens)
    alone = time.perf_counter() - start
    texts, adapted = through_the_adapter(engine, prompts, connections=4 * chosen.batch_size)

    total = chosen.count * chosen.tokens
    same = sum(text == bare[number] for number, text in enumerate(texts))
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"{device}, torch {torch.__version__}, transformers {T.__version__}, batches of {chosen.batch_size}")
    print(f"generate alone   {total / alone:9.1f} tokens/s   {alone:7.2f} s")
    print(f"bare loop        {total / looped:9.1f} tokens/s   {looped:7.2f} s")
    print(f"the hf adapter   {total / adapted:9.1f} tokens/s   {adapted:7.2f} s")
    print(f"adapter / bare loop: {looped / adapted:.3f}; {same} of {chosen.count} answers equal")
    return int(chosen.tiny and same != chosen.count)


if __name__ == "__main__":
    sys.exit(main())
