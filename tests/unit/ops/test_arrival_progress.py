"""What a pull reports while packs arrive and files are written."""

from dvx.ops.arrival_progress import ArrivalReporter


class _Recorder:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def start(self, label: str, *, total_bytes: int | None = None, total_files: int | None = None) -> None:
        self.told.append((label, total_bytes, total_files))

    def advance(self, *, size_bytes: int = 0, files: int = 0) -> None:
        self.told.append((size_bytes, files))

    def note(self, message: str) -> None:
        self.told.append(message)

    def finish(self) -> None:
        self.told.append("finish")


def test_receiving_is_shown_until_everything_is_here_and_then_what_is_left_to_write() -> None:
    recorder = _Recorder()
    arrival = ArrivalReporter(recorder, 100)
    arrival.receive(40)
    arrival.start("writing files", total_bytes=300, total_files=3)
    arrival.advance(size_bytes=80, files=1)
    arrival.receive(-10)
    arrival.note("a note")
    arrival.listener.advance(size_bytes=70)
    arrival.advance(size_bytes=220, files=2)
    arrival.finish()
    assert recorder.told == [
        ("receiving", 100, None),
        (40, 0),
        (-10, 0),
        "a note",
        (70, 0),
        ("writing files", 300, 3),
        (80, 1),
        (220, 2),
        "finish",
    ]


def test_receiving_stays_shown_where_the_files_are_written_first() -> None:
    recorder = _Recorder()
    arrival = ArrivalReporter(recorder, 100)
    arrival.start("writing files", total_bytes=10)
    arrival.advance(size_bytes=10)
    arrival.finish()
    arrival.receive(100)
    assert recorder.told == [("receiving", 100, None), (100, 0)]
