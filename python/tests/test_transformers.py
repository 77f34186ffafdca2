"""Pipelines of Hugging Face's shape. The stand-ins have the interfaces of transformers 5.24."""

import pickle
import queue
import sys
import threading
import types

import pytest
import serinus as sr
from serinus.integrations.transformers import Answer, VersionedPipeline
from serving import Recorder


class Ids(list):
    """Token ids, as far as a tensor is looked at."""

    @property
    def shape(self):
        return (1, len(self[0])) if self and isinstance(self[0], list) else (len(self),)


class Tokenizer:
    """One token a character."""

    def __call__(self, text, add_special_tokens=True, **kwargs):
        return {"input_ids": ([0] if add_special_tokens else []) + [ord(letter) for letter in text]}

    def decode(self, token_ids, **kwargs):
        return "".join(map(chr, token_ids))


class TextIteratorStreamer:
    def __init__(self, tokenizer, skip_prompt=False, timeout=None, **decode_kwargs):
        self.tokenizer = tokenizer
        self.skip_prompt = skip_prompt
        self.decode_kwargs = decode_kwargs
        self.next_tokens_are_prompt = True
        self.text_queue = queue.Queue()
        self.stop_signal = None
        self.timeout = timeout

    def put(self, value):
        if self.skip_prompt and self.next_tokens_are_prompt:
            self.next_tokens_are_prompt = False
            return
        self.text_queue.put(self.tokenizer.decode(value, **self.decode_kwargs), timeout=self.timeout)

    def end(self):
        self.next_tokens_are_prompt = True
        self.text_queue.put("", timeout=self.timeout)
        self.text_queue.put(self.stop_signal, timeout=self.timeout)

    def __iter__(self):
        return self

    def __next__(self):
        value = self.text_queue.get(timeout=self.timeout)
        if value == self.stop_signal:
            raise StopIteration
        return value


try:
    import transformers  # noqa: F401
except ImportError:
    sys.modules["transformers"] = types.ModuleType("transformers")
    sys.modules["transformers"].TextIteratorStreamer = TextIteratorStreamer


class TextGenerationPipeline:
    """Says its word after each prompt."""

    def __init__(self, word, tokenizer=None, fails=None, dies_after=None):
        self.word = word
        self.tokenizer = tokenizer
        self.fails = fails
        self.dies_after = dies_after
        self.put = 0

    def __call__(self, text_inputs, **kwargs):
        if self.fails is not None:
            raise self.fails
        if isinstance(text_inputs, str):
            return self._one(text_inputs, **kwargs)
        if isinstance(text_inputs[0], dict):
            answer = {"role": "assistant", "content": self.word}
            return [{"generated_text": [*text_inputs, answer]}]
        return [self._one(text, **kwargs) for text in text_inputs]

    def _one(self, text, return_full_text=True, num_return_sequences=1, max_new_tokens=1, streamer=None, **kwargs):
        new = self.word * max_new_tokens
        if streamer is not None:
            streamer.put(Ids([list(map(ord, text))]))
            for count, letter in enumerate(new):
                if count == self.dies_after:
                    raise RuntimeError("CUDA error")
                streamer.put(Ids([ord(letter)]))
                self.put += 1
            streamer.end()
        return [{"generated_text": text + new if return_full_text else new}] * num_return_sequences


def two(tokenizer=None, **options):
    recorder = Recorder({"v1": 0.5, "v2": 0.5})
    pipes = {"v1": TextGenerationPipeline("one", tokenizer), "v2": TextGenerationPipeline("two", tokenizer)}
    return recorder, pipes, VersionedPipeline(pipes, recorder, **options)


CHAT = [{"role": "user", "content": "Say it."}]


@pytest.mark.parametrize(
    ("inputs", "options", "text", "tokens"),
    [
        ("Say: ", {}, "one", 3),
        ("Say: ", {"return_full_text": False, "max_new_tokens": 2}, "oneone", 6),
        ("Say: ", {"num_return_sequences": 2}, "one", 6),
        (["Say: ", "And: "], {}, "one", 6),
        (CHAT, {}, "one", 3),
    ],
)
def test_what_is_new_is_given_and_counted(inputs, options, text, tokens):
    recorder, pipes, pipe = two(Tokenizer())
    answer = pipe(inputs, force_version="v1", **options)
    assert (answer.text, answer.tokens, answer.version) == (text, tokens, "v1")
    assert answer.result == pipes["v1"](inputs, **options)
    [(kind, _, outcome)] = recorder.ends
    assert (kind, outcome["tokens"], outcome["ttft_ms"]) == ("finished", tokens, None)
    assert outcome["latency_ms"] > 0


