// SPDX-License-Identifier: Apache-2.0
#include "python/dlpack.h"

#include <fmt/format.h>

#include "kernels/copy/copy.h"

namespace varo::python {

namespace {

struct DLDevice {
  std::int32_t device_type, device_id;
};
struct DLDataType {
  std::uint8_t code, bits;
  std::uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor*);
};

enum DLDeviceType : std::int32_t { kDLCPU = 1, kDLCUDA = 2, kDLCUDAHost = 3, kDLCUDAManaged = 13 };
enum DLDataTypeCode : std::uint8_t { kDLInt = 0, kDLUInt = 1, kDLFloat = 2, kDLBool = 6 };

constexpr const char* kFresh = "dltensor";
constexpr const char* kTaken = "used_dltensor";

struct Exported {
  std::shared_ptr<const void> keep;
  Shape shape;
  Strides strides;
  DLManagedTensor managed;
};

DLDataType dl_type(DType t) {
  const std::uint8_t code = is_bool(t)     ? kDLBool
                            : is_float(t)  ? kDLFloat
                            : is_signed(t) ? kDLInt
                                           : kDLUInt;
  return {code, static_cast<std::uint8_t>(size_of(t) * 8), 1};
}

DType our_type(const DLDataType& theirs) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto type = static_cast<DType>(i);
    const DLDataType mine = dl_type(type);
    if (mine.code == theirs.code && mine.bits == theirs.bits && theirs.lanes == 1) return type;
  }
  throw Error(ErrorKind::type, "DLPack: an element type that is not supported")
      .got(fmt::format("type code {} of {} bits, {} lanes", theirs.code, theirs.bits, theirs.lanes))
      .allowed("bool, int8 ... uint64, float16, float32, float64");
}

DLDevice dl_device(Device device) {
  switch (device.kind) {
    case Device::pinned:
      return {kDLCUDAHost, 0};
    case Device::cuda:
      return {kDLCUDA, device.index};
    case Device::host:
      break;
  }
  return {kDLCPU, 0};
}

std::string name_of(const DLDevice& device) {
  switch (device.device_type) {
    case kDLCPU:
      return "the CPU";
    case kDLCUDA:
      return fmt::format("CUDA device {}", device.device_id);
    case kDLCUDAHost:
      return "pinned memory";
    case kDLCUDAManaged:
      return fmt::format("managed memory of CUDA device {}", device.device_id);
    default:
      return fmt::format("device {} of DLPack's type {}", device.device_id, device.device_type);
  }
}

// Throws unless the host reads that memory.
Device readable(const DLDevice& device) {
  if (device.device_type == kDLCPU) return {Device::host};
  if (device.device_type == kDLCUDAHost) return {Device::pinned};
  throw Error(ErrorKind::device, "DLPack: this build of Varo has no back end for that device")
      .got(name_of(device))
      .allowed("memory of the CPU, pinned or not")
      .hint("copy it to the CPU first, e.g. tensor.cpu()");
}

DLDevice device_from(const py::handle& pair) {
  const auto parts = py::cast<std::pair<std::int32_t, std::int32_t>>(pair);
  return {parts.first, parts.second};
}

ConstView view_of(const DLTensor& theirs) {
  const Device device = readable(theirs.device);
  const DType dtype = our_type(theirs.dtype);
  if (theirs.ndim < 0 || theirs.ndim > kMaxRank)
    throw Error(ErrorKind::shape, "DLPack: a tensor has too many axes")
        .got(fmt::format("{} axes", theirs.ndim))
        .allowed(fmt::format("at most {}", kMaxRank));
  const auto rank = static_cast<std::size_t>(theirs.ndim);
  const Shape shape{std::span<const std::int64_t>(theirs.shape, rank)};
  if (checked_bytes(shape, size_of(dtype)) < 0)
    throw Error(ErrorKind::shape, "DLPack: a tensor has impossible extents").got(to_string(shape));
  const auto* data = static_cast<const std::byte*>(theirs.data) + theirs.byte_offset;
  if (reinterpret_cast<std::uintptr_t>(data) % size_of(dtype) != 0)
    throw Error(ErrorKind::type, "DLPack: elements lie off their alignment")
        .got(fmt::format("{} at an address that is no multiple of {}", varo::name_of(dtype),
                         size_of(dtype)))
        .hint("a copy of it");
  const Strides strides = theirs.strides == nullptr
                              ? dense_strides(shape)
                              : Strides{std::span<const std::int64_t>(theirs.strides, rank)};
  return {data, dtype, shape, strides, device};
}

}  // namespace

