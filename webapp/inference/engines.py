"""Engines that run a model: LiteRT by default, Keras with TensorFlow on request.

An engine maps float32 (n_segments, *spec.shape) to `Outputs`, from any thread. Both give the same
answers.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import tempfile
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from .card import LARGEST_FILE, Card, CardError

Float32Array = npt.NDArray[np.float32]
Shape = tuple[int, ...]

# Largest batch of one forward pass, in segments and in numbers: larger ones are no faster, and
# their activations take more memory (47 MB instead of 12 with 64 segments of v9).
MAX_BATCH = 16
MAX_BATCH_VALUES = 64 * 64 * 64
# Threads of one forward pass at most.
MAX_THREADS = 4
# A container's share of processor time, on Linux; "max" stands there when it is not limited.
CPU_SHARE = Path("/sys/fs/cgroup/cpu.max")


class EngineError(Exception):
    """A model that cannot be run; `str()` says why and what to do."""


class Outputs(NamedTuple):
    """Answers of a model for n segments.

    Attributes
    ----------
    probabilities : float32 (n, n_genres), before calibration.
    unfamiliarity : float32 (n,), larger for sounds less like the training music; None for a model
        that does not judge it.
    embeddings : float32 (n, size); None for a model that gives none.
    """

    probabilities: Float32Array
    unfamiliarity: Float32Array | None
    embeddings: Float32Array | None = None


class Engine(Protocol):
    """Interface of every engine."""

    def run(self, features: Float32Array) -> Outputs:
        """The answers for (n_segments, *spec.shape)."""
        ...


def batch_size(shape: Shape) -> int:
    """Segments of this shape per forward pass."""
    return max(1, min(MAX_BATCH, MAX_BATCH_VALUES // math.prod(shape)))


def even_size(n: int, largest: int) -> int:
    """Segments per forward pass, so that `n` make as few batches as can be, all but the last alike.

    LiteRT plans a network anew for a batch of another size than the one before: 30 segments of v10
    take a quarter longer as 16 and 14 than as 15 and 15.
    """
    return math.ceil(n / math.ceil(n / largest))


def _find_outputs(card: Card, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> dict[str, int]:
    """Places of the fields of `Outputs` among a model's outputs, which come in any order.

    They are told apart by shape (without batch): there are at least two genres, but one score, and
    the card has seen to it that an embedding is of another size.

    Raises
    ------
    EngineError : when the shapes are not those that the card says.
    """
    wanted: dict[str, Shape] = {"probabilities": (len(card.genres),)}
    if card.unfamiliar_threshold is not None:
        wanted["unfamiliarity"] = (1,)
    if card.embedding is not None:
        wanted["embeddings"] = (card.embedding.size,)
    if list(inputs) != [card.spec.shape] or Counter(outputs) != Counter(wanted.values()):
        score, embedding = (
            "with" if name in wanted else "without" for name in ("unfamiliarity", "embeddings")
        )
        raise EngineError(
            f"{card.version}: the model maps {_listed(inputs)} to {_listed(outputs)}, but its card "
            f"says {card.spec.shape} to {_listed(wanted.values())}, {score} a score for unfamiliar "
            f"sounds and {embedding} an embedding; export it again"
        )
    return {name: outputs.index(shape) for name, shape in wanted.items()}


def _listed(shapes: Iterable[Shape]) -> str:
    return " and ".join(map(str, shapes))


def _joined(fields: Iterable[str], parts: Sequence[Sequence[Float32Array]]) -> Outputs:
    """Join the outputs of several batches; each batch has the `fields` of `Outputs` in order."""
    arrays = map(np.concatenate, zip(*parts, strict=True))
    found: dict[str, Float32Array] = dict(zip(fields, arrays, strict=True))
    scores = found.get("unfamiliarity")
    return Outputs(
        found["probabilities"], None if scores is None else scores[:, 0], found.get("embeddings")
    )


def _verified(card: Card, name: str) -> bytes:
    try:
        return card.read(name)
    except CardError as error:
        raise EngineError(f"{card.version}: {error}") from error


def processors() -> int:
    """Processors that this process may use."""
    # on Linux, those that taskset or a container's cpuset allow
    allowed = getattr(os, "sched_getaffinity", None)
    found = len(allowed(0)) if allowed else os.cpu_count() or 1
    # a container's share of their time, as `docker run --cpus 1` sets it: "100000 100000"
    with contextlib.suppress(OSError, ValueError):
        quota, period = map(int, CPU_SHARE.read_text(encoding="ascii").split())
        found = min(found, max(1, math.ceil(quota / period)))
    return found


class _Pool:
    """Interpreters of one model, each lent to one call at a time.

    A call that is alone gets an interpreter with all threads, which answers soonest. Calls at the
    same time get interpreters with one thread each: threads of several would slow each other down.
    """

    def __init__(self, make: Callable[[int], Any], first: Any, threads: int, calls: int) -> None:
        """Begin with `first`, which has `threads`; at most `calls` are answered at a time."""
        self._make = make
        self._threads = threads
        self._room = threading.Semaphore(calls)
        self._lock = threading.Lock()
        self._running = 0
        self._idle: dict[int, list[Any]] = {1: [], threads: [first]}

    @contextlib.contextmanager
    def lend(self) -> Iterator[Any]:
        """Lend an interpreter for one call; wait while as many as allowed are lent."""
        with self._room:
            with self._lock:
                threads = 1 if self._running else self._threads
                self._running += 1
                idle = self._idle[threads]
                interpreter = idle.pop() if idle else None
            try:
                if interpreter is None:
                    interpreter = self._make(threads)
                yield interpreter
            finally:
                with self._lock:
                    self._running -= 1
                    if interpreter is not None:
                        idle.append(interpreter)


def _check_unpacked(card: Card, content: bytes) -> None:
    """Refuse a `.keras` file that becomes huge when it is unpacked.

    Raises
    ------
    EngineError : for that, and for a file that is not a zip archive.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise _no_keras_model(card, error) from error
    if unpacked > LARGEST_FILE:
        raise _no_keras_model(card, f"unpacked it has {unpacked} bytes, more than {LARGEST_FILE}")


