// Statements of fences and reports on the model of Delta tables.
#pragma once

#include "tests/support/fake_databricks/fake_workspace.hpp"
#include "tests/support/landing_model/sql_words.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace lakeferry::test {

// MERGE INTO `t` AS t USING, and at the cursor: (SELECT * FROM VALUES …) or (SELECT …, replace(…) AS report FROM VALUES …).
// counted: of the script's variable. Nullopt: something else stands there.
std::optional<fake_databricks::executed> fences_in_model(fake_databricks::fake_workspace& on, const std::string& table,
                                                         sql_cursor& at, std::int64_t counted);

}  // namespace lakeferry::test
