// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <fmt/format.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "core/pool.h"
#include "formats/file.h"
#include "kernels/copy/copy.h"
#include "python/bind.h"
#include "python/dlpack.h"

namespace varo::python {

namespace {

// --- NumPy ---------------------------------------------------------------------------------------

py::dtype numpy_dtype(DType t) { return py::dtype(std::string(name_of(t))); }

DType dtype_of_array(const py::array& array) {
  const auto named = dtype_named(py::str(array.dtype().attr("name")).cast<std::string>());
  if (!named)
    throw Error(ErrorKind::type, "an array has an element type that is not supported")
        .got(py::str(array.dtype()).cast<std::string>())
        .allowed("bool, int8 ... uint64, float16, float32, float64");
  return *named;
}

std::vector<py::ssize_t> byte_strides(const Tensor& t) {
  std::vector<py::ssize_t> strides;
  for (const auto s : t.view().strides)
    strides.push_back(s * static_cast<py::ssize_t>(size_of(t.dtype())));
  return strides;
}

std::vector<py::ssize_t> extents(const Shape& shape) { return {shape.begin(), shape.end()}; }

py::tuple shape_tuple(const Shape& shape) {
  py::tuple t(static_cast<std::size_t>(shape.rank()));
  for (int i = 0; i < shape.rank(); ++i) t[static_cast<std::size_t>(i)] = shape[i];
  return t;
}

py::array as_numpy(const Tensor& t) {
  // The array's base owns a reference of its own: it may outlive every object of ours.
  auto* holder = new Tensor(t);
  const py::capsule base(holder, [](void* p) { delete static_cast<Tensor*>(p); });
  return py::array(numpy_dtype(t.dtype()), extents(t.shape()), byte_strides(t), t.view().data,
                   base);
}

py::buffer_info buffer_of(Tensor& t) {
  static const char* const formats[] = {"B", "H", "I", "Q", "b", "h", "i", "q", "e", "f", "d", "?"};
  return {const_cast<void*>(t.view().data),
          static_cast<py::ssize_t>(size_of(t.dtype())),
          formats[static_cast<int>(t.dtype())],
          t.rank(),
          extents(t.shape()),
          byte_strides(t)};
}

py::object affine_object(const Tensor& t) {
  if (!t.meta().affine) return py::none();
  py::array_t<double> a({4, 4});
  std::memcpy(a.mutable_data(), t.meta().affine->data(), sizeof(Affine));
  const double last[] = {0, 0, 0, 1};
  std::memcpy(a.mutable_data(3, 0), last, sizeof(last));
  return a;
}

const char* device_word(Device device) { return device.on_host() ? "cpu" : "gpu"; }

// One after the other in memory, as run() delivers them; lists made by hand may not be.
bool is_contiguous(const Batch& b) {
  const auto* expected = static_cast<const std::byte*>(b.samples.at(0).view().data);
  for (const Tensor& t : b.samples) {
    if (t.view().data != expected || !is_dense(t.view())) return false;
    expected += volume(t.shape()) * static_cast<std::int64_t>(size_of(t.dtype()));
  }
  return true;
}

// The batch as one tensor [N, ...]; a copy if its samples lie apart.
Tensor as_one(const Batch& b) {
  if (!b.dense())
    throw Error(ErrorKind::shape,
                b.samples.empty() ? "the list is empty" : "the samples have different shapes")
        .hint("list[i] for each sample, or fn.pad in the pipeline");
  if (is_contiguous(b)) return b.as_tensor();
  Shape shape = b.samples[0].shape();
  shape.insert(0, static_cast<std::int64_t>(b.samples.size()));
  Tensor whole = Tensor::own({b.dtype, shape, {}});
  auto* to = static_cast<std::byte*>(whole.mutable_view().data);
  for (const Tensor& t : b.samples) {
    varo::copy(t.view(), {to, t.dtype(), t.shape(), dense_strides(t.shape())}, Parallel::serial());
    to += volume(t.shape()) * static_cast<std::int64_t>(size_of(t.dtype()));
  }
  return whole;
}

}  // namespace

py::object dlpack_of(const Batch& batch, DTypeSet types) {
  const bool taken = (types >> static_cast<unsigned>(batch.dtype) & 1U) != 0;
  if (!taken || !batch.dense() || !is_contiguous(batch)) return py::none();
  const Tensor& first = batch.samples.front();
  Shape shape = first.shape();
  shape.insert(0, static_cast<std::int64_t>(batch.samples.size()));
  return capsule_of({first.view().data, batch.dtype, shape, dense_strides(shape), first.device()},
                    first.keep());
}

py::object dtype_object(DType dtype) {
  return py::module_::import("varo.types").attr("DALIDataType")(static_cast<int>(dtype));
}

Tensor copy_of(const Tensor& tensor) {
  Tensor own = Tensor::own(tensor.spec());
  varo::copy(tensor.view(), own.mutable_view(), Parallel::serial());
  return own.with_meta(tensor.meta());
}

Tensor tensor_from(const py::handle& object, const std::string& layout, bool copy) {
  const bool ours = py::isinstance<Tensor>(object);
  if (ours || is_dlpack(object)) {
    auto t = ours ? object.cast<Tensor>() : import_dlpack(object);
    if (copy) t = copy_of(t);
    return layout.empty() ? t : t.relabelled(Layout(layout));
  }
  py::array array = py::array::ensure(object);
  if (!array) {
    PyErr_Clear();
    throw Error(ErrorKind::type, "this is not an array")
        .got(py::str(py::type::of(object)).cast<std::string>());
  }
  if (array.ndim() > kMaxRank)
    throw Error(ErrorKind::shape, "an array has too many axes")
        .got(fmt::format("{} axes", array.ndim()))
        .allowed(fmt::format("at most {}", kMaxRank));
  if (array.dtype().attr("isnative").cast<bool>() == false)
    array = array.attr("astype")(array.dtype().attr("newbyteorder")("=")).cast<py::array>();
  const DType dtype = dtype_of_array(array);
  const auto size = static_cast<py::ssize_t>(size_of(dtype));
  Shape shape;
  Strides strides;
  bool whole_strides = true;
  for (py::ssize_t i = 0; i < array.ndim(); ++i) {
    shape.push_back(array.shape(i));
    strides.push_back(array.strides(i) / size);
    whole_strides = whole_strides && array.strides(i) % size == 0;
  }
  // A field of a record, say, or memory off its alignment: NumPy makes it regular.
  const bool aligned =
      reinterpret_cast<std::uintptr_t>(array.data()) % static_cast<std::uintptr_t>(size) == 0;
  if (!whole_strides || !aligned) {
    array = array.attr("copy")("C").cast<py::array>();
    strides = dense_strides(shape);
  }
  const ConstView view{array.data(), dtype, shape, strides};
  if (copy) {
    Tensor t = Tensor::own({dtype, shape, Layout(layout)}).relabelled(Layout(layout));
    const WithoutLock nogil;
    varo::copy(view, t.mutable_view(), Parallel::serial());
    return t;
  }
  const std::shared_ptr<const void> keep(new py::object(array), [](py::object* held) {
    // An interpreter that is on its way out gives no thread its lock any more.
    if (Py_IsInitialized() == 0 || _Py_IsFinalizing() != 0) return;
    const py::gil_scoped_acquire gil;
    delete held;
  });
  return Tensor::wrap(view, keep).relabelled(Layout(layout));
}

void bind_tensor(py::module_& m) {
  py::class_<Tensor>(
      m, "TensorCPU", py::buffer_protocol(),
      "One sample in host memory. np.asarray, the buffer protocol and DLPack see the "
      "same memory, without a copy.")
      .def(py::init([](const py::object& array, const std::string& layout, bool is_pinned) {
             const Tensor t = tensor_from(array, layout, false);
             if (!is_pinned || t.device().kind == Device::pinned) return t;
             ConstView view = t.view();
             view.device = {Device::pinned};
             return Tensor::wrap(view, t.keep(), t.layout()).with_meta(t.meta());
           }),
           py::arg("array"), py::arg("layout") = "", py::arg("is_pinned") = false)
      .def("shape",
           [](const Tensor& t) {
             return std::vector<std::int64_t>(t.shape().begin(), t.shape().end());
           })
      .def("ndim", &Tensor::rank)
      .def_property_readonly("dtype", [](const Tensor& t) { return dtype_object(t.dtype()); })
      .def("layout", [](const Tensor& t) { return std::string(t.layout().str()); })
      .def("set_layout",
           [](Tensor& t, const std::string& layout) { t = t.relabelled(Layout(layout)); })
      .def("source_info", [](const Tensor& t) { return text_of(t.meta().source); })
      .def("get_property",
           [](const Tensor& t, const std::string& key) {
             if (key == "source_info") return text_of(t.meta().source);
             if (key == "layout") return text_of(std::string(t.layout().str()));
             throw Error(ErrorKind::param, "unknown property")
                 .got(key)
                 .allowed("source_info, layout");
           })
      .def_property_readonly(
          "affine", &affine_object,
          "Voxel index (x, y, z, 1) to millimetres, RAS+, as a 4x4 array; None where unknown.")
      .def(
          "squeeze",
          [](Tensor& t, const std::optional<int>& dim) {
            const int before = t.rank();
            for (int axis = before - 1; axis >= 0; --axis)
              if (t.shape()[axis] == 1 && (!dim || *dim == axis || *dim + before == axis))
                t = t.squeezed(axis);
            return t.rank() != before;
          },
          py::arg("dim") = py::none(),
          "Drops axes of extent 1, or that axis alone, in place; whether there was one.")
      .def("data_ptr",
           [](const Tensor& t) { return reinterpret_cast<std::uintptr_t>(t.view().data); })
      .def(
          "reinterpret",
          [](const py::object& self, int dtype) {
            auto& t = self.cast<Tensor&>();
            const auto to = static_cast<DType>(dtype);
            if (dtype < 0 || dtype >= kDTypeCount || size_of(to) != size_of(t.dtype()))
              throw Error(ErrorKind::type, "reinterpret needs an element type of the same size")
                  .got(std::string(name_of(t.dtype())));
            t = t.retyped(to);
            return self;
          },
          py::arg("dtype"),
          "Takes the same bytes as another element type of the same size, in place; returns the tensor itself.")
      .def("as_cpu", [](const py::object& self) { return self; })
      .def(
          "copy_to_external",
          [](const Tensor& t, std::uintptr_t pointer) {
            const WithoutLock nogil;
            varo::copy(
                t.view(),
                {reinterpret_cast<void*>(pointer), t.dtype(), t.shape(), dense_strides(t.shape())},
                Parallel::serial());
          },
          py::arg("ptr"))
      .def(
          "__array__",
          [](const Tensor& t, const py::object& dtype) -> py::object {
            const py::array a = as_numpy(t);
            return dtype.is_none() ? py::object(a) : a.attr("astype")(dtype);
          },
          py::arg("dtype") = py::none())
      .def_property_readonly(
          "__array_interface__",
          [](const Tensor& t) { return as_numpy(t).attr("__array_interface__"); })
      .def("__dlpack__", &export_dlpack)
      .def("__dlpack_device__", [](const Tensor& t) { return dlpack_device(t.device()); })
      .def_property_readonly(
          "device", [](const Tensor& t) { return device_word(t.device()); },
          "\"cpu\": where an operator reads it. Pinned memory is the CPU's too.")
      .def("is_pinned", [](const Tensor& t) { return t.device().kind == Device::pinned; })
      .def("__float__",
           [](const py::object& self) { return self.attr("__array__")().attr("__float__")(); })
      .def("__int__",
           [](const py::object& self) { return self.attr("__array__")().attr("__int__")(); })
      .def("__len__",
           [](const Tensor& t) {
             if (t.rank() == 0)
               throw py::type_error(
                   "a 0-D tensor has no length; float(), int() and numpy.asarray() take it, and "
                   "torch.from_dlpack() takes tensors of any shape");
             return t.shape()[0];
           })
      .def("__bool__",
           [](const Tensor& t) {
             if (volume(t.shape()) != 1)
               throw Error(ErrorKind::param, "a tensor with several elements has no truth value")
                   .got(fmt::format("shape {}", to_string(t.shape())))
                   .allowed("one element")
                   .hint("fn.reductions.max(tensor) says whether any is set");
             return as_numpy(t).attr("__bool__")().cast<bool>();
           })
      .def("__repr__",
           [](const Tensor& t) {
             return fmt::format("TensorCPU({}, {}, layout=\"{}\"{})", name_of(t.dtype()),
                                to_string(t.shape()), t.layout().str(),
                                t.meta().source.empty() ? "" : ", from " + t.meta().source);
           })
      .def_buffer(&buffer_of);

  py::class_<Batch>(m, "TensorListCPU", "The samples of one output for one iteration.")
      .def(
          py::init([](const py::object& samples, const std::string& layout) {
            Batch batch;
            // One tensor in a capsule holds the samples along its first axis.
            py::object items = samples;
            if (is_dlpack(samples)) items = as_numpy(tensor_from(samples, "", false));
            for (const py::handle sample : items) {
              Tensor t = tensor_from(sample, layout, false);
              if (!batch.samples.empty() &&
                  (t.dtype() != batch.dtype || t.rank() != batch.samples[0].rank()))
                throw Error(ErrorKind::shape, "the samples of a batch disagree")
                    .got(fmt::format("{} {}", name_of(t.dtype()), to_string(t.shape())))
                    .allowed(fmt::format("{} with {} axes", name_of(batch.dtype),
                                         batch.samples[0].rank()));
              batch.dtype = t.dtype();
              batch.layout = t.layout();
              batch.device = t.device();
              batch.samples.push_back(std::move(t));
            }
            return batch;
          }),
          py::arg("samples"), py::arg("layout") = "",
          "samples  arrays or tensors, one a sample, or one array or DLPack capsule with a leading batch axis\n"
          "layout   axis letters of a sample")
      .def("__len__", [](const Batch& b) { return b.samples.size(); })
      .def("__getitem__",
           [](const Batch& b, std::int64_t i) {
             const auto n = static_cast<std::int64_t>(b.samples.size());
             if (i < -n || i >= n)
               throw py::index_error(fmt::format("sample {} of a batch of {}", i, n));
             return b.samples[static_cast<std::size_t>(i < 0 ? i + n : i)];
           })
      .def("at", [](const Batch& b, std::size_t i) { return as_numpy(b.samples.at(i)); })
      .def(
          "as_reshaped_tensor",
          [](const Batch& b, const std::vector<std::int64_t>& extents) {
            const Tensor all = as_one(b);
            const Shape shape{std::span<const std::int64_t>(extents)};
            if (checked_bytes(shape, 1) != volume(all.shape()))
              throw Error(ErrorKind::shape, "the list cannot have this shape as one tensor")
                  .got(to_string(shape))
                  .allowed("as many elements as " + to_string(all.shape()));
            return *all.reshaped(shape);
          },
          py::arg("new_shape"))
      .def(
          "copy_to_external",
          [](const Batch& b, std::uintptr_t pointer) {
            const WithoutLock nogil;
            auto* to = reinterpret_cast<std::byte*>(pointer);
            for (const Tensor& t : b.samples) {
              varo::copy(t.view(), {to, t.dtype(), t.shape(), dense_strides(t.shape())},
                         Parallel::serial());
              to += volume(t.shape()) * static_cast<std::int64_t>(size_of(t.dtype()));
            }
          },
          py::arg("ptr"), "Copies the samples, one after the other, to memory that holds them all.")
      .def("reset", [](Batch& b) { b.samples.clear(); })
      .def_static(
          "broadcast",
          [](const Tensor& tensor, int count) {
            Batch b{std::vector<Tensor>(static_cast<std::size_t>(count), tensor), tensor.dtype(),
                    tensor.layout(), tensor.device()};
            return b;
          },
          py::arg("tensor"), py::arg("count"))
      .def("is_dense_tensor", [](const Batch& b) { return b.dense() && is_contiguous(b); })
      .def("as_tensor", &as_one)
      .def("as_array",
           [](const Batch& b) -> py::object {
             if (b.samples.empty()) return py::array_t<float>(0);
             return as_numpy(as_one(b));
           })
      .def("shape",
           [](const Batch& b) {
             py::list shapes;
             for (const Tensor& t : b.samples) shapes.append(shape_tuple(t.shape()));
             return shapes;
           })
      .def("ndim", [](const Batch& b) { return b.samples.empty() ? 0 : b.samples[0].rank(); })
      .def_property_readonly("dtype", [](const Batch& b) { return dtype_object(b.dtype); })
      .def_property_readonly("device", [](const Batch& b) { return device_word(b.device); })
      .def("layout", [](const Batch& b) { return std::string(b.layout.str()); })
      .def("set_layout",
           [](Batch& b, const std::string& layout) {
             for (Tensor& t : b.samples) t = t.relabelled(Layout(layout));
             b.layout = Layout(layout);
           })
      .def("as_cpu", [](const py::object& self) { return self; })
      .def("data_ptr",
           [](const Batch& b) {
             return reinterpret_cast<std::uintptr_t>(b.samples.at(0).view().data);
           })
      .def("__repr__", [](const Batch& b) {
        std::string shapes;
        for (std::size_t i = 0; i < b.samples.size() && i < 4; ++i)
          shapes += (i != 0 ? ", " : "") + to_string(b.samples[i].shape());
        return fmt::format("TensorListCPU({} x {}, layout=\"{}\", shapes {}{})", b.samples.size(),
                           name_of(b.dtype), b.layout.str(), shapes,
                           b.samples.size() > 4 ? ", ..." : "");
      });

  py::class_<PoolStats>(m, "PoolStats")
      .def_readonly("in_use_bytes", &PoolStats::in_use_bytes)
      .def_readonly("high_water_bytes", &PoolStats::high_water_bytes)
      .def_readonly("reserved_bytes", &PoolStats::reserved_bytes)
      .def_readonly("requests", &PoolStats::requests)
      .def_readonly("allocations", &PoolStats::allocations)
      .def("__repr__", [](const PoolStats& s) {
        return fmt::format(
            "PoolStats(in_use_bytes={}, high_water_bytes={}, reserved_bytes={}, requests={}, "
            "allocations={})",
            s.in_use_bytes, s.high_water_bytes, s.reserved_bytes, s.requests, s.allocations);
      });
  m.def(
      "pool_stats", [] { return BufferPool::host().stats(); },
      "What the process-wide buffer pool holds.");
  m.def("pool_reset_high_water", [] { BufferPool::host().reset_high_water(); });
  m.def("pool_trim", [] { BufferPool::host().trim(); });
  py::class_<IoStats>(m, "IoStats")
      .def_readonly("requested_bytes", &IoStats::requested_bytes)
      .def_readonly("system_calls", &IoStats::system_calls)
      .def_readonly("advised_bytes", &IoStats::advised_bytes)
      .def("__repr__", [](const IoStats& s) {
        return fmt::format("IoStats(requested_bytes={}, system_calls={}, advised_bytes={})",
                           s.requested_bytes, s.system_calls, s.advised_bytes);
      });
  m.def("io_stats", &io_stats, "What this process asked of files since the last reset.");
  m.def("reset_io_stats", &reset_io_stats);
  m.def(
      "dlpack_of", &dlpack_of, py::arg("batch"), py::arg("types"),
      "A TensorListCPU as one tensor in a DLPack capsule; None if its samples differ in shape, lie "
      "apart, or are of none of `types`, a set of bits.");
  m.def("is_dlpack", &is_dlpack, py::arg("object"),
        "Whether it is a DLPack capsule, or makes one and is no array for NumPy to look at.");
  m.def("tensor_from", &tensor_from, py::arg("array"), py::arg("layout") = "",
        py::arg("copy") = true);
}

}  // namespace varo::python
