"""Several versions behind one text-generation pipeline of Hugging Face's shape.

Written against ``TextGenerationPipeline`` and ``TextIteratorStreamer`` of transformers 5.24. It is imported only to
stream.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._value import Value
from ..errors import HostError
from ..routing import Splitter
from ._request import LeasedRequest, route

__all__ = ["Answer", "LeasedRequest", "VersionedPipeline"]


@dataclass(frozen=True, kw_only=True)
class Answer(Value):
    """What a pipeline generated.

    Attributes
    ----------
    text : str
        The text that is new, of the first sequence.
    result : object
        What the pipeline returned, as it is.
    version, session_token : str
        The version that answered, and what keeps the conversation on it.
    tokens : int or None
        Tokens of all sequences; ``None`` without a tokenizer.
    """

    text: str
    result: Any
    version: str
    session_token: str
    tokens: int | None


class VersionedPipeline:
    """Generates on the version that each call is routed to. May be called from several threads, as far as the
    pipelines may be.

    Parameters
    ----------
    pipelines : mapping of str to pipeline
        One for each version: ``pipeline(text_inputs, **options)``, with its ``tokenizer`` if it has one.
    splitter : Splitter
        Chooses the version.
    client_errors : tuple of exception types
        What a pipeline raises when the request itself is wrong: no error of the version.
    outcome : callable, optional
        Called with the inputs and the result; what it returns is noted, as with :meth:`LeasedRequest.note`.

    Examples
    --------
    >>> import serinus as sr
    >>> def parrot(text_inputs, **options):
    ...     return [{"generated_text": text_inputs + " so you say"}]
    >>> splitter = sr.Splitter({"v1": 1.0}, salt="parrot")
    >>> pipe = VersionedPipeline({"v1": parrot}, splitter)
    >>> answer = pipe("It rains,", user_id="u42", max_new_tokens=3)
    >>> answer.text, answer.version
    (' so you say', 'v1')
    """

    def __init__(
        self,
        pipelines: Mapping[str, Callable[..., Any]],
        splitter: Splitter,
        *,
        client_errors: tuple[type[Exception], ...] = (ValueError,),
        outcome: Callable[[Any, Any], dict[str, Any]] | None = None,
    ) -> None:
        self.splitter = splitter
        self._pipelines = dict(pipelines)
        self._client_errors = client_errors
        self._outcome = outcome

    def add(self, version: str, pipeline: Callable[..., Any]) -> None:
        """Takes a pipeline in, in the place of one that this version may have. The splitter decides on its traffic."""
        self._pipelines[version] = pipeline

    def remove(self, version: str) -> Callable[..., Any] | None:
        """Lets go of a version that gets no traffic any more. Its calls that are running end as they would."""
        return self._pipelines.pop(version, None)

    def __call__(
        self,
        text_inputs: Any,
        *,
        user_id: str | None = None,
        category: str | None = None,
        force_version: str | None = None,
        session_token: str | None = None,
        streamer: Any = None,
        **options: Any,
    ) -> Answer:
        """Generates.

        Parameters
        ----------
        text_inputs : str, list of str, chat, or list of chats
            As for the pipeline. Several are one request.
        user_id, category, force_version, session_token
            As :meth:`serinus.Splitter.route`.
        streamer : BaseStreamer, optional
            Gets the tokens as they come; with one, the time to the first token is measured.
        **options
            As for the pipeline.
        """
        request = route(
            self.splitter,
            user_id=user_id,
            category=category,
            force_version=force_version,
            session_token=session_token,
        )
        return self._run(request, text_inputs, None if streamer is None else Streamer(request, streamer), options)

    def stream(
        self,
        text_inputs: Any,
        *,
        user_id: str | None = None,
        category: str | None = None,
        force_version: str | None = None,
        session_token: str | None = None,
        **options: Any,
    ) -> Iterator[str]:
        """Generates in a thread, and gives the new text piece by piece.

        Parameters as for a call, but for one prompt or one chat. A reader that stops early stops the model at its next
        token.
        """
        request = route(
            self.splitter,
            user_id=user_id,
            category=category,
            force_version=force_version,
            session_token=session_token,
        )
        return self._stream(request, text_inputs, options)

    def _stream(self, request: LeasedRequest, text_inputs: Any, options: dict[str, Any]) -> Iterator[str]:
        from transformers import TextIteratorStreamer

        tokenizer = getattr(self._pipeline(request), "tokenizer", None)
        texts = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
        streamer = Streamer(request, texts)
        failed: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

        def generate() -> None:
            error: BaseException | None = None
            try:
                self._run(request, text_inputs, streamer, options)
            except BaseException as caught:
                error = caught
            failed.put(error)
            if error is not None:
                texts.end()

        thread = threading.Thread(target=generate, name="serinus-generate")
        thread.start()
        try:
            yield from texts
            if (error := failed.get()) is not None:
                raise error
        finally:
            streamer.stop()
            thread.join()

    def _run(
        self, request: LeasedRequest, text_inputs: Any, streamer: Streamer | None, options: dict[str, Any]
    ) -> Answer:
        if streamer is not None:
            options = {**options, "streamer": streamer}
        try:
            pipeline = self._pipeline(request)
            result = pipeline(text_inputs, **options)
            request.last_token()
            texts = list(new_texts(text_inputs, result))
            tokens = streamer.tokens if streamer is not None else count(getattr(pipeline, "tokenizer", None), texts)
            request.note(tokens=tokens)
            if self._outcome is not None:
                request.note(**self._outcome(text_inputs, result))
        except Stopped:
            request.abandon()
            raise
        except self._client_errors:
            request.discard()
            raise
        except BaseException as error:
            request.fail(error)
            raise
        request.finish()
        return Answer(
            text=texts[0] if texts else "",
            result=result,
            version=request.version,
            session_token=request.lease.session_token,
            tokens=tokens,
        )

    def _pipeline(self, request: LeasedRequest) -> Callable[..., Any]:
        pipeline = self._pipelines.get(request.version)
        if pipeline is None:
            known = ", ".join(sorted(self._pipelines)) or "none"
            raise HostError(f"version {request.version} has no pipeline: add one before it gets traffic ({known})")
        return pipeline


class Stopped(Exception):
    """The reader of a stream has gone."""


class Streamer:
    """Passes tokens on to a streamer, and times and counts them.

    ``generate`` puts the prompt first, then tokens, each as they come, then the end.
    """

    def __init__(self, request: LeasedRequest, streamer: Any) -> None:
        self.tokens = 0
        self._request = request
        self._streamer = streamer
        self._had_prompt = False
        self._is_stopped = False

    def put(self, value: Any) -> None:
        """Takes the prompt or tokens; raises to stop the model."""
        if self._is_stopped:
            raise Stopped
        if self._had_prompt:
            self._request.first_token()
            self.tokens += value.shape[-1]
        self._had_prompt = True
        self._streamer.put(value)

    def end(self) -> None:
        """The answer is complete."""
        self._streamer.end()

    def stop(self) -> None:
        """Nobody reads any more."""
        self._is_stopped = True


def new_texts(text_inputs: Any, result: Any) -> Iterator[str]:
    """The text that is new in each sequence: results are records, or lists of them, one for each input."""
    is_batch = isinstance(text_inputs, list) and not (text_inputs and isinstance(text_inputs[0], dict))
    for prompt, records in zip(text_inputs, result, strict=False) if is_batch else [(text_inputs, result)]:
        for record in records if isinstance(records, list) else [records]:
            text = record.get("generated_text")
            if isinstance(text, str):
                yield text.removeprefix(prompt) if isinstance(prompt, str) else text
            elif text:
                # A chat, with the answer as its last message.
                yield str(text[-1].get("content") or "")


def count(tokenizer: Any, texts: list[str]) -> int | None:
    """How many tokens the texts are."""
    if tokenizer is None or not texts:
        return None
    return sum(len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts)
