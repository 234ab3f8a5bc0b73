"""Trees that LightGBM grew, asked through its C library alone.

Its Python package brings scikit-learn and more along, seconds of CPU that whoever only predicts need not spend; and a prediction of one row costs it
more in Python than in trees. The library and the function are the same, and so is every digit.
"""

import ctypes
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError

Floats = NDArray[np.float64]
_VALUES: Final = 0
_CONTRIBUTIONS: Final = 3
_TYPES: Final = {np.dtype(np.float32): 0, np.dtype(np.float64): 1}
_ALL: Final = -1
_BY_GAIN: Final = 1
_NAMES: Final = "feature_names="
_END: Final = "\nend of trees"


class Trees:
    """The trees of one model. `text` is LightGBM's own form of them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.feature_names = _names(text)
        self._library, self._handle = _library(), ctypes.c_void_p()
        count = ctypes.c_int(0)
        _check(self._library.LGBM_BoosterLoadModelFromString(text.encode(), ctypes.byref(count), ctypes.byref(self._handle)))

    @classmethod
    def read(cls, path: Path) -> Self:
        """The trees of a file."""
        return cls(path.read_text(encoding="utf-8"))

    def predict(self, rows: NDArray[np.floating], *, rounds: int | None = None, threads: int = 0) -> Floats:
        """(rows,): what the trees say of each row of features (NaN is unknown), by the first `rounds` of them or by all."""
        return self._asked(rows, _VALUES, len(rows), rounds, threads)

    def contributions(self, rows: NDArray[np.floating], *, threads: int = 0) -> Floats:
        """(rows, features + 1): Shapley values on the objective's own scale; what is said of nobody in particular comes last."""
        width = rows.shape[1] + 1
        return self._asked(rows, _CONTRIBUTIONS, len(rows) * width, None, threads).reshape(len(rows), width)

    def gains(self) -> Floats:
        """(features,): how much the splits by each feature gained in all."""
        found = np.zeros(len(self.feature_names))
        _check(self._library.LGBM_BoosterFeatureImportance(self._handle, _ALL, _BY_GAIN, _pointer(found)))
        return found

    def _asked(self, rows: NDArray[np.floating], what: int, size: int, rounds: int | None, threads: int) -> Floats:
        given = rows if rows.dtype in _TYPES and rows.flags.c_contiguous else np.ascontiguousarray(rows, np.float64)
        found, length = np.empty(size), ctypes.c_int64(0)
        _check(
            self._library.LGBM_BoosterPredictForMat(
                self._handle,
                ctypes.c_void_p(given.ctypes.data),
                _TYPES[given.dtype],
                ctypes.c_int32(given.shape[0]),
                ctypes.c_int32(given.shape[1]),
                1,
                what,
                0,
                _ALL if rounds is None else rounds,
                f"num_threads={threads}".encode() if threads else b"",
                ctypes.byref(length),
                _pointer(found),
            )
        )
        return found

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle:
            self._library.LGBM_BoosterFree(handle)


def _names(text: str) -> tuple[str, ...]:
    """The features' names. InputError for a text that is not whole: the library would end the process over it."""
    line = None if _END not in text else next((each for each in text.splitlines() if each.startswith(_NAMES)), None)
    if line is None:
        raise InputError("These are no trees of LightGBM.", remedy="Run: nextbest train")
    return tuple(line.removeprefix(_NAMES).split())


@cache
def _library() -> ctypes.CDLL:
    spec = find_spec("lightgbm")
    folders: Sequence[str] = (spec.submodule_search_locations if spec else None) or ()
    found = next(
        (path for folder in folders for ending in ("so", "dylib", "dll") for path in Path(folder).glob(f"lib/lib_lightgbm.{ending}")), None
    )
    if found is None:
        raise InputError("LightGBM's library is not installed.", remedy="Install the package again: its dependency lightgbm is missing.")
    library = ctypes.CDLL(str(found))
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    return library


def _check(status: int) -> None:
    if status != 0:
        raise InputError(
            f"LightGBM cannot read or ask these trees: {_library().LGBM_GetLastError().decode(errors='replace')}.",
            remedy="The file may be damaged. Run: nextbest train",
        )


def _pointer(values: Floats) -> ctypes.c_void_p:
    return ctypes.c_void_p(values.ctypes.data)
