// SPDX-License-Identifier: Apache-2.0
/// Tensors to and from other libraries without a copy.
/// source  the DLPack C ABI, version 0, https://dmlc.github.io/dlpack/latest/c_api.html, and what the
///         Python array API standard 2023.12 says of __dlpack__
#pragma once

#include <memory>

#include "python/bind.h"

namespace varo::python {

/// A capsule "dltensor" with a view of memory that `keep` keeps alive.
py::capsule capsule_of(const ConstView& view, std::shared_ptr<const void> keep);

/// (type, index), as __dlpack_device__ returns them.
py::tuple dlpack_device(Device device);

/// tensor.__dlpack__(stream=, max_version=, dl_device=, copy=), keywords only.
///
/// stream       None, or -1: memory of the host has no streams to wait for
/// max_version  any: a consumer of a newer version takes version 0 too
/// dl_device    None, or memory that the host reads: the same bytes, under that name
/// copy         True: of memory of its own
/// errors       device: another stream or device; type: an unknown keyword
py::capsule export_dlpack(const Tensor& tensor, const py::kwargs& keywords);

/// Whether the object is a capsule, or makes one and is no array for NumPy to look at.
bool is_dlpack(const py::handle& object);

/// A view of the memory of such an object.
///
/// errors  device: memory that the host cannot read, a CUDA device's mostly; type: elements that
///         are not one of ours, lie off their alignment, or a capsule that was taken before; shape
Tensor import_dlpack(const py::handle& object);

}  // namespace varo::python
