// SPDX-License-Identifier: Apache-2.0
// Any bytes as a table of files of each kind.
#include "formats/fuzzing.h"
#include "operators/sources/case_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"a.csv", "a.tsv", "a.json"})
    varo::testing::read_or_refuse([&] {
      const varo::CaseTable table = varo::parse_table(text, name);
      for (const varo::TableRow& row : table.rows)
        if (row.cells.size() != table.columns.size()) std::abort();
    });
  return 0;
}
