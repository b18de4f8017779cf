#!/usr/bin/env python3
"""scikit-learn's LogisticRegression on the matrices that the bench `logistic` has written.

usage: logistic.py FOLDER [--tune]

Multinomial, solver lbfgs (the default), 32-bit numbers, otherwise the defaults: tolerance 1e-4, and as
many steps as that takes, 1,000 at most. C is 2, the best on a held-back fifth of the training part
(--tune shows how). Only `fit` is timed.
"""

import sys
import time

import numpy
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score

C = 2.0
MAX_STEPS = 1_000


def read(folder, part):
    def array(name, kind):
        return numpy.fromfile(f"{folder}/{part}.{name}", dtype=kind)

    ends = numpy.concatenate([[0], array("ends", "<u8").astype("int64")])
    columns = array("columns", "<u4").astype("int32")
    return ends, columns, array("amounts", "<f4"), array("values", "<u4").astype("int64")


def matrix(parts, width):
    ends, columns, amounts, _ = parts
    return csr_matrix((amounts, columns, ends.astype("int32")), shape=(len(ends) - 1, width))


def fit(x, y, c, x_test, y_test):
    model = LogisticRegression(C=c, max_iter=MAX_STEPS)
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(x, y)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    given = model.predict(x_test)
    accuracy = 100 * accuracy_score(y_test, given)
    macro_f1 = 100 * f1_score(y_test, given, average="macro", zero_division=0)
    print(
        f"scikit-learn, fit with C={c:g}: {wall:.2f} s, {cpu:.2f} s of CPU, {model.n_iter_.max()} steps; "
        f"accuracy {accuracy:.2f}, macro-F1 {macro_f1:.2f}",
        flush=True,
    )


def main():
    folder = sys.argv[1]
    train, test = read(folder, "train"), read(folder, "test")
    width = int(max(train[1].max(), test[1].max())) + 1
    x, y = matrix(train, width), train[3]
    print(f"{x.shape[0]} tickets, {x.shape[1]} columns, {x.nnz / x.shape[0]:.0f} entries a ticket", flush=True)
    if "--tune" in sys.argv:
        is_held_back = numpy.arange(len(y)) % 5 == 0
        for c in (0.5, 1.0, 2.0, 5.0, 10.0):
            fit(x[~is_held_back], y[~is_held_back], c, x[is_held_back], y[is_held_back])
        return
    fit(x, y, C, matrix(test, width), test[3])


main()