py::capsule capsule_of(const ConstView& view, std::shared_ptr<const void> keep) {
  auto exported =
      std::make_unique<Exported>(Exported{std::move(keep), view.shape, view.strides, {}});
  exported->managed = {
      {const_cast<void*>(view.data), dl_device(view.device), exported->shape.rank(),
       dl_type(view.dtype), exported->shape.begin(), exported->strides.begin(), 0},
      exported.get(),
      [](DLManagedTensor* self) { delete static_cast<Exported*>(self->manager_ctx); }};
  py::capsule capsule(&exported->managed, kFresh, [](PyObject* held) {
    // A consumer renames the capsule and becomes the owner.
    if (PyCapsule_IsValid(held, kFresh) == 0) return;
    auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(held, kFresh));
    managed->deleter(managed);
  });
  static_cast<void>(exported.release());
  return capsule;
}

py::tuple dlpack_device(Device device) {
  const DLDevice theirs = dl_device(device);
  return py::make_tuple(theirs.device_type, theirs.device_id);
}

py::capsule export_dlpack(const Tensor& tensor, const py::kwargs& keywords) {
  Device device = tensor.device();
  bool copied = false;
  for (const auto& [key, value] : keywords) {
    const auto name = key.cast<std::string>();
    if (name == "stream") {
      const bool none =
          value.is_none() || (py::isinstance<py::int_>(value) && value.cast<int>() == -1);
      if (!none)
        throw Error(ErrorKind::device, "__dlpack__: memory of the CPU has no streams")
            .got("stream=" + py::repr(value).cast<std::string>())
            .allowed("None or -1");
    } else if (name == "dl_device") {
      if (!value.is_none()) device = readable(device_from(value));
    } else if (name == "copy") {
      copied = !value.is_none() && value.cast<bool>();
    } else if (name != "max_version") {
      throw Error(ErrorKind::type, "__dlpack__: unknown argument")
          .got(name)
          .allowed("stream, max_version, dl_device, copy");
    }
  }
  // What is pinned may be called memory of the CPU, but not the other way round.
  if (device.kind == Device::pinned && tensor.device().kind == Device::host)
    throw Error(ErrorKind::device, "__dlpack__: the memory is not pinned")
        .got(name_of(dl_device(device)))
        .allowed(name_of(dl_device(tensor.device())));
  const Tensor whole = copied ? copy_of(tensor) : tensor;
  ConstView view = whole.view();
  view.device = copied ? whole.device() : device;
  return capsule_of(view, whole.keep());
}

bool is_dlpack(const py::handle& object) {
  return PyCapsule_CheckExact(object.ptr()) != 0 ||
         (py::hasattr(object, "__dlpack__") && !py::hasattr(object, "__array__"));
}

Tensor import_dlpack(const py::handle& object) {
  auto capsule = py::reinterpret_borrow<py::object>(object);
  if (PyCapsule_CheckExact(object.ptr()) == 0) {
    // Asked first: a producer may begin to copy where it is asked for memory.
    if (py::hasattr(object, "__dlpack_device__"))
      readable(device_from(object.attr("__dlpack_device__")()));
    capsule = object.attr("__dlpack__")();
  }
  if (PyCapsule_IsValid(capsule.ptr(), kFresh) == 0)
    throw Error(ErrorKind::type, "DLPack: this capsule holds no tensor, or not any more")
        .got(py::repr(capsule).cast<std::string>())
        .allowed(fmt::format("a capsule \"{}\" that nobody has taken", kFresh));
  auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), kFresh));
  const ConstView view = view_of(managed->dl_tensor);
  const std::shared_ptr<const void> keep(managed, [](DLManagedTensor* held) {
    // Its owner may be Python's. An interpreter that is on its way out gives its lock to no thread.
    if (held->deleter == nullptr || Py_IsInitialized() == 0 || _Py_IsFinalizing() != 0) return;
    const py::gil_scoped_acquire gil;
    held->deleter(held);
  });
  PyCapsule_SetName(capsule.ptr(), kTaken);
  return Tensor::wrap(view, keep);
}

}  // namespace varo::python
