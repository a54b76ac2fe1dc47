"""What a model says it has used, and what that costs."""

from collections.abc import Iterable

from langchain_core.messages import AIMessage, AnyMessage

from autoresearch_graph.cost import Cost, Usage, total
from autoresearch_graph.errors import LabError
from autoresearch_graph.program.model import Stopping
from autoresearch_graph.proposers.prices import Price


class Meter:
    """Counts the tokens of one model, and prices them where its price is known.

    Not counted: calls whose answer never came, or could not be read.
    """

    def __init__(self, model: str, price: Price | None) -> None:
        self._model = model
        self._price = price

    def cost_of(self, messages: Iterable[AnyMessage], limits: Stopping) -> Cost:
        """What the model's answers among the messages cost.

        LabError for a limit that could never end the research: on tokens, where the server
        counts none, or on dollars, where no price is known.
        """
        answers = [m for m in messages if isinstance(m, AIMessage) and m.response_metadata]
        cost = total(self.cost(answer) for answer in answers)
        if answers and cost.tokens == 0 and (limits.tokens or limits.dollars):
            raise LabError(
                f"the server of {self._model} does not say how many tokens it uses, so they cannot "
                "end the research; limit experiments or hours in program.md, and run again"
            )
        if cost.dollars is None and limits.dollars:
            raise LabError(
                f"program.md limits dollars, but the price of {self._model} is not known; "
                "give it with --prices FILE, or limit tokens, and run again"
            )
        return cost

    def cost(self, answer: AIMessage) -> Cost:
        """What one answer cost."""
        told = answer.usage_metadata
        model = str(answer.response_metadata.get("model_name") or self._model)
        if told is None:
            return Cost(dollars=None, usage=Usage(model=model))
        usage = Usage(
            model=model,
            prompt=told["input_tokens"],
            cached=told.get("input_token_details", {}).get("cache_read") or 0,
            completion=told["output_tokens"],
            reasoning=told.get("output_token_details", {}).get("reasoning") or 0,
        )
        dollars = self._price.dollars(usage) if self._price else None
        return Cost(tokens=usage.prompt + usage.completion, dollars=dollars, usage=usage)
