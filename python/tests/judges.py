"""Judges of a few lines."""

import serinus as sr


class Knows:
    """Knows that the capital is Paris."""

    def score(self, prompt, answer):
        right = "Paris" in answer.text
        return float(right), right

    def prefer(self, prompt, first, second):
        right = ["Paris" in first.text, "Paris" in second.text]
        return {(True, False): "first", (False, True): "second"}.get(tuple(right), "neither")


class KnowsLater(Knows):
    async def score(self, prompt, answer):
        return sr.Score(*super().score(prompt, answer))

    async def prefer(self, prompt, first, second):
        return sr.Preference(super().prefer(prompt, first, second))


class Says:
    """Says what it is told to, or raises it: as a judge, checks, a redactor or a host."""

    def __init__(self, said):
        self.said = said

    def score(self, *_):
        if isinstance(self.said, BaseException):
            raise self.said
        return self.said

    prefer = check = redact = generate = score
