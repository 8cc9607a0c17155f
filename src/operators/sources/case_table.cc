// SPDX-License-Identifier: Apache-2.0
#include "operators/sources/case_table.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>
#include <utility>

#include "formats/file.h"
#include "formats/json.h"

namespace varo {

namespace {

std::string text_of(const std::string& path) {
  const File file(path);
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  file.read(0, text.data(), text.size());
  return text;
}

bool ends_with(std::string_view path, std::string_view ending) {
  return path.size() >= ending.size() &&
         std::equal(ending.begin(), ending.end(), path.end() - std::ssize(ending),
                    [](char e, char c) { return e == (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
}

// --- CSV -----------------------------------------------------------------------------------------

class Lines {
 public:
  Lines(std::string_view text, char comma, const std::string& path)
      : text_(text), comma_(comma), path_(path) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  /// The cells of the next line that has any; false at the end.
  bool next(std::vector<std::string>& cells) {
    do {
      if (text_.empty()) return false;
      cells.clear();
      line_ = next_line_;
      while (cell(cells)) {
      }
    } while (cells.size() == 1 && cells[0].empty());
    return true;
  }
  std::int64_t line() const { return line_; }

 private:
  // Takes a cell and the comma or line's end behind it. False where the line ends.
  bool cell(std::vector<std::string>& cells) {
    std::string text;
    if (text_.starts_with('"')) {
      text_.remove_prefix(1);
      while (true) {
        const std::size_t end = text_.find('"');
        if (end == std::string_view::npos)
          throw read_error(path_, "a quote is not closed")
              .got(fmt::format("the end of the file in a text that begins in line {}", line_));
        append(text, end);
        text_.remove_prefix(1);
        if (!text_.starts_with('"')) break;
        text += '"';
        text_.remove_prefix(1);
      }
    }
    const char ends[] = {comma_, '\n', '\0'};
    const std::size_t end = std::min(text_.find_first_of(ends), text_.size());
    append(text, end);
    const bool more = text_.starts_with(comma_);
    if (!more && text.ends_with('\r')) text.pop_back();
    if (text_.starts_with('\n')) ++next_line_;
    text_.remove_prefix(std::min<std::size_t>(1, text_.size()));
    cells.push_back(std::move(text));
    return more;
  }
  void append(std::string& text, std::size_t bytes) {
    text += text_.substr(0, bytes);
    next_line_ +=
        std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(bytes), '\n');
    text_.remove_prefix(bytes);
  }

  std::string_view text_;
  char comma_;
  const std::string& path_;
  std::int64_t line_ = 0, next_line_ = 1;
};

CaseTable read_csv(std::string_view text, char comma, const std::string& path) {
  Lines lines(text, comma, path);
  CaseTable table;
  std::vector<std::string> cells;
  if (!lines.next(table.columns)) throw read_error(path, "the table has no line");
  while (lines.next(cells)) {
    if (cells.size() != table.columns.size())
      throw read_error(path, "a line of the table has another number of cells than the first")
          .got(fmt::format("{} in line {}", cells.size(), lines.line()))
          .allowed(fmt::format("{}", table.columns.size()));
    TableRow row{.where = fmt::format("line {}", lines.line()), .cells = {}};
    for (std::string& cell : cells) {
      row.cells.emplace_back();
      if (!cell.empty()) row.cells.back().files.push_back(std::move(cell));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

// --- JSON ----------------------------------------------------------------------------------------

// A text, or a list of texts that is not empty.
bool names_files(const Json& value) {
  return value.is_text() || (value.is_list() && !value.items.empty() &&
                             std::all_of(value.items.begin(), value.items.end(),
                                         [](const Json& v) { return v.is_text(); }));
}

TableCell cell_of(const Json* value) {
  TableCell cell;
  if (value == nullptr || !names_files(*value)) return cell;
  cell.list = value->is_list();
  if (value->is_text() && !value->text.empty()) cell.files.push_back(value->text);
  for (const Json& item : value->items) cell.files.push_back(item.text);
  return cell;
}

CaseTable of_objects(const Json& list, const std::string& name, const std::string& path) {
  CaseTable table;
  for (const Json& object : list.items) {
    if (!object.is_object())
      throw read_error(path, fmt::format("{} is not a list of objects", name.empty() ? "it" : name))
          .allowed(R"([{"image": "a.nii.gz", "label": "b.nii.gz"}, ...])");
    for (std::size_t i = 0; i < object.keys.size(); ++i)
      if (names_files(object.items[i]) && std::find(table.columns.begin(), table.columns.end(),
                                                    object.keys[i]) == table.columns.end())
        table.columns.push_back(object.keys[i]);
  }
  for (const Json& object : list.items) {
    TableRow row{.where = fmt::format("{}[{}]", name, table.rows.size()), .cells = {}};
    for (const std::string& column : table.columns)
      row.cells.push_back(cell_of(object.find(column)));
    table.rows.push_back(std::move(row));
  }
  return table;
}

// {"image": ["a.nii.gz", ...], "label": [...]}
CaseTable of_lists(const Json& object, const std::string& path) {
  CaseTable table;
  std::vector<const Json*> lists;
  std::vector<std::string> lengths;
  for (std::size_t i = 0; i < object.keys.size(); ++i) {
    const Json& value = object.items[i];
    if (!value.is_list() || std::none_of(value.items.begin(), value.items.end(), names_files))
      continue;
    table.columns.push_back(object.keys[i]);
    lists.push_back(&value);
    lengths.push_back(fmt::format("{}: {}", object.keys[i], value.items.size()));
  }
  if (lists.empty())
    throw read_error(path, "this JSON names no files")
        .allowed(
            R"(a list of objects, an object of lists, or a dataset.json with "training" or "channel_names")");
  for (const Json* list : lists)
    if (list->items.size() != lists[0]->items.size())
      throw read_error(path, "the lists differ in length")
          .got(fmt::format("{}", fmt::join(lengths, ", ")))
          .allowed("an entry of each for every case");
  for (std::size_t k = 0; k < lists[0]->items.size(); ++k) {
    TableRow row{.where = fmt::format("[{}]", k), .cells = {}};
    for (const Json* list : lists) row.cells.push_back(cell_of(&list->items[k]));
    table.rows.push_back(std::move(row));
  }
  return table;
}

// dataset.json of nnU-Net, version 2.
CaseTable of_channels(const Json& object, const std::string& path) {
  CaseTable table{.columns = {"image", "label"}, .rows = {}, .patterns = {}, .count = {}};
  const Json& channels = *object.find("channel_names");
  const std::size_t count = channels.items.size();
  if (!(channels.is_object() || channels.is_list()) || count == 0)
    throw read_error(path, "channel_names names no channels").allowed(R"({"0": "T1", ...})");
  if (const Json* promised = object.find("numTraining")) table.count = promised->text;
  if (const Json* cases = object.find("dataset"); cases != nullptr && cases->is_object()) {
    for (std::size_t i = 0; i < cases->keys.size(); ++i) {
      TableRow row{.where = fmt::format("dataset[\"{}\"]", cases->keys[i]), .cells = {}};
      row.cells = {cell_of(cases->items[i].find("images")), cell_of(cases->items[i].find("label"))};
      row.cells[0].list = true;
      if (row.cells[0].files.size() != count)
        throw read_error(path, fmt::format("{} has not one image a channel", row.where))
            .got(fmt::format("{} images", row.cells[0].files.size()))
            .allowed(fmt::format("{}, as channel_names has", count));
      table.rows.push_back(std::move(row));
    }
    return table;
  }
  const Json& ending = *object.find("file_ending");
  if (!ending.is_text()) throw read_error(path, "file_ending is not a text").allowed("\".nii.gz\"");
  for (std::size_t c = 0; c < count; ++c)
    table.patterns.push_back(fmt::format("imagesTr/{{case}}_{:04}{}", c, ending.text));
  table.patterns.push_back("labelsTr/{case}" + ending.text);
  return table;
}

CaseTable read_json(std::string_view text, const std::string& path) {
  const Json all = parse_json(text, path);
  if (all.is_list()) return of_objects(all, "", path);
  if (all.find("channel_names") != nullptr && all.find("file_ending") != nullptr)
    return of_channels(all, path);
  if (const Json* training = all.find("training"); training != nullptr && training->is_list())
    return of_objects(*training, "training", path);
  return of_lists(all, path);
}

}  // namespace

CaseTable parse_table(std::string_view text, const std::string& path) {
  if (ends_with(path, ".csv")) return read_csv(text, ',', path);
  if (ends_with(path, ".tsv")) return read_csv(text, '\t', path);
  if (ends_with(path, ".json")) return read_json(text, path);
  throw read_error(path, "this is no table of files, by its name").allowed(".csv, .tsv or .json");
}

CaseTable read_table(const std::string& path) { return parse_table(text_of(path), path); }

}  // namespace varo
