# ruff: noqa: N802, ARG002 - Ibis calls methods by the names of its operations, and hands each all that the operation has
"""What Ibis has no words for in Spark's SQL, or words that mean something else there than on DuckDB."""

import re
from typing import Any, Final

import ibis.expr.operations as ops
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.common.exceptions import UnsupportedOperationError

from features.spark.words import WORDS

_NULL: Final = sge.Null()


class Compiler(PySparkCompiler):  # type: ignore[misc]  # Ibis has no types to check against
    """Ibis's compiler for Spark, where every expression of this package means what it means on DuckDB."""

    __slots__ = ()
    SIMPLE_OPS: dict[Any, str] = {}  # noqa: RUF012 - Ibis sets what stands here over the class's own methods: the parent's must not be

    def visit_ScalarUDF(self, op: Any, **values: Any) -> Any:
        """A function of DuckDB's that an expression calls by name, in Spark's words."""
        said = WORDS.get(op.__func_name__)
        return said(*values.values()) if said else super().visit_ScalarUDF(op, **values)

    def visit_TimestampDelta(self, op: Any, *, part: Any, left: Any, right: Any) -> Any:
        """Whole microseconds between two instants; Ibis's own form counts months and days."""
        if op.part.value != "microsecond":
            return super().visit_TimestampDelta(op, part=part, left=left, right=right)
        return sge.Paren(this=sge.Sub(this=self._microseconds(left), expression=self._microseconds(right)))

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
        """A number with a point would be a DECIMAL, and be rounded like one."""
        written = super().visit_NonNullLiteral(op, value=value, dtype=dtype)
        return self.cast(sge.convert(str(value)), dtype) if dtype.is_floating() else written

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:
        """Spark cuts a fraction off where it makes a whole number; the nearest one is meant."""
        if op.arg.dtype.is_floating() and to.is_integer():
            return self.cast(self.f.rint(arg), to)
        return super().visit_Cast(op, arg=arg, to=to)

    def visit_IsNull(self, op: Any, *, arg: Any) -> Any:
        """NaN is no null."""
        return arg.is_(_NULL)

    def visit_NotNull(self, op: Any, *, arg: Any) -> Any:
        """NaN is no null."""
        return sge.Not(this=sge.Paren(this=arg.is_(_NULL)))

    def visit_RegexReplace(self, op: Any, *, arg: Any, pattern: Any, replacement: Any) -> Any:
        r"""A group is \1 in the expressions, and $1 in Spark."""
        if isinstance(op.replacement, ops.Literal):
            replacement = sge.convert(re.sub(r"\\(\d)", r"$\1", op.replacement.value))
        return super().visit_RegexReplace(op, arg=arg, pattern=pattern, replacement=replacement)

    def visit_StringSplit(self, op: Any, *, arg: Any, delimiter: Any) -> Any:
        """Spark splits at a pattern: the separator is quoted as one."""
        return self.f.anon.split(arg, self.f.concat(sge.convert("\\Q"), delimiter, sge.convert("\\E")))

    def visit_FirstValue(self, op: Any, *, arg: Any) -> Any:
        """The first row's value, null or not."""
        return self.f.first(arg)

    def visit_LastValue(self, op: Any, *, arg: Any) -> Any:
        """The last row's value, null or not."""
        return self.f.last(arg)

    def visit_First(self, op: Any, *, arg: Any, where: Any, order_by: Any, include_null: Any) -> Any:
        """With an order: the value at the least key."""
        if not order_by or include_null:
            return super().visit_First(op, arg=arg, where=where, order_by=order_by, include_null=include_null)
        return self.agg.min_by(arg, _ascending(order_by), where=self._present(arg, where))

    def visit_Last(self, op: Any, *, arg: Any, where: Any, order_by: Any, include_null: Any) -> Any:
        """With an order: the value at the greatest key."""
        if not order_by or include_null:
            return super().visit_Last(op, arg=arg, where=where, order_by=order_by, include_null=include_null)
        return self.agg.max_by(arg, _ascending(order_by), where=self._present(arg, where))

    def visit_ArrayCollect(self, op: Any, *, arg: Any, where: Any, order_by: Any, include_null: Any, distinct: Any) -> Any:
        """With an order: key and value are collected together, sorted, and the values kept."""
        if not order_by or include_null or distinct:
            return super().visit_ArrayCollect(op, arg=arg, where=where, order_by=order_by, include_null=include_null, distinct=distinct)
        pair = self.f.anon.named_struct(sge.convert("at"), _ascending(order_by), sge.convert("of"), arg)
        kept = self.f.anon.collect_list(self.if_(self._present(arg, where), pair, _NULL))
        each = sge.to_identifier("each")
        return self.f.anon.transform(self.f.anon.array_sort(kept), sge.Lambda(this=sge.column("of", table=each), expressions=[each]))

    def _present(self, arg: Any, where: Any) -> Any:
        known = self.visit_NotNull(None, arg=arg)
        return known if where is None else sge.and_(where, known)

    def _microseconds(self, instant: Any) -> Any:
        return self.f.anon.unix_micros(sge.Cast(this=instant, to=sge.DataType(this=sge.DataType.Type.TIMESTAMPLTZ)))


def _ascending(order_by: Any) -> Any:
    if any(key.args.get("desc") for key in order_by):
        raise UnsupportedOperationError("Spark orders the values of an aggregate by ascending keys only.")
    return sge.func("STRUCT", *(key.this for key in order_by), dialect="spark")
