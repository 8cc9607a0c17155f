# SPDX-License-Identifier: Apache-2.0
"""The parts of the demo: a data set of real heads, two loaders, a network, a picture, a stopwatch."""
