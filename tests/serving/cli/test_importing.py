"""What the command brings in before it knows what is asked, and how it brings in much."""

import subprocess
import sys

HEAVY = ("numpy", "pandas", "scipy", "pyarrow", "sqlalchemy", "fastapi", "pydantic", "yaml", "decisions", "training", "serving.run")


def told(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_help_is_given_without_what_commands_need() -> None:
    asked = f"""
import sys
from serving.cli.main import main
sys.argv = ["nextbest", "--help"]
try:
    main()
except SystemExit:
    print([name for name in {HEAVY!r} if name in sys.modules])
"""
    shown = told(asked)
    assert "serve" in shown
    assert shown.splitlines()[-1] == "[]"


def test_what_draws_on_terminals_is_not_there_before_something_is_said() -> None:
    asked = """
import sys
from serving.cli import main
from serving.cli.console import say
print("rich" in sys.modules)
say("hello")
print("rich" in sys.modules)
"""
    assert told(asked).splitlines() == ["False", "hello", "True"]


def test_no_garbage_is_looked_for_while_importing_and_what_was_made_is_set_aside() -> None:
    asked = """
import gc
from serving.cli.importing import importing
looked = []
gc.callbacks.append(lambda phase, _: looked.append(phase))
with importing():
    import serving.settings
print(len(looked), gc.isenabled(), gc.get_freeze_count() > 100_000)
"""
    assert told(asked) == "0 True True"


def test_nothing_is_set_aside_where_nothing_was_imported_or_collection_was_off() -> None:
    asked = """
import gc
from serving.cli.importing import importing
with importing():
    import gc
print(gc.get_freeze_count(), gc.isenabled())
gc.disable()
with importing():
    import serving.settings
print(gc.isenabled())
gc.enable()
try:
    with importing():
        raise ImportError
except ImportError:
    print(gc.isenabled())
"""
    assert told(asked).split() == ["0", "True", "False", "True"]
