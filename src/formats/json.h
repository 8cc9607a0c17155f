// SPDX-License-Identifier: Apache-2.0
/// JSON texts, as far as lists of files need them.
///
/// source  RFC 8259; NaN and Infinity as Python writes them
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace varo {

/// A value. An object's keys are in the order of the text, and `items` has their values.
struct Json {
  enum class Kind : std::uint8_t { null, boolean, number, text, list, object };
  Kind kind = Kind::null;
  std::string text;  ///< a text; a number, true or false as it is written
  std::vector<std::string> keys;
  std::vector<Json> items;

  bool is_text() const { return kind == Kind::text; }
  bool is_list() const { return kind == Kind::list; }
  bool is_object() const { return kind == Kind::object; }
  /// The value of a key; null where there is none.
  const Json* find(std::string_view key) const;
};

/// Bytes that are no UTF-8 stay as they are, and so do those that Python's os.fsdecode has put into a
/// text as lone surrogates. Throws ReadError with the place, also for a key that comes twice and for
/// more than 100 values inside each other; `name` is the file's in messages.
Json parse_json(std::string_view bytes, std::string_view name);

}  // namespace varo
