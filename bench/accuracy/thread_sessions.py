"""A loaded model for every thread, of runtimes whose own answers one call at a time."""

import threading
from collections.abc import Callable, Mapping

from export.mil.description import ModelDescription
from export.runtimes.base import Feature, LoadedModel


class ThreadSessions:
    """`LoadedModel` that each thread loads for itself when it first asks, and drops at its end."""

    def __init__(self, load: Callable[[], LoadedModel]) -> None:
        self._load, self._of_thread = load, threading.local()
        self.description: ModelDescription = self._session().description

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        """As `LoadedModel`, by this thread's own."""
        return self._session().predict(inputs)

    def _session(self) -> LoadedModel:
        if not hasattr(self._of_thread, "session"):
            self._of_thread.session = self._load()
        session: LoadedModel = self._of_thread.session
        return session
