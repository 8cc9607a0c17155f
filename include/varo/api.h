// SPDX-License-Identifier: Apache-2.0
/// What the shared library exports. It is compiled with hidden symbols: a class with members outside
/// of its header, and a free function, can be linked to only if VARO_API stands before its name.
#pragma once

#define VARO_API __attribute__((visibility("default")))
