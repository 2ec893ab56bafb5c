"""EXECUTION: pytest on the submission. pytest itself lies in this image."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "packages"))
sys.dont_write_bytecode = True

import pytest  # noqa: E402  from the image
from leftovers import is_leftover  # noqa: E402  from the image

ENGLISH = os.environ.get("ULOS_LANGUAGE") == "en"


class Counter:
    """Counts outcomes while pytest runs, and skips what systems leave behind."""

    def __init__(self):
        self.passed = self.failed = 0

    def pytest_ignore_collect(self, collection_path):
        return is_leftover(os.path.relpath(collection_path)) or None

    def pytest_runtest_logreport(self, report):
        self.passed += report.when == "call" and report.passed
        self.failed += report.failed


def main():
    Path("results").mkdir(exist_ok=True)
    counter = Counter()
    options = ["-q", "-p", "no:cacheprovider", "--color=no", "--junitxml=results/junit.xml"]
    code = pytest.main(options, plugins=[counter])
    english = f"{counter.passed} test(s) passed, {counter.failed} failed."
    spanish = f"{counter.passed} prueba(s) pasaron, {counter.failed} fallaron."
    print(english if ENGLISH else spanish, flush=True)
    os._exit(int(code))  # threads that a submission left behind must not keep the stage alive


if __name__ == "__main__":
    main()
