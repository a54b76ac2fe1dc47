"""Helpers of tests about threads."""

from langchain_core.runnables import RunnableConfig

ID = "5b8c1e0e-0000-4000-8000-000000000000"


def of(thread: str = ID, **context: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", **context}}
