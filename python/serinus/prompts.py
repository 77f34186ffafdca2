"""What is asked and answered, as judges see it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import _serinus
from ._value import Value
from .errors import JudgeConfigError

__all__ = ["Answer", "Prompt", "Tool", "ToolCall"]

# What crosses to the extension: text, context, reference; whether JSON is expected, and of which schema; tools, as names and
# schemas.
PlainPrompt = tuple[str, str | None, str | None, bool, str | None, list[tuple[str, str]] | None]
# Text, whether it was cut off, its tokens, the tools that it calls with their arguments.
PlainAnswer = tuple[str, bool | None, int | None, list[tuple[str, str]]]


@dataclass(frozen=True)
class Tool(Value):
    """A tool that an answer may call.

    Parameters
    ----------
    name : str
        Its name.
    parameters : mapping
        The JSON schema of its arguments.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ToolCall(Value):
    """A call of a tool, as the model wrote it: its name, and arguments that should be JSON."""

    name: str
    arguments: str = field(default="{}", repr=False)


@dataclass(frozen=True, repr=False)
class Prompt(Value):
    """What was asked. A ``str`` does wherever one is taken. Its ``repr`` shows no text, so that none is logged.

    Parameters
    ----------
    text : str
        The prompt, as it would be rendered for a reader: the last message, or the whole conversation.
    context : str, optional
        What the answer is to rest on: retrieved passages, a system prompt.
    reference : str, optional
        The right answer, where it is known.
    json : bool or mapping, optional
        Whether the answer is to be JSON, or the JSON schema that it is to fit.
    tools : sequence of Tool, optional
        The tools that were offered. Not together with `json`.

    Raises
    ------
    JudgeConfigError
        If both `json` and `tools` are given, or a schema cannot be written as JSON.

    Examples
    --------
    >>> import serinus as sr
    >>> sr.Prompt("List three rivers as JSON.", json={"type": "array"})
    Prompt(26 characters, json)
    """

    text: str
    context: str | None = field(default=None, kw_only=True)
    reference: str | None = field(default=None, kw_only=True)
    json: bool | Mapping[str, Any] = field(default=False, kw_only=True)
    tools: Sequence[Tool] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.json is not False and self.tools is not None:
            raise JudgeConfigError(
                "an answer is expected to be JSON, or to call tools, not both", expected="json or tools", got="both"
            )
        _serinus.check_prompt(self._plain())

    def __repr__(self) -> str:
        has = [name for name in ("context", "reference", "json", "tools") if getattr(self, name) not in (None, False)]
        return f"Prompt({', '.join([f'{len(self.text)} characters', *has])})"

    def _plain(self) -> PlainPrompt:
        schema = None if isinstance(self.json, bool) else _schema(self.json)
        tools = None if self.tools is None else [(tool.name, _schema(tool.parameters)) for tool in self.tools]
        return (self.text, self.context, self.reference, self.json is not False, schema, tools)

    @classmethod
    def _of(cls, plain: PlainPrompt) -> Prompt:
        text, context, reference, is_json, schema, tools = plain
        return cls(
            text,
            context=context,
            reference=reference,
            json=is_json if schema is None else json.loads(schema),
            tools=None if tools is None else tuple(Tool(name, json.loads(parameters)) for name, parameters in tools),
        )

    @classmethod
    def _from(cls, given: Prompt | str) -> Prompt:
        if isinstance(given, cls):
            return given
        if isinstance(given, str):
            return cls(given)
        raise TypeError(f"expected a str or a serinus.Prompt, got {type(given).__name__}")


@dataclass(frozen=True, repr=False)
class Answer(Value):
    """What was answered. A ``str`` does wherever one is taken. Its ``repr`` shows no text, so that none is logged.

    Parameters
    ----------
    text : str
        The text.
    cut_off : bool, optional
        Whether it was cut off at a limit of length, where the server says so.
    tokens : int, optional
        Its length in tokens, where it is known.
    tool_calls : sequence of ToolCall
        The tools that it calls.
    """

    text: str
    cut_off: bool | None = field(default=None, kw_only=True)
    tokens: int | None = field(default=None, kw_only=True)
    tool_calls: Sequence[ToolCall] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        _serinus.check_answer(self._plain())

    def __repr__(self) -> str:
        return f"Answer({len(self.text)} characters{', tool_calls' if self.tool_calls else ''})"

    def _plain(self) -> PlainAnswer:
        return (self.text, self.cut_off, self.tokens, [(call.name, call.arguments) for call in self.tool_calls])

    @classmethod
    def _of(cls, plain: PlainAnswer) -> Answer:
        text, cut_off, tokens, calls = plain
        tool_calls = tuple(ToolCall(name, arguments) for name, arguments in calls)
        return cls(text, cut_off=cut_off, tokens=tokens, tool_calls=tool_calls)

    @classmethod
    def _from(cls, given: Answer | str) -> Answer:
        if isinstance(given, cls):
            return given
        if isinstance(given, str):
            return cls(given)
        raise TypeError(f"expected a str or a serinus.Answer, got {type(given).__name__}")


def _schema(schema: Mapping[str, Any] | bool) -> str:
    try:
        return json.dumps(schema)
    except (TypeError, ValueError) as error:
        raise JudgeConfigError(f"expected a JSON schema: {error}") from error