def _no_keras_model(card: Card, why: object) -> EngineError:
    return EngineError(f"{card.version}: model.keras cannot be loaded ({why})")


class LiteRTEngine:
    """`model.tflite` in a small pool of interpreters.

    An interpreter is not thread-safe, so each call has one for itself. As many calls as there are
    processors run at a time, and further ones wait.
    """

    def __init__(self, card: Card, *, threads: int | None = None):
        """Load and check the model.

        `threads` are those of a call that is alone: as many as processors, four at most, if not
        given.

        Raises
        ------
        EngineError : without LiteRT, and for a file that was changed or is not a model.
        """
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise EngineError(
                "LiteRT is not installed; run: pip install -r requirements-serve.txt"
            ) from error
        content = _verified(card, "model.tflite")
        calls = processors()
        threads = threads or min(calls, MAX_THREADS)

        def make(number: int) -> Any:
            return Interpreter(model_content=content, num_threads=number)

        try:
            first = make(threads)
            inputs, outputs = first.get_input_details(), first.get_output_details()
        except (ValueError, RuntimeError) as error:
            raise EngineError(
                f"{card.version}: model.tflite is no LiteRT model ({error})"
            ) from error
        self._version = card.version
        places = _find_outputs(card, _shapes(inputs), _shapes(outputs))
        self._fields = tuple(places)
        batch = int(inputs[0]["shape_signature"][0])
        # Recurrent models convert with a fixed batch only; smaller batches are filled with zeros.
        self._fixed_batch = batch if batch > 0 else None
        self._input: int = inputs[0]["index"]
        self._outputs: list[int] = [outputs[place]["index"] for place in places.values()]
        self._pool = _Pool(make, first, threads, calls)

    def run(self, features: Float32Array) -> Outputs:
        """See `Engine.run`."""
        size = self._fixed_batch or even_size(len(features), batch_size(features.shape[1:]))
        try:
            with self._pool.lend() as interpreter:
                parts = [
                    self._invoke(interpreter, features[first : first + size])
                    for first in range(0, len(features), size)
                ]
        except (ValueError, RuntimeError) as error:
            # a damaged network may load and then fail
            raise EngineError(f"{self._version}: model.tflite cannot be run ({error})") from error
        return _joined(self._fields, parts)

    def _invoke(self, interpreter: Any, batch: Float32Array) -> list[Float32Array]:
        n = len(batch)
        if self._fixed_batch and n < self._fixed_batch:
            missing = np.zeros((self._fixed_batch - n, *batch.shape[1:]), dtype=batch.dtype)
            batch = np.concatenate([batch, missing])
        if not self._fixed_batch:
            interpreter.resize_tensor_input(self._input, batch.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(self._input, np.ascontiguousarray(batch, dtype=np.float32))
        interpreter.invoke()
        # get_tensor copies, so the interpreter may go back to the pool.
        return [interpreter.get_tensor(output)[:n] for output in self._outputs]


def _shapes(details: Sequence[dict[str, Any]]) -> list[Shape]:
    return [tuple(map(int, each["shape"][1:])) for each in details]


class KerasEngine:
    """`model.keras` with TensorFlow, as one compiled function."""

    def __init__(self, card: Card, *, threads: int | None = None):
        """Load and check the model; TensorFlow chooses its threads by itself.

        Raises
        ------
        EngineError : without Keras or TensorFlow, and for a file that was changed or is no model.
        """
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        try:
            import keras
            import tensorflow as tf
        except ImportError as error:
            raise EngineError(
                "The keras engine needs TensorFlow; run: pip install -r requirements.txt, "
                "or take the engine litert"
            ) from error
        content = _verified(card, "model.keras")
        _check_unpacked(card, content)
        with tempfile.TemporaryDirectory() as folder:
            # The very bytes that were checked, not a file that may change meanwhile.
            path = Path(folder) / "model.keras"
            path.write_bytes(content)
            try:
                model = keras.models.load_model(path, compile=False, safe_mode=True)
            except Exception as error:  # Keras raises many kinds for a file that is no model
                raise _no_keras_model(card, error) from error
        inputs, outputs = (
            [tuple(tensor.shape[1:]) for tensor in tensors]
            for tensors in (model.inputs, model.outputs)
        )
        places = _find_outputs(card, inputs, outputs)
        self._fields = tuple(places)

        def call(batch: Any) -> list[Any]:
            found = keras.tree.flatten(model(batch, training=False))
            return [found[place] for place in places.values()]

        signature = tf.TensorSpec((None, *card.spec.shape), tf.float32)
        self._function = tf.function(call, input_signature=[signature])

    def run(self, features: Float32Array) -> Outputs:
        """See `Engine.run`."""
        size = batch_size(features.shape[1:])
        parts = [
            [tensor.numpy() for tensor in self._function(features[first : first + size])]
            for first in range(0, len(features), size)
        ]
        return _joined(self._fields, parts)


ENGINES: dict[str, Callable[..., Engine]] = {"litert": LiteRTEngine, "keras": KerasEngine}
