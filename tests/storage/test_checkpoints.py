import threading
import time
from pathlib import Path
from typing import Any

from autoresearch_graph.storage.checkpoints import open_checkpoints


def test_checkpoints_are_not_closed_while_a_thread_is_writing_them(tmp_path: Path):
    writing = threading.Event()
    written: list[Any] = []

    with open_checkpoints(tmp_path / "checkpoints.sqlite") as saver:

        def write() -> None:
            with saver.lock:
                writing.set()
                time.sleep(0.2)
                written.extend(saver.conn.execute("select 7").fetchone() or ())

        thread = threading.Thread(target=write)
        thread.start()
        writing.wait()
    thread.join()
    assert written == [7]
