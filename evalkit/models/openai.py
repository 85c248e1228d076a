"""OpenAI and every server that speaks its chat completions, through the official SDK.

The body is spliced from bytes and sent through the SDK's own low-level door, so that a picture's base64 is made once
and never parsed, copied into objects or escaped again; authentication, addresses, proxies and errors stay the SDK's.
Wire format: https://platform.openai.com/docs/api-reference/chat.
"""

from __future__ import annotations

import functools
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import openai
import orjson

from evalkit.errors import CallError, ModelError, UsageError
from evalkit.images import Picture, picture_of
from evalkit.models.base import Model
from evalkit.types import Image, Prompt, Response, Sampling, Usage

ACCEPTED = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
OFFICIAL = "api.openai.com"
# Not in OpenAI's own API; vLLM, SGLang and others take them in the body.
COMPATIBLE_ONLY = ("top_k", "repetition_penalty")
SLOT = "\x00picture\x00"


@dataclass(kw_only=True)
class OpenAI(Model):
    """A chat model by name. `base_url` is any compatible server's; its key is read from the variable `api_key_env`."""

    model: str
    base_url: str = f"https://{OFFICIAL}/v1"
    api_key_env: str = field(default="OPENAI_API_KEY", metadata={"identity": False})
    detail: str | None = None
    max_tokens_field: str = "max_tokens"
    extra_body: dict[str, Any] = field(default_factory=dict)

    @property
    def third_party(self) -> bool:
        """Whether the address is another's: everything but this machine and private networks."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return not ipaddress.ip_address(host).is_private
        except ValueError:
            # A name without a dot is resolved by one's own network, as are these endings (RFC 6762, RFC 8375).
            return "." in host and not host.endswith((".local", ".internal", ".home.arpa"))

    def check(self) -> None:
        """Raises UsageError for a missing key, or an address that would carry a secret into the records."""
        if urlsplit(self.base_url).password:
            raise UsageError(
                "base_url holds a password, which the run would record; give it in the environment instead"
            )
        if self.third_party and not os.environ.get(self.api_key_env):
            raise UsageError(f"openai/{self.model}: no key; set the environment variable {self.api_key_env}")

    async def generate(self, prompt: Prompt) -> Response:
        """One chat completion. Raises CallError for one that failed, ModelError for what would fail every time."""
        pictures = [picture_of(image).accepted(ACCEPTED, image.name) for image in prompt.images]
        request = self._request(prompt)
        try:
            reply = await self._client.post(
                "/chat/completions",
                content=_spliced(orjson.dumps(request), pictures),
                cast_to=object,
                options={"headers": {"Content-Type": "application/json"}},
            )
        except openai.APIStatusError as error:
            raise _failure(error) from error
        except (openai.APIError, ValueError) as error:
            why = f"{error.__cause__ or error}" or type(error).__name__
            raise CallError(f"{self.base_url}: {why}", retryable=True) from error
        return _response(reply, _with_digests(request, pictures))

    async def aclose(self) -> None:
        """Closes the connections, if any were opened; the next call opens new ones."""
        client: openai.AsyncOpenAI | None = self.__dict__.pop("_client", None)
        if client is not None:
            await client.close()

    @functools.cached_property
    def _client(self) -> openai.AsyncOpenAI:
        self.check()
        # One attempt a call: retrying is a layer of its own, so that every attempt is seen.
        return openai.AsyncOpenAI(
            api_key=os.environ.get(self.api_key_env) or "none",
            base_url=self.base_url,
            max_retries=0,
            timeout=None,
            http_client=openai.DefaultAioHttpClient(),
        )

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        content = [
            {"type": "image_url", "image_url": {"url": SLOT} | ({"detail": self.detail} if self.detail else {})}
            if isinstance(part, Image)
            else {"type": "text", "text": part}
            for part in prompt.parts
        ]
        user = {"role": "user", "content": content if prompt.images else prompt.text}
        system = [{"role": "system", "content": prompt.system}] if prompt.system else []
        settings = self._settings(prompt.sampling)
        return {"model": self.model, "messages": [*system, user], **settings, **self.extra_body}

    def _settings(self, sampling: Sampling) -> dict[str, object]:
        if urlsplit(self.base_url).hostname == OFFICIAL:
            refused = [name for name in COMPATIBLE_ONLY if getattr(sampling, name) is not None]
            if refused:
                raise UsageError(f"{self.model}: OpenAI's API has no {refused[0]}; leave it out of the sampling")
        names = {"temperature", "top_p", "top_k", "seed", "stop", "repetition_penalty"}
        sent = {name: getattr(sampling, name) for name in sorted(names) if getattr(sampling, name) is not None}
        return sent | ({self.max_tokens_field: sampling.max_tokens} if sampling.max_tokens is not None else {})


def _spliced(body: bytes, pictures: list[Picture]) -> bytes:
    texts = body.split(orjson.dumps(SLOT)[1:-1])
    pieces = [texts[0]]
    for picture, text in zip(pictures, texts[1:], strict=True):
        pieces += [b"data:", picture.media_type.encode(), b";base64,", picture.base64(), text]
    return b"".join(pieces)


def _with_digests(request: dict[str, Any], pictures: list[Picture]) -> dict[str, Any]:
    """The request as it was sent, each picture by its digest."""
    text = orjson.dumps(request).decode()
    for picture in pictures:
        text = text.replace(orjson.dumps(SLOT)[1:-1].decode(), f"sha256:{picture.sha256}", 1)
    sent: dict[str, Any] = orjson.loads(text)
    return sent


def _failure(error: openai.APIStatusError) -> CallError | ModelError:
    body = error.body if isinstance(error.body, Mapping) else {}
    said = f"{error.status_code} {body.get('message') or error.message}"
    if error.status_code in (401, 403, 404) or body.get("code") == "insufficient_quota":
        return ModelError(f"{error.request.url}: {said}")
    if error.status_code in (400, 422) and body.get("param") not in (None, "messages"):
        return ModelError(f"{error.request.url} refuses the setting {body['param']}: {said}")
    retryable = error.status_code in (408, 409, 429) or error.status_code >= 500
    return CallError(said, retryable=retryable, retry_after=_seconds(error.response.headers.get("retry-after")))


def _seconds(header: str | None) -> float | None:
    try:
        return float(header) if header else None
    except ValueError:
        return None


def _response(reply: object, sent: dict[str, Any]) -> Response:
    try:
        choice = reply["choices"][0]  # type: ignore[index]
        message = choice["message"]
        usage = reply.get("usage") or {}  # type: ignore[attr-defined]
        details = usage.get("prompt_tokens_details") or {}
        refusal = message.get("refusal")
        finish = choice.get("finish_reason") or ""
        return Response(
            text=message.get("content") or refusal or "",
            finish_reason=finish,
            refused=bool(refusal) or finish == "content_filter",
            usage=Usage(usage.get("prompt_tokens"), usage.get("completion_tokens"), details.get("cached_tokens")),
            model=reply.get("model") or "",  # type: ignore[attr-defined]
            sent=sent,
        )
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise CallError(f"the reply is no chat completion: {reply!r:.200}", retryable=True) from error
