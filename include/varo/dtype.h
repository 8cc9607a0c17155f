// SPDX-License-Identifier: Apache-2.0
/// Element types. The numeric values are those of DALI's DALIDataType.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "varo/api.h"

namespace varo {

/// Half-precision storage. Arithmetic happens in float; see core/half.h for the conversions.
struct Half {
  std::uint16_t bits = 0;
  friend bool operator==(const Half&, const Half&) = default;
};

enum class DType : std::uint8_t {
  u8 = 0,
  u16 = 1,
  u32 = 2,
  u64 = 3,
  i8 = 4,
  i16 = 5,
  i32 = 6,
  i64 = 7,
  f16 = 8,
  f32 = 9,
  f64 = 10,
  boolean = 11,
};
inline constexpr int kDTypeCount = 12;

/// Bytes of one element.
constexpr std::size_t size_of(DType t) {
  constexpr std::uint8_t sizes[] = {1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8, 1};
  return sizes[static_cast<int>(t)];
}
constexpr bool is_float(DType t) { return t == DType::f16 || t == DType::f32 || t == DType::f64; }
constexpr bool is_bool(DType t) { return t == DType::boolean; }
constexpr bool is_integer(DType t) { return !is_float(t) && !is_bool(t); }
constexpr bool is_signed(DType t) { return is_float(t) || (t >= DType::i8 && t <= DType::i64); }

/// "uint8", "float32", "bool": NumPy's names.
VARO_API std::string_view name_of(DType t);
/// The type with NumPy's name `name`, or nothing.
VARO_API std::optional<DType> dtype_named(std::string_view name);

template <class T>
struct DTypeOf;
#define VARO_DTYPE_OF(T, V)                  \
  template <>                                \
  struct DTypeOf<T> {                        \
    static constexpr DType value = DType::V; \
  };
VARO_DTYPE_OF(std::uint8_t, u8)
VARO_DTYPE_OF(std::uint16_t, u16)
VARO_DTYPE_OF(std::uint32_t, u32)
VARO_DTYPE_OF(std::uint64_t, u64)
VARO_DTYPE_OF(std::int8_t, i8)
VARO_DTYPE_OF(std::int16_t, i16)
VARO_DTYPE_OF(std::int32_t, i32)
VARO_DTYPE_OF(std::int64_t, i64)
VARO_DTYPE_OF(Half, f16)
VARO_DTYPE_OF(float, f32)
VARO_DTYPE_OF(double, f64)
VARO_DTYPE_OF(bool, boolean)
#undef VARO_DTYPE_OF
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

}  // namespace varo
