// SPDX-License-Identifier: Apache-2.0
#include "operators/api/operator.h"

namespace varo {

void SourceOperator::feed(std::vector<Ticket>) {
  throw Error(ErrorKind::state, "this source takes no data from outside");
}

}  // namespace varo
