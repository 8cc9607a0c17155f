# SPDX-License-Identifier: Apache-2.0
"""Bindings to training frameworks."""
