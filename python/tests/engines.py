"""Engines of vLLM's shape, with the signatures of `AsyncLLM` and `RequestOutput`."""

import asyncio
import dataclasses
import enum

from serinus.integrations.vllm import VersionedEngine
from serving import Recorder


class RequestOutputKind(enum.Enum):
    CUMULATIVE = 0
    DELTA = 1
    FINAL_ONLY = 2


@dataclasses.dataclass
class SamplingParams:
    n: int = 1
    max_tokens: int | None = 16
    output_kind: RequestOutputKind = RequestOutputKind.CUMULATIVE


@dataclasses.dataclass
class CompletionOutput:
    index: int
    text: str
    token_ids: list
    cumulative_logprob: float | None = None
    logprobs: object = None
    routed_experts: object = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None


class RequestOutput:
    def __init__(self, request_id, prompt, prompt_token_ids, prompt_logprobs, outputs, finished, metrics=None):
        self.request_id = request_id
        self.prompt = prompt
        self.prompt_token_ids = prompt_token_ids
        self.prompt_logprobs = prompt_logprobs
        self.outputs = outputs
        self.finished = finished


class AsyncLLM:
    """Answers with `name` over and over; stops, dies and hangs when it is told to."""

    def __init__(
        self,
        name="v1",
        *,
        prefill=0.0,
        pause=0.0,
        hangs_after=None,
        fails=None,
        fails_after=None,
        fails_aborted=False,
        hides=False,
    ):
        self.name = name
        self.prefill = prefill
        self.pause = pause
        self.hangs_after = hangs_after
        self.fails = fails or RuntimeError("EngineGenerateError")
        self.fails_after = fails_after
        self.fails_aborted = fails_aborted
        self.hides = hides
        self.running = {}
        self.aborted = []
        self.served = []
        self.is_down = False

    async def generate(
        self,
        prompt,
        sampling_params,
        request_id: str,
        *,
        prompt_text=None,
        lora_request=None,
        tokenization_kwargs=None,
        trace_headers=None,
        priority: int = 0,
        data_parallel_rank=None,
        session_id=None,
        reasoning_ended=None,
        reasoning_parser_kwargs=None,
    ):
        assert request_id not in self.running and not self.is_down
        stopped = self.running[request_id] = asyncio.Event()
        self.served.append((request_id, priority))
        try:
            total = sampling_params.max_tokens
            for count in range(total + 1):
                wait = self.prefill if count == 1 else self.pause
                if count == self.hangs_after:
                    wait = 3600
                if wait:
                    try:
                        await asyncio.wait_for(stopped.wait(), wait)
                    except TimeoutError:
                        pass
                    except asyncio.CancelledError:
                        raise (RuntimeError("engine stopped") if self.hides else asyncio.CancelledError) from None
                assert not self.is_down
                if stopped.is_set() and self.fails_aborted:
                    raise RuntimeError("aborted")
                if stopped.is_set():
                    yield self._output(request_id, prompt, sampling_params, count - 1, "abort")
                    return
                if count == self.fails_after:
                    raise self.fails
                kind = sampling_params.output_kind
                # The first output may be of the prompt alone.
                if count == total or kind is not RequestOutputKind.FINAL_ONLY:
                    yield self._output(request_id, prompt, sampling_params, count, "length" if count == total else None)
        finally:
            del self.running[request_id]

    def _output(self, request_id, prompt, sampling_params, count, reason):
        begin = max(count - 1, 0) if sampling_params.output_kind is RequestOutputKind.DELTA else 0
        tokens = list(range(begin, count))
        text = self.name * len(tokens)
        outputs = [CompletionOutput(i, text, tokens, finish_reason=reason) for i in range(sampling_params.n)]
        return RequestOutput(request_id, prompt, [1], None, outputs, reason is not None)

    async def abort(self, request_id, internal: bool = False) -> None:
        self.aborted.append(request_id)
        if request_id in self.running:
            self.running[request_id].set()

    def shutdown(self, timeout=None) -> None:
        self.is_down = True


def two(recorder=None, **engines):
    recorder = recorder or Recorder({"v1": 0.5, "v2": 0.5})
    engines = {"v1": AsyncLLM("a"), "v2": AsyncLLM("b"), **engines}
    return recorder, engines, VersionedEngine(engines, recorder)


async def read(generation):
    return [output async for output in generation]
