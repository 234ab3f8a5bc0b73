"""Factors of implicit feedback by alternating least squares, on Spark (MLlib's ALS, after Hu, Koren and Volinsky, 2008)."""

import warnings
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.ml.recommendation import ALS

from features.spark.backend import Backend

TYPES: Final[dict[str, pa.DataType]] = {"customer": pa.int32(), "product": pa.int32(), "weight": pa.float32()}


def product_factors(
    engine: Backend,
    rows: pa.Table,
    *,
    products: int,
    factors: int,
    regularization: float,
    confidence: float,
    iterations: int,
    seed: int,
) -> NDArray[np.float32]:
    """Factors of every product: (products, factors), zeros for one without rows.

    `rows` are customer and product (whole numbers from 0) and weight (above 0, of pairs that were bought), one per pair. Whoever bought has
    a preference of 1 with the confidence 1 + `confidence` x weight, whoever did not 0 with 1. MLlib multiplies its penalty with the number
    of a customer's or product's pairs, where implicit has one for all; `regularization` is what this comes to on average over both.
    """
    pairs = rows.cast(pa.schema(TYPES))
    sides = len(pairs["customer"].unique()) + len(pairs["product"].unique())
    als = ALS(
        userCol="customer",
        itemCol="product",
        ratingCol="weight",
        implicitPrefs=True,
        rank=factors,
        regParam=regularization * sides / (2 * len(pairs)),
        alpha=confidence,
        maxIter=iterations,
        seed=seed,
    )
    learned = als.fit(engine._session.createDataFrame(pairs)).itemFactors
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Spark leaves the socket that the result came through to the collector
        found = learned.toArrow()
    vectors = np.zeros((products, factors), np.float32)
    vectors[found["id"].to_numpy()] = found["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, factors)
    return vectors
