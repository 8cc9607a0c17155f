// SPDX-License-Identifier: Apache-2.0
/// Errors with context. The thrower knows the numbers; the pipeline adds operator, sample and line.
///
///   varo.ShapeError: crop: the window does not fit along D
///     got      96 voxels starting at 40
///     allowed  start + size <= 128
///     sample   17, case_0042.nii.gz
///     defined  train.py:31   x = fn.crop(x, size=(96, 96, 96))
///     try      out_of_bounds_policy="pad"
#pragma once

#include <cstdint>
#include <exception>
#include <string>

#include "varo/api.h"

namespace varo {

enum class ErrorKind : std::uint8_t {
  param,     ///< a value that no run can accept (Python: ParamError, a ValueError)
  type,      ///< wrong kind of argument, unknown argument or name (Python: ArgumentTypeError, a
             ///< TypeError)
  shape,     ///< extents or ranks that do not fit (Python: ShapeError, a ValueError)
  layout,    ///< axis letters (Python: LayoutError, a ValueError)
  index,     ///< an index outside its axis (Python: IndexOutOfRange, an IndexError)
  read,      ///< a file (Python: ReadError, an OSError)
  device,    ///< a device or a feature of it is missing (Python: DeviceError, a BufferError)
  state,     ///< a call that is not possible now: closed, forked, mixed interfaces (Python:
             ///< StateError)
  internal,  ///< our mistake (Python: InternalError)
};

/// Kind, problem and what helps to mend it. Every field but `problem` may be empty.
/// Python sees subclasses of RuntimeError that are also the class named above.
class VARO_API Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string problem);

  /// What arrived and what would have been accepted.
  Error got(std::string text) &&;
  Error allowed(std::string text) &&;
  /// What the user can do.
  Error hint(std::string text) &&;

  // Context, filled by the layer that knows it; set only where still empty.
  void set_operator(const std::string& name);
  void set_sample(std::int64_t number, const std::string& source);
  void set_defined(const std::string& where);

  ErrorKind kind() const { return kind_; }
  const std::string& problem() const { return problem_; }
  const std::string& operator_name() const { return operator_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  void render();
  ErrorKind kind_;
  std::string problem_, operator_, got_, allowed_, sample_, defined_, hint_;
  std::string text_;
};

}  // namespace varo
