"""joblib on a Dask cluster: the same code as on one machine, one address more."""

from __future__ import annotations

import _thread
import contextlib
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import distributed
import joblib
from distributed.comm.core import CommClosedError

from ..errors import TrainingError

# How long to wait for a scheduler, and then for its first worker.
TIMEOUT_S = 5
START = (
    "start workers in the folder of this project, with its Python: python -m dask worker ADDRESS."
)


def _cannot_see(folders: Sequence[str]) -> list[str]:
    """Runs on a worker: the folders that it does not see."""
    return [folder for folder in folders if not Path(folder).is_dir()]


@contextlib.contextmanager
def dask_cluster(address: str, folders: Sequence[str]) -> Iterator[None]:
    """Inside, joblib runs on the Dask cluster at `address`.

    Raises
    ------
    TrainingError : when nothing answers, nobody works there, or a worker lacks the folders or
        this package.
    """
    # Its own messages about a lost scheduler are replaced by the sentence below.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        client = distributed.Client(address, timeout=TIMEOUT_S, set_as_default=True)
    except (OSError, ValueError, TypeError, CommClosedError) as error:
        raise TrainingError(
            f"--scheduler {address}: no Dask scheduler answers there within "
            f"{TIMEOUT_S} s; start one with 'python -m dask scheduler' and give its "
            "address, such as tcp://host:8786."
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=TIMEOUT_S)
        except TimeoutError as error:
            raise TrainingError(f"--scheduler {address}: it has no workers; {START}") from error
        try:
            answers = client.run(_cannot_see, list(folders))
        except Exception as error:  # what a worker raised may come as a bare Exception
            raise TrainingError(
                f"--scheduler {address}: a worker cannot run this project ({error}); {START}"
            ) from error
        for worker, missing in sorted(answers.items()):
            if missing:
                raise TrainingError(
                    f"--scheduler {address}: the worker {worker} does not see {missing[0]}. Only "
                    "the paths of the files are sent, not the files: mount the data set under the "
                    "same path on every machine."
                )
        lost, over = threading.Event(), threading.Event()
        watcher = threading.Thread(target=_watch, args=(client, lost, over), daemon=True)
        watcher.start()
        try:
            with joblib.parallel_config(backend="dask", client=client):
                yield
        except (KeyboardInterrupt, CommClosedError, distributed.scheduler.KilledWorker) as error:
            if isinstance(error, KeyboardInterrupt) and not lost.is_set():
                raise
            raise TrainingError(
                f"--scheduler {address}: the cluster went away in the middle. What was done is "
                "kept: run the same command again."
            ) from error
        finally:
            over.set()
            watcher.join()


def _watch(client: distributed.Client, lost: threading.Event, over: threading.Event) -> None:
    """Interrupt the main thread when the connection is lost: joblib would wait for ever."""
    while not over.wait(0.5):
        if client.status == "closed":
            lost.set()
            _thread.interrupt_main()
            return
