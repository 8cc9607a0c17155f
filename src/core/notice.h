// SPDX-License-Identifier: Apache-2.0
/// What a user should be told once, though nothing is wrong: kept until somebody asks, because
/// whoever notices it may hold no way to say it (a worker, a thread without the interpreter's lock).
#pragma once

#include <string>
#include <vector>

namespace varo {

/// Keeps `text`, unless the process has had it before. Any thread.
void notice(const std::string& text);
/// There are texts that nobody has taken. Costs nothing.
bool notices_waiting();
/// In order, each once.
std::vector<std::string> take_notices();

}  // namespace varo
