"""The same function over many tasks: here, or in several processes."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")
AHEAD = 2
"""Tasks that wait for each process; a task may carry a whole block."""


class Spread(Protocol):
    """Applies a function to each task and gives the results in the order of the tasks."""

    def __call__(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[Result]: ...


def here(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """Do it in this process."""
    return map(function, tasks)


@contextmanager
def over(jobs: int) -> Iterator[Spread]:
    """Do it in ``jobs`` processes, which end with the context; 1 is this process."""
    if jobs == 1:
        yield here
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:

        def there(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
            waiting: deque[Future[Result]] = deque()
            for task in tasks:
                if len(waiting) >= jobs * AHEAD:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(function, task))
            while waiting:
                yield waiting.popleft().result()

        yield there