def test_users_stay_on_their_version_and_a_token_pins():
    recorder, _, pipe = two()
    answer = pipe("Say: ", user_id="u1")
    assert answer.version == recorder.version_for("u1") and answer.tokens is None
    other = pipe("Say: ", force_version="v1" if answer.version == "v2" else "v2")
    assert pipe("Say: ", user_id="u1", session_token=other.session_token).version == other.version
    assert pickle.loads(pickle.dumps(answer)) == answer and answer.to_dict()["version"] == answer.version
    assert isinstance(answer, Answer) and "Answer(" in repr(answer)


def test_a_streamer_gets_what_it_would_and_times_the_first_token():
    recorder, _, pipe = two(Tokenizer())
    streamer = TextIteratorStreamer(Tokenizer(), skip_prompt=True)
    answer = pipe("Say: ", streamer=streamer, force_version="v2", max_new_tokens=2)
    assert "".join(streamer) == "twotwo" == answer.text and answer.tokens == 6
    outcome = recorder.ends[0][2]
    assert 0 < outcome["ttft_ms"] < outcome["latency_ms"] and outcome["tokens"] == 6


def test_a_stream_gives_pieces_as_they_come():
    recorder, _, pipe = two(Tokenizer())
    assert "".join(pipe.stream("Say: ", force_version="v1", max_new_tokens=3)) == "oneoneone"
    [(kind, _, outcome)] = recorder.ends
    assert (kind, outcome["tokens"]) == ("finished", 9) and outcome["ttft_ms"] < outcome["latency_ms"]


def test_a_reader_that_stops_stops_the_model():
    recorder, pipes, pipe = two(Tokenizer())
    stream = pipe.stream("Say: ", force_version="v1", max_new_tokens=1_000_000)
    assert next(stream) == "o"
    stream.close()
    assert recorder.kinds == ["abandoned"] and pipes["v1"].put < 3_000_000 and recorder.in_flight == 0
    unread = pipe.stream("Say: ")
    del unread
    assert recorder.in_flight == 0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("too long"), "discarded"),
        (RuntimeError("CUDA error"), "error"),
        (KeyboardInterrupt(), "abandoned"),
    ],
)
def test_what_a_pipeline_raises(error, kind):
    recorder, _, pipe = two()
    pipe.add("v1", TextGenerationPipeline("one", fails=error))
    with pytest.raises(type(error)):
        pipe("Say: ", force_version="v1")
    with pytest.raises(type(error)):
        list(pipe.stream("Say: ", force_version="v1"))
    assert recorder.kinds == [kind, kind] and recorder.in_flight == 0


def test_a_model_that_dies_in_mid_stream():
    recorder, _, pipe = two()
    pipe.add("v1", TextGenerationPipeline("one", Tokenizer(), dies_after=2))
    got = []
    with pytest.raises(RuntimeError, match="CUDA error"):
        for text in pipe.stream("Say: ", force_version="v1"):
            got.append(text)
    assert "".join(got) == "on" and recorder.kinds == ["error"] and recorder.ends[0][2]["ttft_ms"] > 0


def test_a_hook_scores_the_answer():
    recorder, _, pipe = two(outcome=lambda inputs, result: {"passed": result[0]["generated_text"] == inputs + "one"})
    pipe("Say: ", force_version="v1")
    pipe("Say: ", force_version="v2")
    assert [outcome["passed"] for _, _, outcome in recorder.ends] == [True, False]


def test_versions_come_and_go():
    recorder, _, pipe = two()
    pipe.remove("v2")
    with pytest.raises(sr.HostError, match=r"v2 has no pipeline.*\(v1\)"):
        pipe("Say: ", force_version="v2")
    assert recorder.kinds == ["error"]
    assert pipe.remove("v2") is None


def test_several_threads_call_it():
    recorder, _, pipe = two(Tokenizer())

    def calls(thread):
        for n in range(50):
            pipe("Say: ", user_id=f"{thread}-{n}")

    threads = [threading.Thread(target=calls, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.kinds == ["finished"] * 200 and recorder.in_flight == 0
