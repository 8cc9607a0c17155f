# SPDX-License-Identifier: Apache-2.0
"""Tests of samples against distributions. Seeds are fixed, so a test passes always or never; the
bound is far below what a fair sample gives by bad luck."""

import numpy as np
from scipy import stats

LEAST_P = 1e-4


def follows(values, distribution):
    """Kolmogorov and Smirnov's test of `values` against a frozen scipy.stats distribution."""
    p = stats.kstest(np.asarray(values, "float64").ravel(), distribution.cdf).pvalue
    assert p > LEAST_P, f"p = {p}"


def counted(values, probabilities):
    """Chi-squared test of how often each key of `probabilities` occurs; nothing else may occur."""
    values = np.asarray(values).ravel()
    observed = [int(np.sum(values == key)) for key in probabilities]
    others = values.size - sum(observed)
    assert others == 0, f"{others} values besides {list(probabilities)}"
    expected = np.array(list(probabilities.values())) * values.size
    possible = expected > 0
    assert all(n == 0 for n, p in zip(observed, possible) if not p)
    if possible.sum() < 2:
        return
    p = stats.chisquare(np.array(observed)[possible], expected[possible]).pvalue
    assert p > LEAST_P, f"p = {p}, observed {observed}, expected {list(expected)}"


def counts(values, distribution):
    """Chi-squared test of whole numbers against a frozen discrete scipy.stats distribution, in bins of one or more."""
    values = np.asarray(values, "float64").ravel()
    edges = np.unique(distribution.ppf(np.linspace(0, 1, max(4, min(40, values.size // 100)))[1:-1]))
    observed = np.bincount(np.searchsorted(edges, values), minlength=edges.size + 1)
    expected = np.diff(distribution.cdf(edges), prepend=0, append=1) * values.size
    possible = expected > 1e-9
    assert all(observed[~possible] == 0)
    p = stats.chisquare(observed[possible], expected[possible]).pvalue
    assert p > LEAST_P, f"p = {p}, observed {observed}, expected {list(expected)}"


def unrelated(a, b):
    """Correlation of two equally long samples, which is small where they are independent."""
    a, b = np.asarray(a, "float64").ravel(), np.asarray(b, "float64").ravel()
    p = stats.pearsonr(a, b)[1]
    assert p > LEAST_P, f"p = {p}"
    assert not np.array_equal(a, b)
